"""What every driver of a sensor of the air must do, whatever stands behind it. None of it sets anything.

The air of every scene is still; ``air`` is what the sensor should tell of it, in degrees C, % and hPa.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from rig.conformance.report import Check, MakeBench, Rows, carry_out, expect, expect_error
from rig.errors import BenchError, InstrumentError, TransportTimeout
from rig.plugins.air import QUANTITIES, AirReading, AirSensor
from rig.plugins.roles import Capability
from rig.transport.links import Link, Links

ALL: Final = frozenset({Capability.TEMPERATURE, Capability.HUMIDITY, Capability.PRESSURE})
NEAR: Final = {"temperature": 0.06, "humidity": 0.06, "pressure": 0.06}  # half a last digit of the coarsest display
ROUNDS: Final = 3


@dataclass(frozen=True, slots=True)
class AirBench:
    """A sensor that nobody has talked to yet, its link, and what it should tell; None: not known, on a real bench."""

    sensor: AirSensor
    links: Links
    link: Link
    air: tuple[float, float, float] | None = None
    measures: frozenset[str] = frozenset(QUANTITIES)
    finish: Callable[[], None] = lambda: None


def check_environment(make: MakeBench[AirBench], capabilities: frozenset[Capability] = ALL) -> Rows:
    """Carry out the suite: ``make`` returns a fresh bench for a situation, or why it cannot set the scene."""
    return carry_out(CHECKS, make, capabilities)


def _identity(bench: AirBench) -> None:
    who = bench.sensor.identify()
    expect(bool(who.model), "it does not say what it is")
    expect(bench.sensor.identify() == who, "asked again, it calls itself otherwise")


def _steady(bench: AirBench) -> None:
    bench.sensor.open()
    times = [bench.links.clock.now_ns()]
    for _ in range(ROUNDS):
        reading = bench.sensor.read_air()
        times += [reading.asked_ns, reading.answered_ns]
        _agrees(bench, reading)
    times.append(bench.links.clock.now_ns())
    expect(times == sorted(times), f"the times of asking and answering are not in order: {times}")


def _agrees(bench: AirBench, reading: AirReading) -> None:
    expect(bool(reading.text), "a reading without its text")
    for number, quantity in enumerate(QUANTITIES):
        value = reading.of(quantity)
        if quantity not in bench.measures:
            expect(value is None, f"it has no {quantity}, and tells {value}")
            continue
        expect(value is not None, f"its {quantity} is missing")
        if bench.air is not None and value is not None:
            wanted = bench.air[number]
            expect(abs(value - wanted) <= NEAR[quantity], f"its {quantity} is {value:g}, not {wanted:g}")


def _silent(bench: AirBench) -> None:
    error = expect_error(TransportTimeout, bench.sensor.identify, "asking a sensor that says nothing")
    expect(bench.link.name in str(error), f"the error does not name the link: {error}")
    expect("\n" not in str(error), "the error has several lines")


def _missing(bench: AirBench) -> None:
    bench.sensor.open()
    try:
        value = bench.sensor.read_air().humidity_pct
    except InstrumentError:
        return
    expect(value is None, f"a humidity that is missing is told as {value}")


def _other_device(bench: AirBench) -> None:
    error = expect_error(BenchError, bench.sensor.identify, "asking something that is no such sensor")
    expect("\n" not in str(error), "the error has several lines")


def _pieces(bench: AirBench) -> None:
    bench.sensor.open()
    _agrees(bench, bench.sensor.read_air())


def _two_at_once(bench: AirBench) -> None:
    bench.sensor.open()
    _agrees(bench, bench.sensor.read_air())
    _agrees(bench, bench.sensor.read_air())


def _stream_running(bench: AirBench) -> None:
    bench.sensor.open()
    _agrees(bench, bench.sensor.read_air())
    bench.links.pause(1.0)  # a prompt may follow the answer
    before = bench.link.chunks
    bench.links.pause(3.0)
    expect(bench.link.chunks == before, f"something still comes unasked: {bytes(bench.link.inbox)!r}")


def _bad_once(bench: AirBench) -> None:
    bench.sensor.open()
    for _ in range(ROUNDS):  # the first of them is bad: an error, or asked again, and never another number
        try:
            _agrees(bench, bench.sensor.read_air())
        except BenchError as error:
            expect("\n" not in str(error), "the error has several lines")
    _agrees(bench, bench.sensor.read_air())


CHECKS: Final[tuple[Check[AirBench], ...]] = (
    Check("identity", "it says what it is, each time the same", _identity, essential=True),
    Check("steady", "still air gives what it claims to measure, in order, and nothing else", _steady, essential=True),
    Check(
        "silent", "a sensor that says nothing is a time-out, in one line that names the link", _silent, essential=True
    ),
    Check(
        "missing", "a missing humidity is none, or an error, and never a number", _missing, Capability.HUMIDITY,
        essential=True,
    ),
    Check("other_device", "something that is no such sensor is an error in one line", _other_device),
    Check("pieces", "an answer that comes in pieces is read as a whole", _pieces),
    Check("two_at_once", "a second line behind an answer is not taken for the next one", _two_at_once),
    Check("late", "nor is an answer that comes too late taken for that to another question", _bad_once),
    Check("stream_running", "another program's stream is ended, and nothing comes unasked", _stream_running),
    Check("damaged", "a damaged answer is never another number, and the next reading is good", _bad_once),
)  # fmt: skip
SITUATIONS: Final = tuple(check.situation for check in CHECKS)
AT_REST: Final = frozenset({"identity", "steady"})
