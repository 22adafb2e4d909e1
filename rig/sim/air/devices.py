"""The simulated sensor that goes with the name of a driver."""

from __future__ import annotations

from typing import Final

from rig.errors import UsageError
from rig.sim.air.folder import CHANNELS, SensorFolder
from rig.sim.air.probe import AirProbe
from rig.sim.air.ptu300 import Ptu300
from rig.sim.air.scpi import ScpiAir
from rig.transport.virtual import SimulatedDevice

MODELS: Final = ("ptu300", "scpi-air", *CHANNELS)


def simulated_sensor(protocol: str, probe: AirProbe) -> SimulatedDevice:
    """Return a sensor that feels what ``probe`` does; raises `UsageError` for one that the twin has not."""
    if protocol in CHANNELS:
        return SensorFolder(probe, protocol)
    if protocol == "ptu300":
        return Ptu300(probe)
    if protocol == "scpi-air":
        return ScpiAir(probe)
    raise UsageError(f"the twin has no sensor '{protocol}'", where="simulated air", expected=" or ".join(MODELS))
