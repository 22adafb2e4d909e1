"""When the runner may close a bolus."""

import math
import random

import pytest

from rig.runner.settling import recent_slope, settle_time_s


@pytest.mark.parametrize(("duration_s", "wait_s"), [(4.0, 60.0), (240.0, 60.0), (400.0, 100.0)])
def test_the_shortest_wait_is_a_minute_or_a_quarter_of_the_bolus(duration_s: float, wait_s: float) -> None:
    assert settle_time_s(duration_s) == wait_s


def test_an_exact_line_gives_its_slope() -> None:
    readings = [(i * 0.2, 5.0 + 0.01 * i * 0.2) for i in range(600)]
    found = recent_slope(readings, 119.8)
    assert found is not None
    assert found[0] == pytest.approx(0.01)
    assert found[1] == pytest.approx(0.0, abs=1e-9)


def test_less_than_a_minute_of_readings_is_not_enough() -> None:
    assert recent_slope([(i * 0.2, 0.0) for i in range(200)], 40.0) is None
    assert recent_slope([], 40.0) is None


def test_a_tail_that_still_flows_is_seen_over_the_balances_noise() -> None:
    noise = random.Random(5)
    tail = [(i * 0.2, 1.0 - math.exp(-i * 0.2 / 40.0) + noise.gauss(0.0, 0.01)) for i in range(300)]
    found = recent_slope(tail, 59.8)
    assert found is not None
    assert abs(found[0]) > 3.0 * found[1]


def test_a_quiet_balance_is_called_settled_in_nearly_all_minutes() -> None:
    noise = random.Random(6)
    settled = 0
    for _ in range(100):
        found = recent_slope([(i * 0.2, noise.gauss(0.0, 0.02)) for i in range(300)], 59.8)
        assert found is not None
        settled += abs(found[0]) <= 3.0 * found[1]
    assert settled >= 90
