"""The checks of percentages, patterns, clock, limits, keys and alarms: set, read back, refused, once, and put back.

Each leaves the pump as it found it, unless the driver is at fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from rig.conformance.pump_bench import TOLERANCE, PumpBench, acknowledged, delivers, pushed_once, restored
from rig.conformance.report import Check, expect, expect_error
from rig.errors import InstrumentError, UsageError
from rig.instruments import Acceptance, BasalEntry, Key
from rig.plugins.roles import Alarms, Boluses, Capability, Clock, Keys, Limits, Patterns, PercentTempBasals, TempBasals

PATTERN_A: Final = [BasalEntry(0, 0.5), BasalEntry(20, 1.05)]
LOW_BOLUS_U: Final = 3.0
LOW_BASAL_U_PER_H: Final = 2.0
CLOCK_S: Final = 2.0  # a pump shows whole seconds, and commands take time
HOUR: Final = timedelta(hours=1)
STANDARD: Final = datetime(2030, 5, 6, 7, 8, 9)  # noqa: DTZ001 - pump clocks are local


# --- temporary basals in percent


def _percent(bench: PumpBench) -> None:
    with _in_percent(bench) as pump:
        acknowledged("a temporary basal of 50 %", pump.set_temp_basal_percent(50, 60))
        running = pump.temp_basal()
        expect(running.is_percent, "it is not shown as a percentage")
        expect(running.percent == 50, f"it is shown with {running.percent} %, not 50")
        expect(58 <= running.minutes_left <= 60, f"{running.minutes_left} minutes are left, not 58 to 60")
        acknowledged("cancelling it", pump.set_temp_basal_percent(0, 0))
        left = pump.temp_basal().minutes_left
        expect(left == 0, f"{left} minutes are left after it was cancelled")


def _percent_ack_lost(bench: PumpBench) -> None:
    with _in_percent(bench) as pump:
        found = pump.set_temp_basal_percent(50, 60)
        acknowledged("a temporary basal in percent whose answer was lost", found)
        acknowledged("cancelling it", pump.set_temp_basal_percent(0, 0))


def _percent_steps(bench: PumpBench) -> None:
    with _in_percent(bench) as pump:
        for percent, minutes in ((201, 60), (-1, 60), (50, 45), (50, 1470)):
            what = f"a temporary basal of {percent} % for {minutes} min"
            expect_error(UsageError, _later(pump.set_temp_basal_percent, percent, minutes), what)
        left = pump.temp_basal().minutes_left
        expect(left == 0, f"a temporary basal runs, with {left} min left")


@contextmanager
def _in_percent(bench: PumpBench) -> Iterator[PercentTempBasals]:
    """Let the pump take temporary basals in percent meanwhile, and see that its settings show it."""
    pump = bench.role(PercentTempBasals)
    bench.pump.wake()

    def chosen() -> bool:
        return bench.pump.settings().temp_basal_is_percent

    former = chosen()
    with restored(
        "the kind of temporary basals", lambda: pump.set_temp_basal_type(percent=former), lambda: chosen() is former
    ):
        acknowledged("choosing percentages", pump.set_temp_basal_type(percent=True))
        expect(chosen(), "the settings do not show that percentages were chosen")
        yield pump


# --- patterns


def _pattern(bench: PumpBench) -> None:
    pump = bench.role(Patterns)
    bench.pump.wake()
    standard, former = pump.profile(), pump.profile(1)
    wanted = [replace(entry, rate_u_per_h=entry.rate_u_per_h + 0.5) for entry in PATTERN_A]
    if former != PATTERN_A:
        wanted = PATTERN_A
    acknowledged("writing pattern A", pump.set_profile(wanted, 1))
    found = pump.profile(1)
    expect(found == wanted, f"pattern A is read back as {found}, written: {wanted}")
    expect(pump.profile() == standard, "the standard profile changed with it")
    _select_a(bench, pump)
    if former:
        acknowledged("putting pattern A back", pump.set_profile(former, 1))
        expect(pump.profile(1) == former, "pattern A was put back, and is not shown as it was")


def _pattern_ack_lost(bench: PumpBench) -> None:
    bench.pump.wake()
    _select_a(bench, bench.role(Patterns))


def _select_a(bench: PumpBench, pump: Patterns) -> None:
    former = bench.pump.settings().pattern
    other = 1 if former != 1 else 2

    def selected() -> int:
        return bench.pump.settings().pattern

    with restored("the pattern", lambda: pump.select_pattern(former), lambda: selected() == former):
        acknowledged(f"selecting pattern {other}", pump.select_pattern(other))
        expect(selected() == other, f"the settings show pattern {selected()}, not {other}")


def _pattern_steps(bench: PumpBench) -> None:
    pump = bench.role(Patterns)
    bench.pump.wake()
    before = bench.pump.settings().pattern, pump.profile()
    for pattern in (3, -1):
        expect_error(UsageError, _later(pump.select_pattern, pattern), f"selecting pattern {pattern}")
        expect_error(UsageError, _later(pump.set_profile, PATTERN_A, pattern), f"writing pattern {pattern}")
    found = bench.pump.settings().pattern, pump.profile()
    expect(found == before, f"pattern and standard profile changed to {found}")


# --- clock


def _clock(bench: PumpBench) -> None:
    pump = bench.role(Clock)
    bench.pump.wake()
    before, at_ns = bench.pump.clock(), bench.links.clock.now_ns()

    def as_before() -> datetime:
        return before + timedelta(microseconds=(bench.links.clock.now_ns() - at_ns) // 1000)

    with restored(
        "the clock",
        lambda: pump.set_clock((as_before() + timedelta(seconds=0.5)).replace(microsecond=0)),
        lambda: abs((bench.pump.clock() - as_before()).total_seconds()) <= CLOCK_S,
    ):
        wanted = before.replace(microsecond=0) + HOUR
        acknowledged("setting the clock", pump.set_clock(wanted))
        set_ns = bench.links.clock.now_ns()
        shown = bench.pump.clock()
        passed_s = (bench.links.clock.now_ns() - set_ns) / 1e9
        late_s = (shown - wanted).total_seconds()
        expect(-CLOCK_S <= late_s <= CLOCK_S + passed_s, f"the clock was set to {wanted} and shows {shown}")


def _clock_steps(bench: PumpBench) -> None:
    pump = bench.role(Clock)
    bench.pump.wake()
    before = bench.pump.clock()
    for local, what in (
        (STANDARD.replace(tzinfo=UTC), "a time with a time zone"),
        (STANDARD.replace(year=1999), "a time of 1999"),
        (STANDARD.replace(microsecond=500_000), "half a second"),
    ):
        expect_error(UsageError, _later(pump.set_clock, local), f"setting the clock to {what}")
    moved = bench.pump.clock() - before
    expect(timedelta(0) <= moved < HOUR, f"the clock moved by {moved}")


# --- limits


def _limits(bench: PumpBench) -> None:
    pump = bench.role(Limits)
    bench.pump.wake()
    bolus_u, basal = _shown_limits(bench)

    with restored(
        "the limits", lambda: pump.set_limits(bolus_u, basal), lambda: _near(_shown_limits(bench), (bolus_u, basal))
    ):
        acknowledged("setting the largest bolus", pump.set_limits(max_bolus_u=LOW_BOLUS_U))
        _show_limits(bench, (LOW_BOLUS_U, basal))
        acknowledged("setting the highest basal rate", pump.set_limits(max_basal_u_per_h=LOW_BASAL_U_PER_H))
        _show_limits(bench, (LOW_BOLUS_U, LOW_BASAL_U_PER_H))
        _refused_beyond(bench)


def _refused_beyond(bench: PumpBench) -> None:
    """See that the pump itself refuses what is beyond its limits, and that nothing of it runs."""
    if bench.does(Boluses):
        bolus = bench.role(Boluses).bolus
        expect_error(InstrumentError, lambda: bolus(LOW_BOLUS_U + 1.0), "a bolus beyond the limit")
        expect(not bench.pump.status().bolusing, "a bolus beyond the limit runs")
    if bench.does(TempBasals):
        temp = bench.role(TempBasals)
        beyond = LOW_BASAL_U_PER_H + 0.1
        expect_error(InstrumentError, lambda: temp.set_temp_basal(beyond, 30), "a temporary basal beyond the limit")
        expect(temp.temp_basal().minutes_left == 0, "a temporary basal beyond the limit runs")


def _limit_ack_lost(bench: PumpBench) -> None:
    pump = bench.role(Limits)
    bench.pump.wake()
    bolus_u, basal = _shown_limits(bench)
    with restored(
        "the limits", lambda: pump.set_limits(bolus_u, basal), lambda: _near(_shown_limits(bench), (bolus_u, basal))
    ):
        acknowledged("setting a limit whose answer was lost", pump.set_limits(max_bolus_u=LOW_BOLUS_U))
        _show_limits(bench, (LOW_BOLUS_U, basal))


def _limit_steps(bench: PumpBench) -> None:
    pump = bench.role(Limits)
    bench.pump.wake()
    before = _shown_limits(bench)
    for bolus_u in (-1.0, 3.013, 1000.0):
        expect_error(UsageError, _later(pump.set_limits, bolus_u), f"a largest bolus of {bolus_u:g} U")
    for basal in (-1.0, 0.013, 1000.0):
        expect_error(UsageError, _later(pump.set_limits, None, basal), f"a highest basal rate of {basal:g} U/h")
    _show_limits(bench, before)


def _shown_limits(bench: PumpBench) -> tuple[float, float]:
    settings = bench.pump.settings()
    return settings.max_bolus_u, settings.max_basal_u_per_h


def _near(found: tuple[float, float], wanted: tuple[float, float]) -> bool:
    return all(abs(shown - set_to) < TOLERANCE for shown, set_to in zip(found, wanted, strict=True))


def _show_limits(bench: PumpBench, wanted: tuple[float, float]) -> None:
    found = _shown_limits(bench)
    expect(
        _near(found, wanted), f"limits of {found[0]:g} U and {found[1]:g} U/h, not {wanted[0]:g} U and {wanted[1]:g}"
    )


# --- keys and alarms


def _key(bench: PumpBench) -> None:
    bench.pump.wake()
    acknowledged("pushing ESC", bench.role(Keys).press(Key.ESC))
    pushed_once(bench)
    expect(not bench.pump.status().bolusing, "a bolus runs after ESC")


def _key_ack_lost(bench: PumpBench) -> None:
    bench.pump.wake()
    found = bench.role(Keys).press(Key.ESC)
    expect(found is Acceptance.UNKNOWN, f"the driver says {found.value} of a key whose answer was lost")
    pushed_once(bench)


def _alarm_read(bench: PumpBench) -> None:
    bench.pump.wake()
    code = bench.role(Alarms).alarm()
    expect(code == 0, f"alarm {code} is told where none is")


def _alarm(bench: PumpBench) -> None:
    bench.pump.wake()
    code = bench.role(Alarms).alarm()
    expect(code == bench.alarm, f"alarm {code} is told, and {bench.alarm} is pending")


def _later(command: Callable[..., object], *arguments: object) -> Callable[[], object]:
    return lambda: command(*arguments)


_C = Capability
SETTINGS: Final[tuple[Check[PumpBench], ...]] = (
    Check("alarm_read", "a pump without an alarm tells none", _alarm_read, _C.ALARMS, essential=True),
    Check("alarm", "an alarm that is pending is told by its code", _alarm, _C.ALARMS, essential=True),
    delivers(
        "percent",
        "a temporary basal in percent is shown with share and time, and can be cancelled",
        _percent,
        _C.PERCENT_TEMP_BASALS,
    ),
    delivers(
        "percent_ack_lost",
        "the pump acts on one in percent and its answer is lost: reading back settles it",
        _percent_ack_lost,
        _C.PERCENT_TEMP_BASALS,
    ),
    delivers(
        "percent_steps",
        "one of more than 200 %, of less than 0, or between steps of time is a usage error",
        _percent_steps,
        _C.PERCENT_TEMP_BASALS,
    ),
    delivers("pattern", "pattern A is written and selected, and the standard profile stays", _pattern, _C.PATTERNS),
    delivers(
        "pattern_ack_lost",
        "the pump selects a pattern and its answer is lost: the settings settle it",
        _pattern_ack_lost,
        _C.PATTERNS,
    ),
    delivers("pattern_steps", "a pattern that there is not is a usage error", _pattern_steps, _C.PATTERNS),
    delivers("clock", "a clock that was set shows the time, and goes on from there", _clock, _C.CLOCK),
    delivers(
        "clock_steps", "a time with a zone, of 1999, or between two seconds is a usage error", _clock_steps, _C.CLOCK
    ),
    delivers("limits", "limits that were set are read back, and the pump keeps to them", _limits, _C.LIMITS),
    delivers(
        "limit_ack_lost",
        "the pump takes a limit and its answer is lost: the settings settle it",
        _limit_ack_lost,
        _C.LIMITS,
    ),
    delivers("limit_steps", "limits beyond the pump or between steps are a usage error", _limit_steps, _C.LIMITS),
    delivers("key", "a key is pushed once, and ESC starts nothing", _key, _C.KEYS),
    delivers(
        "key_ack_lost",
        "the pump feels a key and its answer is lost: UNKNOWN, pushed once",
        _key_ack_lost,
        _C.KEYS,
    ),
)
