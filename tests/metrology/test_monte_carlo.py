"""Propagation of distributions: the published examples of JCGM 101, and the model behind the rig's volumes."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from rig.errors import BenchError
from rig.metrology.budget import Budget, Component, mean_budget
from rig.metrology.evaporation import Evaporation
from rig.metrology.inputs import AirState, AmbientStats, BalanceSpec, LiquidSpec, TubeSpec, VesselSpec
from rig.metrology.model import VolumeModel, mean_model
from rig.metrology.monte_carlo import (
    Derived,
    compare,
    dominant,
    draw,
    numerical_tolerance,
    propagate,
    shortest_interval,
    symmetric_interval,
)
from rig.metrology.volume import (
    SENSITIVITY_DRIFT,
    SENSITIVITY_DRIFT_SEEN,
    Level,
    MassChange,
    VolumeResult,
    WeighingChain,
    volume_from_mass,
)

FOUR = [Component(f"x{i}", 1.0, "1") for i in range(1, 5)]


def additive(*components: Component) -> Budget:
    return Budget("1", tuple(components))


def test_four_normal_inputs_give_the_published_interval() -> None:
    """JCGM 101:2008, 9.2.2: u = 2.0, 95 % interval +-3.92, which the GUM interval with k = 1.96 is as well."""
    values = propagate(Derived(0.0), additive(*FOUR), 0.0)
    found = compare(values, 0.0, 1.96 * 2.0, probability=0.95)
    assert found.u == pytest.approx(2.0, abs=0.02)
    assert found.interval == pytest.approx((-3.92, 3.92), abs=0.05)
    assert found.agrees


def test_four_rectangular_inputs_give_the_published_interval() -> None:
    """JCGM 101:2008, 9.2.3: u = 2.0, 95 % interval +-3.88."""
    values = propagate(Derived(0.0), additive(*(replace(c, distribution="rectangular") for c in FOUR)), 0.0)
    found = compare(values, 0.0, 1.96 * 2.0, probability=0.95, digits=1)
    assert found.u == pytest.approx(2.0, abs=0.02)
    assert found.interval == pytest.approx((-3.88, 3.88), abs=0.03)
    assert found.agrees


def test_one_dominant_rectangular_input_is_not_what_the_gum_takes_it_for() -> None:
    """JCGM 101:2008, 9.2.4: u = 10.1, Monte Carlo +-17.0, GUM +-19.9, not validated."""
    wide = [replace(c, distribution="rectangular") for c in FOUR]
    wide[3] = replace(wide[3], standard_uncertainty=10.0)
    values = propagate(Derived(0.0), additive(*wide), 0.0)
    found = compare(values, 0.0, 19.9, probability=0.95)
    assert found.u == pytest.approx(10.1, abs=0.05)
    assert found.interval == pytest.approx((-17.0, 17.0), abs=0.1)
    assert not found.agrees
    assert not found.reaches_further
    assert dominant(additive(*wide)) == wide[3]


def test_mass_calibration_gives_the_published_figures() -> None:
    """JCGM 101:2008, 9.3: a product of rectangular inputs around zero, which the first-order GUM misses.

    y = 1.234 mg; Monte Carlo u = 0.0754 mg and [1.0834, 1.3825]; GUM of first order u = 0.0539 mg and [1.1285, 1.3395],
    differing by 0.0451 and 0.0430; of higher order u = 0.0750 mg and [1.0870, 1.3810].
    """
    rng = np.random.Generator(np.random.SFC64(1))
    n = 1_000_000
    m_r = 100_000.0 + draw("normal", 0.050, n, rng)
    dm_r = 1.234 + draw("normal", 0.020, n, rng)
    air = 1.2 + draw("rectangular", 0.1 / math.sqrt(3), n, rng)
    rho_w = 8000.0 + draw("rectangular", 1000.0 / math.sqrt(3), n, rng)
    rho_r = 8000.0 + draw("rectangular", 50.0 / math.sqrt(3), n, rng)
    y = (m_r + dm_r) * (1.0 + (air - 1.2) * (1.0 / rho_w - 1.0 / rho_r)) - 100_000.0
    first = compare(y, 1.234, 1.96 * 0.0539, probability=0.95)
    assert first.u == pytest.approx(0.0754, abs=2e-4)
    assert first.interval == pytest.approx((1.0834, 1.3825), abs=1.5e-3)
    assert (first.low_difference, first.high_difference) == pytest.approx((0.0451, 0.0430), abs=1.5e-3)
    assert first.reaches_further
    higher = compare(y, 1.234, 1.96 * 0.0750, probability=0.95, digits=1)
    assert higher.agrees
    assert numerical_tolerance(0.0754, 1) == 0.005


@pytest.mark.parametrize(
    ("u", "digits", "expected"), [(0.35, 2, 0.005), (0.0996, 2, 0.005), (12.3, 2, 0.5), (2, 1, 0.5)]
)
def test_the_numerical_tolerance_is_half_a_unit_of_the_last_digit(u: float, digits: int, expected: float) -> None:
    assert numerical_tolerance(u, digits) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("distribution", "freedom", "half_width"),
    [("normal", None, 1.95996), ("rectangular", None, 1.64545), ("triangular", None, 1.90188), ("t", 5.0, 1.99114)],
)
def test_each_distribution_has_its_own_standard_deviation_and_its_95_percent(
    distribution: str, freedom: float | None, half_width: float
) -> None:
    values = draw(distribution, 2.0, 400_000, np.random.default_rng(5), degrees_of_freedom=freedom)
    assert values.mean() == pytest.approx(0.0, abs=0.02)
    assert values.std() == pytest.approx(2.0, rel=0.02)
    low, high = symmetric_interval(np.sort(values), 0.95)
    assert (-low, high) == pytest.approx((2.0 * half_width, 2.0 * half_width), rel=0.02)


@pytest.mark.parametrize(("distribution", "freedom"), [("arcsine", None), ("t", None), ("t", 2.0)])
def test_a_distribution_that_cannot_be_drawn_is_refused(distribution: str, freedom: float | None) -> None:
    with pytest.raises(BenchError, match="normal, rectangular, triangular"):
        draw(distribution, 1.0, 10, np.random.default_rng(1), degrees_of_freedom=freedom)


def test_the_shortest_interval_of_a_skewed_distribution_is_shorter_than_the_symmetric_one() -> None:
    values = np.sort(np.random.default_rng(3).exponential(size=100_000))
    low, high = shortest_interval(values, 0.95)
    assert (low, high) == pytest.approx((0.0, 2.9957), abs=0.05)
    symmetric = symmetric_interval(values, 0.95)
    assert high - low < symmetric[1] - symmetric[0]


MODEL = VolumeModel(
    start_mg=12.0,
    end_mg=31.0,
    hours=2.0,
    evaporation_mg_per_h=0.3,
    air_start_kg_per_m3=1.1993,
    air_end_kg_per_m3=1.1934,
    liquid_kg_per_m3=998.2,
    load_cm3=15.0,
    k_tube=0.9964,
    span=1.0002,
    drift_mg=0.05,
    taken_off_ul=1.5,
)


@pytest.mark.parametrize("quantity", ["mass", "evaporation", "air", "air_change", "load", "liquid", "tube", "span"])
def test_a_sensitivity_is_the_derivative_of_the_model(quantity: str) -> None:
    step = 1e-4
    ends = [float(MODEL.volume_ul({quantity: shift})) for shift in (-step, step)]
    assert MODEL.partial(quantity) == pytest.approx((ends[1] - ends[0]) / (2 * step), rel=1e-6, abs=1e-8)


def full_chain() -> WeighingChain:
    return WeighingChain(
        BalanceSpec(0.02, 0.01),
        LiquidSpec(998.2, 0.1),
        VesselSpec(15.0, 50.0, 0.5, 20.0),
        TubeSpec(1.2),
        Evaporation(0.02, 0.01, u_between_mg_per_h=0.002),
    )


def air() -> AmbientStats:
    start, end = AirState(20.0, 50.0, 1013.25), AirState(20.3, 48.0, 1008.25)
    return AmbientStats(start, end, 0.5, 5.0, 2.0, 0.4, 4.0, 1.0, "stated")


def volume(mass_mg: float = 9.971) -> VolumeResult:
    return volume_from_mass(MassChange(Level(0.0, 0.0), Level(mass_mg, 3600.0)), full_chain(), air())


def test_every_component_of_a_volume_names_the_quantity_it_enters_and_carries_its_derivative() -> None:
    found = volume()
    assert found.model is not None
    assert found.volume_ul == float(found.model.volume_ul())
    per_unit = dict.fromkeys((SENSITIVITY_DRIFT, SENSITIVITY_DRIFT_SEEN), 50_000 * 1.5e-6)  # mg per K
    for item in found.budget.components:
        expected = found.model.partial(item.enters) * per_unit.get(item.name, 1.0)
        assert item.sensitivity == pytest.approx(expected, rel=1e-12), item.name


def test_the_full_model_agrees_with_the_linear_budget_where_all_is_small() -> None:
    found = volume()
    assert found.model is not None
    values = propagate(Derived(0.0, (found.model,), (1.0,)), found.budget, found.volume_ul)
    result = compare(values, found.volume_ul, 2.0 * found.u_ul)
    assert result.u == pytest.approx(found.u_ul, rel=0.01)
    assert result.agrees


def test_an_effect_of_second_order_that_the_linear_budget_cannot_feel_shows_in_monte_carlo() -> None:
    """In still air the vessel's volume has no sensitivity; its product with what the air may do has."""
    still = replace(MODEL, air_end_kg_per_m3=MODEL.air_start_kg_per_m3, taken_off_ul=0.0)
    parts = (
        Component("air", 0.005, "kg/m3", still.partial("air_change"), enters="air_change"),
        Component("load", 20.0, "cm3", still.partial("load"), enters="load"),
    )
    budget, value = Budget("uL", parts), float(still.volume_ul())
    assert parts[1].contribution == 0.0
    result = compare(propagate(Derived(0.0, (still,), (1.0,)), budget, value), value, budget.expanded())
    product = 0.005 * 20.0 * 1000.0 * still.k_tube / (still.liquid_kg_per_m3 - still.air_end_kg_per_m3)
    assert result.u == pytest.approx(math.hypot(budget.combined, product), rel=0.02)
    assert result.reaches_further


def test_the_mean_of_many_volumes_has_the_uncertainty_of_its_mean_budget() -> None:
    parts = [volume(9.971 + 0.01 * i) for i in range(16)]
    budget = mean_budget([part.budget for part in parts])
    models = tuple(part.model for part in parts if part.model is not None)
    mean = sum(part.volume_ul for part in parts) / 16
    values = propagate(Derived(0.0, models, (1 / 16,) * 16), budget, mean)
    result = compare(values, mean, 2.0 * budget.combined)
    assert result.u == pytest.approx(budget.combined, rel=0.01)
    assert result.value == pytest.approx(mean, abs=0.01 * budget.combined)
    assert float(mean_model(models, (1.0,) * 16).volume_ul()) == pytest.approx(mean, rel=1e-9)


def test_a_value_that_its_volumes_do_not_give_is_refused() -> None:
    found = volume()
    assert found.model is not None
    with pytest.raises(BenchError, match="the volumes give"):
        propagate(Derived(0.0, (found.model,), (1.0,)), found.budget, 1.001 * found.volume_ul)


def test_the_same_evidence_gives_the_same_figures() -> None:
    budget = additive(*FOUR)
    assert (propagate(Derived(0.0), budget, 1.0, draws=100) == propagate(Derived(0.0), budget, 1.0, draws=100)).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: replace(MODEL, hours=math.nan),
        lambda: replace(MODEL, liquid_kg_per_m3=1.0),
        lambda: mean_model((), ()),
        lambda: mean_model((MODEL,), (0.0,)),
    ],
)
def test_a_model_that_makes_no_sense_is_refused(make: object) -> None:
    assert callable(make)
    with pytest.raises(BenchError):
        make()
