"""Faults of the sensors of the air; they touch what is measured, never the air itself."""

from __future__ import annotations

from typing import Final

from rig.sim.fault_spec import FaultSpec
from rig.units import Dimension

PRESSURE: Final = Dimension("air pressure", "hPa", (("hPa", "1"), ("mbar", "1"), ("kPa", "10")), "3 hPa", 1e6)
WARMTH: Final = Dimension("temperature difference", "K", (("K", "1"), ("mK", "0.001")), "3 K", 1e4)

AIR_SPECS: Final = (
    FaultSpec("air.silent", "on", "the sensors of the air answer nothing any more", "air.silent=on@1h+5min"),
    FaultSpec("air.stuck", "on", "they repeat their last values", "air.stuck=on@1h+5h"),
    FaultSpec(
        "air.missing", "choice", "they say that one value is missing", "air.missing=humidity@1h+10min", None,
        ("temperature", "humidity", "pressure"),
    ),
    FaultSpec("air.wet", "on", "the probe is wet: its humidity reads 100 %", "air.wet=on@1h+30min"),
    FaultSpec(
        "air.pressure_jump", "hPa", "they tell so much more pressure", "air.pressure_jump=8hPa@1h+2min", PRESSURE, (),
        (-1e3, 1e3),
    ),
    FaultSpec("air.warm", "K", "they read so much too warm", "air.warm=3K", WARMTH, (), (-50, 50)),
    FaultSpec(
        "air.unplugged", "on", "their cables are pulled, and put back at the end", "air.unplugged=on@1h+10min"
    ),
)  # fmt: skip
