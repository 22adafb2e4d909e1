"""What every `Balance` must do, whatever stands behind it: scripted bytes, the twin, or a real one.

Call `check_balance` with a function that makes a bench for a named situation and returns None where it cannot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from rig.errors import BenchError, TransportTimeout
from rig.instruments import Balance
from rig.readings import Weighing
from rig.transport.links import Link, Links
from rig.wire.mt_sics import BalanceRefused, Condition


@dataclass(frozen=True, slots=True)
class BalanceBench:
    """A balance that nobody has talked to yet, its link, and what it should say."""

    balance: Balance
    links: Links
    link: Link
    resolution_mg: float
    finish: Callable[[], None] = lambda: None


MakeBench = Callable[[str], BalanceBench | None]


def check_steady_load_is_weighed(bench: BalanceBench) -> None:
    """`steady`: a load at rest gives readings in order, on the display's grid, between their two times."""
    identity = bench.balance.identify()
    assert identity.model
    assert identity.serial
    assert identity.software
    before_ns = bench.links.clock.now_ns()
    readings = [bench.balance.weigh() for _ in range(3)]
    after_ns = bench.links.clock.now_ns()
    times = [before_ns, *(t for reading in readings for t in (reading.asked_ns, reading.answered_ns)), after_ns]
    assert times == sorted(times)
    for reading in readings:
        _check_on_grid(reading, bench.resolution_mg)


def check_stable_weighing_says_stable(bench: BalanceBench) -> None:
    """`steady_stable`: at rest, a stable weighing comes and calls itself stable."""
    bench.balance.identify()
    reading = bench.balance.weigh_stable()
    assert reading.stable
    _check_on_grid(reading, bench.resolution_mg)


def check_overload_is_told_apart(bench: BalanceBench) -> None:
    """`overload`: overloaded, from after the opening on, it refuses with that condition and never gives a number."""
    bench.balance.identify()
    assert _refused(bench.balance.weigh) is Condition.OVERLOAD


def check_underload_is_told_apart(bench: BalanceBench) -> None:
    """`underload`: with the pan missing, from after the opening on."""
    bench.balance.identify()
    assert _refused(bench.balance.weigh) is Condition.UNDERLOAD


def check_busy_is_told_apart(bench: BalanceBench) -> None:
    """`busy`: adjusting, from after the opening on."""
    bench.balance.identify()
    assert _refused(bench.balance.weigh) is Condition.BUSY


def check_unrest_is_told_apart(bench: BalanceBench) -> None:
    """`unstable`: a load that never rests gives immediate readings, but no stable one."""
    bench.balance.identify()
    assert _refused(bench.balance.weigh_stable) is Condition.UNSTABLE


def check_silence_is_a_time_out(bench: BalanceBench) -> None:
    """`silent`: a balance that answers nothing at all is a time-out, in one line that names the link."""
    with pytest.raises(TransportTimeout) as caught:
        bench.balance.identify()
    assert bench.link.name in str(caught.value)
    assert "\n" not in str(caught.value)


def check_wrong_unit_is_refused(bench: BalanceBench) -> None:
    """`wrong_unit`: a balance in another unit than grams or milligrams is refused before anything moves."""
    assert _refused(bench.balance.identify) is Condition.UNIT


def check_stream_left_running_is_ended(bench: BalanceBench) -> None:
    """`stream_running`: a stream of another program's is ended, and each request gets its own single answer."""
    bench.balance.identify()
    reading = bench.balance.weigh()
    bench.links.pause(2.0)
    assert not bench.link.inbox
    _check_on_grid(reading, bench.resolution_mg)


def check_broken_line_is_an_error_and_the_next_reading_is_good(bench: BalanceBench) -> None:
    """`damaged`: the first answer after the opening is damaged; it is an error, and the next reading is clean."""
    bench.balance.identify()
    with pytest.raises(BenchError):
        bench.balance.weigh()
    _check_on_grid(bench.balance.weigh(), bench.resolution_mg)


CHECKS: dict[str, Callable[[BalanceBench], None]] = {
    "steady": check_steady_load_is_weighed,
    "steady_stable": check_stable_weighing_says_stable,
    "overload": check_overload_is_told_apart,
    "underload": check_underload_is_told_apart,
    "busy": check_busy_is_told_apart,
    "unstable": check_unrest_is_told_apart,
    "silent": check_silence_is_a_time_out,
    "wrong_unit": check_wrong_unit_is_refused,
    "stream_running": check_stream_left_running_is_ended,
    "damaged": check_broken_line_is_an_error_and_the_next_reading_is_good,
}


def check_balance(make_bench: MakeBench) -> list[str]:
    """Run every check that ``make_bench`` can set the scene for; return the situations it could not make."""
    left_out = []
    for situation, check in CHECKS.items():
        bench = make_bench(situation)
        if bench is None:
            left_out.append(situation)
            continue
        check(bench)
        bench.finish()
    return left_out


def _check_on_grid(reading: Weighing, resolution_mg: float) -> None:
    assert reading.resolution_mg == pytest.approx(resolution_mg)
    steps = reading.mass_mg / reading.resolution_mg
    assert abs(steps - round(steps)) < 1e-6
    assert reading.text


def _refused(action: Callable[[], object]) -> Condition:
    with pytest.raises(BalanceRefused) as caught:
        action()
    return caught.value.condition
