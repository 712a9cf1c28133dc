"""Doctor: what is here, whether each stage works by itself, and what to do where not."""

from synchresis.realtime.doctor.devices import examine_devices
from synchresis.realtime.doctor.finding import Finding
from synchresis.realtime.doctor.stages import examine_stages

__all__ = ["Finding", "examine_devices", "examine_stages"]
