"""What every balance driver must do, whatever stands behind it: a transcript, a simulator, or a real balance.

None of it moves or tares anything. A condition that is asked for begins after the balance was opened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from rig.conformance.report import Check, MakeBench, Rows, carry_out, expect, expect_error
from rig.errors import BenchError, TransportTimeout
from rig.instruments import Balance
from rig.plugins.spec import Capability
from rig.plugins.streams import Streamed
from rig.readings import Weighing
from rig.transport.links import Link, Links
from rig.wire.weights import BalanceRefused, Condition

ALL: Final = frozenset(Capability)
STREAMING: Final = frozenset({"stream"})  # situations in which the driver is opened with `Address.stream`


@dataclass(frozen=True, slots=True)
class BalanceBench:
    """A balance that nobody has talked to yet, its link, and what it should say.

    ``arrange`` is called once the balance has said who it is: it waits until the situation has come about.
    """

    balance: Balance
    links: Links
    link: Link
    resolution_mg: float
    finish: Callable[[], None] = lambda: None
    arrange: Callable[[], None] = lambda: None


def check_balance(make: MakeBench[BalanceBench], capabilities: frozenset[Capability] = ALL) -> Rows:
    """Carry out the suite: ``make`` returns a fresh bench for a situation, or why it cannot set the scene."""
    return carry_out(CHECKS, make, capabilities)


def _steady(bench: BalanceBench) -> None:
    _opened(bench)
    before_ns = bench.links.clock.now_ns()
    readings = [bench.balance.weigh() for _ in range(3)]
    times = [before_ns]
    for reading in readings:
        times += [reading.asked_ns, reading.answered_ns]
    times.append(bench.links.clock.now_ns())
    expect(times == sorted(times), f"the times of asking and answering are not in order: {times}")
    for reading in readings:
        _on_grid(reading, bench.resolution_mg)


def _identity(bench: BalanceBench) -> None:
    identity = bench.balance.identify()
    expect(bool(identity.model and identity.serial), f"it does not say who it is: {identity}")


def _steady_stable(bench: BalanceBench) -> None:
    _opened(bench)
    reading = bench.balance.weigh_stable()
    expect(reading.stable, "a stable weighing does not call itself stable")
    _on_grid(reading, bench.resolution_mg)


def _condition(*wanted: Condition, stable: bool = False) -> Callable[[BalanceBench], None]:
    def carry(bench: BalanceBench) -> None:
        _opened(bench)
        _refused(bench.balance.weigh_stable if stable else bench.balance.weigh, *wanted)

    return carry


def _silent(bench: BalanceBench) -> None:
    error = expect_error(TransportTimeout, bench.balance.identify, "asking a balance that says nothing")
    expect(bench.link.name in str(error), f"the error does not name the link: {error}")
    expect("\n" not in str(error), "the error has several lines")


def _wrong_unit(bench: BalanceBench) -> None:
    _refused(bench.balance.identify, Condition.UNIT)


def _stream_running(bench: BalanceBench) -> None:
    try:
        _opened(bench)
    except BalanceRefused as refused:
        expect(refused.condition is Condition.STREAMING, f"refused as '{refused.condition.value}'")
        return  # it cannot be ended over the link, and is told
    reading = bench.balance.weigh()
    bench.links.pause(2.0)
    expect(not bench.link.inbox, f"something still comes unasked: {bytes(bench.link.inbox)!r}")
    _on_grid(reading, bench.resolution_mg)


def _stream(bench: BalanceBench) -> None:
    """Ask a balance that was opened to stream: ``arrange`` lets a few lines come."""
    balance = bench.balance
    _opened(bench)
    expect(isinstance(balance, _Streams), "it has no readings()")
    assert isinstance(balance, _Streams)  # noqa: S101 - for the reader of types
    bench.links.pause(2.0)
    streamed = balance.readings()
    expect(len(streamed) > 1, f"{len(streamed)} lines in 2 s")
    now_ns = bench.links.clock.now_ns()
    stamps = [each.timing.stamp_ns for each in streamed]
    expect(stamps == sorted(set(stamps)), f"the stamps are not in order: {stamps}")
    for each in streamed:
        expect(each.weighing is not None, f"a line of a load at rest is an error: {each.error}")
        if each.weighing is not None:
            _on_grid(each.weighing, bench.resolution_mg)
        expect(each.timing.age_ns(now_ns) >= 0.0, "a reading from the future")
        expect(each.timing.u_sampled_ns > 0.0, "a time without uncertainty")
    reading = balance.weigh()
    expect(reading.answered_ns > stamps[-1], "an old reading was given for a new one")


@runtime_checkable
class _Streams(Protocol):
    def readings(self) -> list[Streamed]: ...


def _damaged(bench: BalanceBench) -> None:
    _opened(bench)
    expect_error(BenchError, bench.balance.weigh, "weighing with a damaged answer")
    _on_grid(bench.balance.weigh(), bench.resolution_mg)


def _opened(bench: BalanceBench) -> None:
    bench.balance.identify()
    bench.arrange()


def _on_grid(reading: Weighing, resolution_mg: float) -> None:
    found_mg = reading.resolution_mg
    expect(
        abs(found_mg - resolution_mg) <= 1e-6 * resolution_mg, f"its last digit is {found_mg} mg, not {resolution_mg}"
    )
    steps = reading.mass_mg / found_mg
    expect(abs(steps - round(steps)) < 1e-6, f"{reading.mass_mg} mg is not on the grid of its display")
    expect(bool(reading.text), "a reading without its text")


def _refused(action: Callable[[], object], *wanted: Condition) -> None:
    found = expect_error(BalanceRefused, action, "a reading that cannot be").condition
    expect(found in wanted, f"refused as '{found.value}', not as '{wanted[0].value}'")


_STABLE = Capability.WEIGHS_STABLE
CHECKS: Final[tuple[Check[BalanceBench], ...]] = (
    Check("steady", "a load at rest gives readings in order, on the grid of the display", _steady, essential=True),
    Check("identity", "it says which model it is, and its serial number", _identity, Capability.IDENTIFIES),
    Check("steady_stable", "a load at rest gives a stable weighing that says so", _steady_stable, _STABLE),
    Check(
        "overload",
        "an overload is refused as one, and never a number",
        _condition(Condition.OVERLOAD, Condition.RANGE),
        essential=True,
    ),
    Check("underload", "so is an underload, the pan missing", _condition(Condition.UNDERLOAD, Condition.RANGE)),
    Check("busy", "so is a balance that adjusts itself", _condition(Condition.BUSY)),
    Check(
        "unstable",
        "a load that never rests gives no stable weighing",
        _condition(Condition.UNSTABLE, stable=True),
        _STABLE,
    ),
    Check(
        "silent", "a balance that says nothing is a time-out, in one line that names the link", _silent, essential=True
    ),
    Check("wrong_unit", "a balance in another unit than g or mg is refused at its opening", _wrong_unit),
    Check(
        "stream_running",
        "another program's stream is ended, and each request gets one answer; or it is refused as one",
        _stream_running,
    ),
    Check("stream", "a stream gives every line once, in order, with its time", _stream, Capability.STREAMS),
    Check("damaged", "a damaged answer is an error, and the next reading is good", _damaged),
)
SITUATIONS: Final = tuple(check.situation for check in CHECKS)
