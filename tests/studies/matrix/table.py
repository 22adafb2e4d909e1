"""What is seeded, in which scene, and what is expected: stated before anything is run (issue 7, item 3).

``{x}`` in a fault is the size; ``{rest}`` is ``base`` less the size. ``by``: what counts as having found it: "FAIL" and
"INVALID" are outcomes of the run, everything else a finding. ``after``: the fault begins so many hours after the first
blank. ``must``: outcomes that the largest size may lead to; whatever else is a surprise and goes into the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.studies.matrix.scenes import BASALS

PUMP, BENCH = "pump", "bench"
KNOWN_FLOW: Final = "a known flow (rig qualify) in place of the pump"
WEIGHT: Final = "a reference weight on the pan, before and after"
SECOND_SET: Final = "another set, or the same pump on a second bench"
TWIN_VESSEL: Final = "a twin vessel, or blanks within the run"


@dataclass(frozen=True, slots=True)
class Case:
    """One fault in some scenes; ``sizes`` rise, in ``unit``; a fault that is only on has the one size 1."""

    name: str
    side: str
    fault: str
    sizes: tuple[float, ...]
    unit: str
    scenes: tuple[str, ...]
    by: tuple[str, ...]
    must: tuple[str, ...]
    formula: str = ""
    after: float | None = None
    base: float = 0.0
    confounded: str = ""
    separated_by: str = ""

    def faults(self, size: float, begins_h: float) -> tuple[str, ...]:
        """Return the faults of one size for a scene whose first blank ends at ``begins_h``."""
        at = "" if self.after is None else f"@{3600.0 * (begins_h + self.after):.0f}s"
        written = self.fault.format(x=f"{size:g}", rest=f"{self.base - size:g}", at=at)
        return tuple(written.split())

    @property
    def is_switch(self) -> bool:
        """Return whether it has no size."""
        return self.sizes == (1.0,)


ON: Final = (1.0,)
GAINS: Final = (3, 4, 5, 6, 6.5, 7, 7.5, 8, 9, 10, 11, 12, 14, 16, 20)
COUNTS: Final = (1, 2, 3, 4, 6, 8, 12, 16)
LEAKS: Final = (0.002, 0.004, 0.006, 0.008, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.06, 0.1)
FAIL: Final = ("FAIL",)
INVALID: Final = ("INVALID",)
TEN: Final = ("basal-10",)


def cases() -> tuple[Case, ...]:
    """Return the table."""
    return (*_pump_basal(), *_pump_other(), *_bench_levels(), *_bench_readings())


def _pump_basal() -> tuple[Case, ...]:
    low, over = "line.leak, balance.gain below 0, line.touch, vessel.rim", "balance.gain above 0, line.siphon"
    return (
        Case("gain too low", PUMP, "pump.gain=-{x}%", GAINS, "%", BASALS, FAIL, FAIL, "gain-low",
             confounded=low, separated_by=f"{WEIGHT}; {KNOWN_FLOW}"),
        Case("gain too high", PUMP, "pump.gain={x}%", GAINS, "%", BASALS, FAIL, FAIL, "gain-high",
             confounded=over, separated_by=f"{WEIGHT}; the slope with the pump stopped"),
        Case("missed pulses", PUMP, "pump.miss_dose={x}{at}", COUNTS, "pulses", BASALS, ("dose-missed",),
             ("PASS", "INCONCLUSIVE", "FAIL"), "doses", after=8.0, confounded="line.bubble, a short occlusion",
             separated_by=SECOND_SET),
        Case("doubled pulses", PUMP, "pump.double_dose={x}{at}", COUNTS, "pulses", BASALS, ("dose-doubled",),
             ("PASS", "INCONCLUSIVE", "FAIL"), "doses", after=8.0, confounded="balance.bump above 0",
             separated_by="a second run"),
        Case("late start", PUMP, "pump.late_start={x}min", (10, 20, 40, 60, 80, 90, 100, 120, 140, 170, 200, 240),
             "min", BASALS, FAIL, FAIL, "late", confounded="gain too low, as far as the sum goes",
             separated_by="the start-up graph"),
    )  # fmt: skip


def _pump_other() -> tuple[Case, ...]:
    return (
        Case("bolus cut short", PUMP, "pump.bolus_short={x}%", (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25), "%",
             ("bolus",), (*FAIL, "over-reported"), FAIL, "short", confounded="line.leak", separated_by=SECOND_SET),
        Case("bolus given twice", PUMP, "pump.bolus_repeat={x}{at}", (1, 2), "boluses", ("bolus",), ("bolus-excess",),
             FAIL, "one", after=0.6, confounded="a bolus by hand, which the log would show"),
        Case("log says more than was given", PUMP, "pump.over_report={x}%", (1, 1.5, 2, 4, 6, 8, 10, 12, 15, 20), "%",
             ("bolus",), ("bolus-reported-otherwise", "over-reported"), ("PASS",), "report"),
        Case("leaks while suspended", PUMP, "pump.suspend_leak={x}U/h{at}+264min", LEAKS, "U/h", ("suspend",),
             ("suspend-flow", *INVALID), ("FAIL", "PASS", "INCONCLUSIVE"), "suspend", after=0.5,
             confounded="line.siphon, balance.drift", separated_by="the pump taken off the line"),
        Case("leaks while suspended and in the closing blank", PUMP, "pump.suspend_leak={x}U/h{at}", LEAKS, "U/h",
             ("suspend",), ("suspend-flow", "blank-drift", *INVALID), ("FAIL", "INVALID", "INCONCLUSIVE", "PASS"),
             after=0.5,
             confounded="condensation, balance.drift", separated_by="the pump taken off the line"),
        Case("temporary basal does not end", PUMP, "pump.temp_stuck=on", ON, "on", ("temp",), FAIL, FAIL),
        Case("wrong pattern", PUMP, "pump.wrong_pattern=a{at}", ON, "on", ("patterns",), FAIL, FAIL, after=0.1),
        Case("wrong segment", PUMP, "pump.wrong_segment={x}", ON, "segments", ("day",), FAIL, FAIL),
        Case("clock shifted", PUMP, "pump.clock_shift={x}min{at}", (0.03, 0.05, 0.1, 0.2, 0.5, 1, 5, 15, 60), "min",
             ("day",), (*FAIL, "pump-clock-drift"), ("FAIL", "PASS"), "clock", after=0.2),
        Case("occlusion alarm late", PUMP, "pump.occlusion_alarm={x}kPa", (100, 120, 140, 150, 155, 160, 165, 168, 171),
             "kPa", ("occlusion",), FAIL, FAIL, "alarm"),
        Case("occlusion alarm absent", PUMP, "pump.occlusion_deaf=on", ON, "on", ("occlusion",), FAIL, FAIL),
        Case("empty reservoir unnoticed", PUMP, "pump.empty_at={rest}U", (0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 6, 10), "U",
             ("empty",), FAIL, FAIL, "empty", base=40.0, confounded="line.occlusion with a deaf alarm, vessel.rim"),
    )  # fmt: skip


def _bench_levels() -> tuple[Case, ...]:
    """Faults that move the level slowly, or scale it."""
    rising = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.6, 0.8, 1.2, 1.6, 2.0, 2.5, 3.0)
    slow = (0.02, 0.04, 0.06, 0.08, 0.1, 0.13, 0.16, 0.2, 0.3, 0.5, 0.8)
    blanks = ("blank-drift", "INVALID")
    return (
        Case("evaporation, all the time", BENCH, "vessel.evaporation={x}mg/h", rising, "mg/h", ("basal-01", "basal-10"),
             INVALID, INVALID, "evaporation"),
        Case("evaporation that begins in the run", BENCH, "vessel.evaporation={x}mg/h{at}", slow, "mg/h",
             ("basal-01", "basal-10"), blanks, ("INVALID", "INCONCLUSIVE", "PASS", "FAIL"), "blanks", after=4.0,
             confounded="gain too low", separated_by=TWIN_VESSEL),
        Case("oil creeps over the rim", BENCH, "vessel.oil_creep={x}mg/h{at}", slow, "mg/h", ("basal-01", "basal-10"),
             blanks, ("INVALID", "INCONCLUSIVE", "PASS", "FAIL"), "blanks", after=4.0, confounded="gain too low",
             separated_by=TWIN_VESSEL),
        Case("zero drift between the blanks", BENCH, "balance.drift=-{x}mg/h{at}+20h",
             (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0), "mg/h", TEN, FAIL, FAIL, "hidden", after=2.0,
             confounded="gain too low", separated_by=TWIN_VESSEL),
        Case("span of the balance too low", BENCH, "balance.gain=-{x}%", GAINS, "%", TEN, FAIL, FAIL, "gain-low",
             confounded="gain too low", separated_by=WEIGHT),
        Case("leak before the outlet", BENCH, "line.leak={x}%", GAINS, "%", TEN, FAIL, FAIL, "gain-low",
             confounded="gain too low", separated_by=SECOND_SET),
        Case("tube touches the vessel", BENCH, "line.touch={x}%{at}", GAINS, "%", TEN, FAIL, FAIL, "gain-low",
             after=0.0, confounded="gain too low", separated_by=WEIGHT),
        Case("siphon that begins in the run", BENCH, "line.height=30cm line.siphon=on{at}", ON, "on", TEN,
             (*blanks, *FAIL), ("INVALID", "FAIL"), after=4.0, confounded="gain too high",
             separated_by="the slope with the pump stopped"),
        Case("vessel full", BENCH, "vessel.rim={rest}mg", (5, 8, 10, 12, 14, 16, 20, 30, 60), "mg", TEN,
             (*FAIL, *INVALID), (*FAIL, *INVALID), "full", base=240.0, confounded="empty reservoir unnoticed",
             separated_by="look at it"),
        Case("warm vessel", BENCH, "vessel.warm={x}K", (0.5, 1, 2, 3, 5, 8, 12, 20), "K", TEN, blanks,
             ("PASS", "INVALID", "INCONCLUSIVE"), "warm", confounded="evaporation that dies away"),
        Case("room warms and cools", BENCH, "room.temperature={x}K", (1, 2, 3, 5), "K", TEN, ("Q-DRIFT", *blanks),
             ("PASS", "INCONCLUSIVE", "INVALID")),
        Case("air pressure swings", BENCH, "room.pressure={x}hPa", (3, 6, 10), "hPa", TEN, ("Q-DRIFT", *blanks),
             ("PASS", "INCONCLUSIVE", "INVALID")),
        Case("pump warmed in the run", BENCH, "pump.warmed={x}K{at}", (1, 2, 3, 4, 5, 8, 12), "K", TEN,
             ("measured-not-set", "level-moved", "unscheduled-step"), ("PASS",), "warmed", after=8.0,
             confounded="a small bolus by hand"),
    )  # fmt: skip


def _bench_readings() -> tuple[Case, ...]:
    """Faults of single readings and of the display."""
    moved = ("Q-BUMP", "Q-SPIKE", "unscheduled-step", "level-moved", "measured-not-set", "fall-taken-out",
             "fall-in-budget")  # fmt: skip
    fine = ("PASS", "INCONCLUSIVE", "INVALID")
    masses = (0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0, 3.0)
    return (
        Case("zero tracking", BENCH, "balance.zero_tracking=on", ON, "on", BASALS, ("Q-ZERO", *INVALID), INVALID),
        Case("slow filter", BENCH, "balance.filter={x}s", (3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20), "s", ("bolus",),
             ("Q-SMEAR",), fine, "filter"),
        Case("air bubble", BENCH, "line.bubble={x}uL{at}", (0.25, 0.5, 0.75, 1, 1.5, 2, 4), "uL", BASALS,
             ("dose-missed", "dose-late"), ("PASS", "INCONCLUSIVE", "FAIL"), "bubble", after=8.0,
             confounded="missed pulses", separated_by=SECOND_SET),
        Case("drops: outlet above the surface", BENCH, "line.drops={x}mg", (1, 2, 3, 4, 5, 6, 8, 12), "mg",
             ("basal-01", "basal-10"), ("Q-DROP",), INVALID, "drops"),
        Case("patchy wetting of the tube", BENCH, "line.wetting={x}mg", (0.1, 0.3, 1.0, 2.0), "mg", TEN, moved, fine),
        Case("draught for 30 min", BENCH, "balance.draught={x}mg{at}+30min",
             (0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15, 0.2), "mg", TEN, ("Q-NOISE",), fine, "draught", after=6.0),
        Case("static that decays, rising", BENCH, "balance.static={x}mg{at}", masses, "mg", TEN, moved, fine, "rise",
             after=8.0),
        Case("knock, level up", BENCH, "balance.bump={x}mg{at}", masses, "mg", BASALS, moved, fine, "rise", after=8.0,
             confounded="doubled pulses", separated_by="a second run"),
        Case("knock, level down", BENCH, "balance.bump=-{x}mg{at}", masses, "mg", BASALS, moved, fine, "fall",
             after=8.0),
        Case("readings missing", BENCH, "balance.unplugged=on{at}+{x}s", (15, 20, 30, 60, 90, 120, 300), "s", TEN,
             ("gap", "INVALID"), fine, "gap", after=8.0),
        Case("unit changed for 10 min", BENCH, "balance.unit=mg{at}+10min", ON, "on", TEN,
             ("readings-failed", "INVALID"), ("PASS",), after=8.0),
        Case("display frozen", BENCH, "balance.frozen=on{at}+{x}s",
             (60, 120, 180, 240, 300, 360, 420, 600, 900, 1200, 1800),
             "s", ("basal-01", "basal-10"), ("Q-REPEAT", "display-frozen"), fine, "frozen", after=8.0),
    )  # fmt: skip
