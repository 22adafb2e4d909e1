"""Faults that act on the balance itself or on its line, whatever protocol it speaks [balance-protocols 7]."""

from __future__ import annotations

from typing import Final

from rig.sim.fault_spec import FaultSpec
from rig.units import PERCENT, TIME

BALANCE_SPECS: Final = (
    FaultSpec("balance.underload", "on", "the pan is lifted off", "balance.underload=on@1h+1min"),
    FaultSpec(
        "balance.unstable", "on", "the balance never calls a reading stable (building sways)", "balance.unstable=on@1h"
    ),
    FaultSpec(
        "balance.coarse", "on", "the display leaves out its last digit, as in a coarser range", "balance.coarse=on@1h"
    ),
    FaultSpec(
        "balance.adjusting", "on", "it adjusts itself (FACT, isoCAL), or warms up", "balance.adjusting=on@1h+2min"
    ),
    FaultSpec("balance.error", "on", "its cell reports an error", "balance.error=on@1h+1min"),
    FaultSpec(
        "balance.asleep", "on", "the balance is in standby at START, until the end or until a command wakes it",
        "balance.asleep=on@1h",
    ),
    FaultSpec(
        "balance.power_cut", "on", "it has no supply, and starts anew at the end: zeroed, tare and stream lost",
        "balance.power_cut=on@1h+2s",
    ),
    FaultSpec(
        "balance.autoprint", "on", "somebody starts a stream at START: another program, or the menu's automatic print",
        "balance.autoprint=on@1h+1min",
    ),
    FaultSpec(
        "balance.late", "time", "every answer comes so much later, of link time", "balance.late=2s", TIME, (), (0, 600)
    ),
    FaultSpec(
        "balance.halves", "time", "lines come in two halves, the second so much later", "balance.halves=50ms", TIME, (),
        (0, 60),
    ),
    FaultSpec(
        "balance.joined", "time", "lines are kept this long and then come in one piece, as from a serial server",
        "balance.joined=500ms", TIME, (), (0, 60),
    ),
    FaultSpec("balance.cut", "count", "this many lines from START on lose their second half", "balance.cut=1@1h"),
    FaultSpec(
        "balance.noise", "%", "share of lines with noise bytes before them", "balance.noise=5%", PERCENT, (), (0, 100)
    ),
    FaultSpec(
        "balance.corrupt", "%", "share of lines with a bit wrong", "balance.corrupt=5%", PERCENT, (), (0, 100)
    ),
    FaultSpec(
        "balance.eighth_bit", "on", "the host reads 8 bits where the balance sends 7 and even parity",
        "balance.eighth_bit=on@1h",
    ),
)  # fmt: skip
"""The faults of weighing, of the unit and of the plug are older and stand with the plant's, in `rig.sim.faults`."""
