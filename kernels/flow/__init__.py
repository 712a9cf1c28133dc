"""Flow: where each cell of the grid went between two grey pictures."""

from synchresis.kernels.flow.reference import flow_reference
from synchresis.kernels.flow.settings import FlowSettings

__all__ = ["FlowSettings", "flow_reference"]
