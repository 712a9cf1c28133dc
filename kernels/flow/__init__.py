"""Flow: where each cell of the grid went between two grey pictures.

`Flow` is the streaming stage (Numba), `flow_reference` the formulas it is held to.
"""

from synchresis.kernels.flow.reference import flow_reference
from synchresis.kernels.flow.settings import FlowSettings
from synchresis.kernels.flow.stage import Flow, FlowField, FlowState

__all__ = ["Flow", "FlowField", "FlowSettings", "FlowState", "flow_reference"]
