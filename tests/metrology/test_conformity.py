"""Probability of conformance and global risks: EX-15, EX-16."""

from __future__ import annotations

import pytest

from rig.errors import BenchError
from rig.metrology.conformity import conformance_probability, global_risks, measurement_capability


@pytest.mark.parametrize(
    ("y", "u", "expected"),
    [
        (4.0, 0.5, 0.02275),
        (4.2, 0.5, 0.05480),
        (4.9, 0.5, 0.42074),
        (5.0, 0.5, 0.5),
        (5.2, 0.5, 0.65542),
        (4.2, 0.8, 0.15866),
    ],
)
def test_specific_risk_agrees_with_the_worked_table(y: float, u: float, expected: float) -> None:
    """EX-15."""
    assert 1.0 - conformance_probability(y, u, -5.0, 5.0) == pytest.approx(expected, abs=5.1e-6)


@pytest.mark.parametrize(
    ("y", "simple", "guarded"),
    [(4.0, True, True), (4.2, True, False), (4.9, True, False), (5.0, True, False), (5.2, False, False)],
)
def test_simple_and_guarded_acceptance_decide_as_in_the_worked_table(y: float, simple: bool, guarded: bool) -> None:
    """EX-15: U = 1 %."""
    assert conformance_probability(y, 0.0, -5.0, 5.0) == float(simple)
    assert (abs(y) <= 5.0 - 1.0) is guarded


def test_capability_is_a_quarter_of_the_tolerance_in_u_and_none_when_a_side_is_open() -> None:
    assert measurement_capability(0.5, -5.0, 5.0) == pytest.approx(5.0)
    assert measurement_capability(0.5, None, 5.0) is None
    assert measurement_capability(0.0, -5.0, 5.0) is None


@pytest.mark.parametrize(
    ("w", "consumer", "producer", "accepted"),
    [(0.0, 0.006776, 0.011136, 0.950140), (0.83, 0.000377, 0.056798, 0.898078), (1.0, 0.000160, 0.071325, 0.883336)],
)
def test_global_risks_agree_with_the_worked_table(w: float, consumer: float, producer: float, accepted: float) -> None:
    """EX-16."""
    risks = global_risks(0.0, 2.5, 0.5, (-5.0, 5.0), w)
    assert risks == pytest.approx((consumer, producer, accepted), abs=1e-6)


def test_a_one_sided_limit_and_a_certain_result_work() -> None:
    assert conformance_probability(1.0, 1.0, None, 1.0) == pytest.approx(0.5)
    assert conformance_probability(1.0, 0.0, 1.0, None) == 1.0


def test_a_guard_band_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(BenchError, match="guard band"):
        global_risks(0.0, 1.0, 0.5, (-1.0, 1.0), 1.0)
