"""What every driver of a meter must do, whatever stands behind it: a transcript, a simulator, or a real meter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from rig.conformance.report import Check, MakeBench, Rows, carry_out, expect, expect_error
from rig.electrical import Metered
from rig.errors import BenchError, InstrumentError, TransportTimeout
from rig.plugins.electrical_roles import MeterDriver
from rig.plugins.spec import Capability
from rig.transport.links import Link, Links

ALL: Final = frozenset(Capability)
RANGES_A: Final = (0.1, 0.2)  # what a meter of one or another maker has
NPLC: Final = 1.0
BURST: Final = 3
HIGHEST_A: Final = 10.0


@dataclass(frozen=True, slots=True)
class MeterBench:
    """A meter that nobody has talked to yet, its link, and who it should be; it sees a current within ``range_a``."""

    meter: MeterDriver
    links: Links
    link: Link
    model: str
    serial: str
    range_a: float
    finish: Callable[[], None] = lambda: None


def check_meter(make: MakeBench[MeterBench], capabilities: frozenset[Capability] = ALL) -> Rows:
    """Carry out the suite: ``make`` returns a fresh bench for a situation, or why it cannot set the scene."""
    return carry_out(CHECKS, make, capabilities)


def _identified(bench: MeterBench) -> None:
    bench.meter.open()
    who = bench.meter.identify()
    expect((who.model, who.serial) == (bench.model, bench.serial), f"it says it is {who}")
    expect(bool(who.maker and who.firmware), f"it does not say who made it, or its firmware: {who}")


def _left_error(bench: MeterBench) -> None:
    bench.meter.open()
    expect(len(bench.meter.left_errors) == 1, f"one error was left in its queue, told are {bench.meter.left_errors}")
    expect(not bench.meter.errors(), "its error queue is not empty after it was opened")


def _one(bench: MeterBench) -> None:
    before_ns = bench.links.clock.now_ns()
    _configured(bench)
    _good([bench.meter.read_current()], bench, before_ns)


def _burst(bench: MeterBench) -> None:
    before_ns = bench.links.clock.now_ns()
    _configured(bench)
    found = bench.meter.read_burst(BURST)
    expect(len(found) == BURST, f"{BURST} readings were asked for, {len(found)} came")
    _good(found, bench, before_ns)


def _overload(bench: MeterBench) -> None:
    _configured(bench)
    found = bench.meter.read_current()
    expect(found.overload and found.current_a is None, f"an overload is told as {found.current_a} A")


def _unconfigured(bench: MeterBench) -> None:
    bench.meter.open()
    expect_error(InstrumentError, bench.meter.read_current, "a reading in a range that nobody has fixed")


def _range_otherwise(bench: MeterBench) -> None:
    expect_error(InstrumentError, lambda: _configured(bench), "a range that reads back otherwise")


def _silent(bench: MeterBench) -> None:
    error = expect_error(TransportTimeout, bench.meter.open, "asking a meter that says nothing")
    expect(bench.link.name in str(error), f"the error does not name the link: {error}")
    expect("\n" not in str(error), "the error has several lines")


def _damaged(bench: MeterBench) -> None:
    _configured(bench)
    before_ns = bench.links.clock.now_ns()
    expect_error(BenchError, bench.meter.read_current, "reading with half an answer")
    _good([bench.meter.read_current()], bench, before_ns)


def _stranger(bench: MeterBench) -> None:
    expect_error(BenchError, bench.meter.open, "opening something that is no meter")


def _configured(bench: MeterBench) -> None:
    bench.meter.open()
    bench.meter.configure(bench.range_a, NPLC)


def _good(readings: list[Metered], bench: MeterBench, before_ns: int) -> None:
    times = [before_ns]
    for reading in readings:
        times += [reading.asked_ns, reading.answered_ns]
        current_a = reading.current_a
        expect(current_a is not None and abs(current_a) < HIGHEST_A, f"a current of {current_a} A is no reading")
    times.append(bench.links.clock.now_ns())
    expect(times == sorted(times), f"the times of asking and answering are not in order: {times}")


CHECKS: Final[tuple[Check[MeterBench], ...]] = (
    Check("identified", "it says who it is", _identified, essential=True),
    Check("left_error", "another program's error is told at opening, and is not ours later", _left_error),
    Check("one", "range and integration time are set and read back, and a reading has its times", _one, essential=True),
    Check("burst", "several readings come in order", _burst, essential=True),
    Check("overload", "an overload is told as one, and never as a number", _overload, essential=True),
    Check("unconfigured", "nothing is read in a range that nobody has fixed", _unconfigured, essential=True),
    Check("range_otherwise", "a range that does not come back as set is an error", _range_otherwise, essential=True),
    Check(
        "silent", "a meter that says nothing is a time-out, in one line that names the link", _silent, essential=True
    ),
    Check("damaged", "half an answer is an error, and the next reading is good", _damaged),
    Check("stranger", "something that is no meter is refused", _stranger),
)
SITUATIONS: Final = tuple(check.situation for check in CHECKS)
