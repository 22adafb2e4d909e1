"""Faults of a pump that delivers otherwise than it was told, or than it says [lab-workflow D1; issue 7].

What a pump does when its software is wrong no source states: that its log goes on as if nothing had happened is an
assumption of the twin, and the worst case for whoever must notice it.
"""

from __future__ import annotations

from typing import Final

from rig.sim.fault_spec import FaultSpec
from rig.units import INSULIN, PERCENT, TIME, Dimension

TEMPERATURE_STEP: Final = Dimension("temperature step", "K", (("K", "1"),), "5 K", 100.0)
PATTERNS: Final = ("standard", "a", "b")

THERAPY_SPECS: Final = (
    FaultSpec(
        "pump.wrong_segment", "count", "it delivers the segment of its profile that comes so many later",
        "pump.wrong_segment=1",
    ),
    FaultSpec(
        "pump.wrong_pattern", "choice", "it delivers this pattern, and says that the selected one runs",
        "pump.wrong_pattern=a@2h", None, PATTERNS,
    ),
    FaultSpec(
        "pump.temp_stuck", "on", "a temporary basal that has run out goes on, to the next one, a cancel or a suspend",
        "pump.temp_stuck=on",
    ),
    FaultSpec(
        "pump.clock_shift", "time", "at START its clock jumps forward by this, and no record tells of it",
        "pump.clock_shift=1h@2h", TIME, (), (0, 86_400),
    ),
    FaultSpec(
        "pump.bolus_repeat", "count", "this many boluses from START on are given once more at once, without a record",
        "pump.bolus_repeat=1@1h",
    ),
    FaultSpec(
        "pump.over_report", "%", "the log says of each bolus that so much more was delivered than was",
        "pump.over_report=20%", PERCENT, (), (0, 100),
    ),
    FaultSpec(
        "pump.empty_at", "U", "the reservoir holds only this much from the beginning, and the pump counts on unawares",
        "pump.empty_at=30U", INSULIN, (), (0, 1000),
    ),
    FaultSpec(
        "pump.warmed", "K", "the reservoir is warmed by this from START to END, and gives its expansion away",
        "pump.warmed=5K@1h+2h", TEMPERATURE_STEP, (), (-30, 30),
    ),
)  # fmt: skip
