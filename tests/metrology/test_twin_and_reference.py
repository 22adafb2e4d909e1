"""A twin vessel, a reference weight: synthetic records with known answers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rig.errors import BenchError
from rig.metrology.checks import FloatArray
from rig.metrology.evaporation import Evaporation, compare_evaporations
from rig.metrology.inputs import AirState, AmbientStats, BalanceSpec, LiquidSpec, VesselSpec
from rig.metrology.sensitivity import ReferenceWeighing, SensitivityCheck, sensitivity_from_reference
from rig.metrology.twin_vessel import TwinBuoyancy, evaporation_from_twin
from rig.metrology.volume import Level, MassChange, WeighingChain, volume_from_mass

HOURS = 6.0


def lost_mg(times: FloatArray) -> FloatArray:
    """An evaporation that is not even: 0.1 mg/h, half as much again in the middle of a wave of 6 h."""
    h = times / 3600.0
    return np.asarray(0.1 * h + 0.05 * HOURS / (2 * math.pi) * np.sin(2 * math.pi * h / HOURS), dtype=np.float64)


def twin(seed: int = 1, noise_mg: float = 0.02, walk: float = 0.0) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    times = np.arange(0.0, HOURS * 3600.0 + 1.0, 4.0)
    wander = np.cumsum(rng.normal(size=times.size)) * walk * math.sqrt(4.0 / 3600.0)
    shown = 5000.0 - lost_mg(times) + rng.normal(size=times.size) * noise_mg + wander
    return times, np.asarray(np.round(shown, 2), dtype=np.float64)


def mean_rate(from_s: float, to_s: float) -> float:
    ends = lost_mg(np.array([from_s, to_s]))
    return float(ends[1] - ends[0]) / (to_s - from_s) * 3600.0


@pytest.mark.parametrize(("from_h", "to_h"), [(0.0, 6.0), (0.5, 2.0), (2.5, 4.0), (5.0, 6.0)])
def test_a_twin_gives_the_loss_over_exactly_the_interval_asked(from_h: float, to_h: float) -> None:
    times, masses = twin()
    found = evaporation_from_twin(times, masses, 0.01, from_s=from_h * 3600, to_s=to_h * 3600)
    assert abs(found.rate_mg_per_h - mean_rate(from_h * 3600, to_h * 3600)) <= 2.5 * found.u_mg_per_h
    assert found.u_mg_per_h < 0.1 / (to_h - from_h)
    assert found.holds_buoyancy
    assert found.source == "twin vessel"


@pytest.mark.parametrize("walk", [0.0, 0.03])
def test_intervals_around_a_twins_rate_contain_the_truth(walk: float) -> None:
    """+-2 u covers at least 85 %: fewer than 51 of 66 would be a chance of 0.1 %."""
    inside = 0
    for seed in range(66):
        times, masses = twin(seed, walk=walk)
        found = evaporation_from_twin(times, masses, 0.01, from_s=3600.0, to_s=3 * 3600.0)
        inside += abs(found.rate_mg_per_h - mean_rate(3600.0, 3 * 3600.0)) <= 2.0 * found.u_mg_per_h
    assert inside >= 51


def test_common_buoyancy_cancels_and_is_not_corrected_twice() -> None:
    """EX-10's weather on two equal vessels: 10 uL come, the twin stands still but for the air."""
    before, after = AirState(20.0, 50.0, 1013.25), AirState(20.0, 50.0, 1008.25)
    densities = [each.density_kg_per_m3() for each in (before, after)]
    times = np.arange(0.0, 3601.0, 2.0)
    upthrust = 15.0 * np.linspace(densities[0], densities[1], times.size)
    rng = np.random.default_rng(2)
    masses = np.round(5000.0 - upthrust + rng.normal(size=times.size) * 1e-3, 4)
    evaporation = evaporation_from_twin(times, masses, 1e-4, from_s=0.0, to_s=3600.0)
    air = AmbientStats(before, after, 0.1, 1.0, 0.5, 0.1, 1.0, 0.5, "sensor")
    chain = WeighingChain(
        BalanceSpec(0.001, 1e-4), LiquidSpec(998.2067, 0.01), VesselSpec(15.0, 50.0), evaporation=evaporation
    )
    result = volume_from_mass(MassChange(Level(0.0, 0.0), Level(10.0608, 3600.0)), chain, air)
    assert result.volume_ul == pytest.approx(10.0, abs=2e-3)
    assert "vessel buoyancy" not in {line.name for line in result.budget.lines()}
    alone = evaporation_from_twin(
        times, masses, 1e-4, from_s=0.0, to_s=3600.0, area_ratio=1.2, buoyancy=TwinBuoyancy(15.0, *densities)
    )
    assert alone.rate_mg_per_h == pytest.approx(0.0, abs=2e-3)
    assert not alone.holds_buoyancy


def test_surfaces_that_differ_scale_the_loss_and_its_uncertainty() -> None:
    times, masses = twin()
    still = TwinBuoyancy(15.0, 1.2, 1.2)
    equal = evaporation_from_twin(times, masses, 0.01, from_s=0.0, to_s=21_600.0, buoyancy=still)
    larger = evaporation_from_twin(
        times, masses, 0.01, from_s=0.0, to_s=21_600.0, area_ratio=1.5, u_area_ratio=0.1, buoyancy=still
    )
    assert larger.rate_mg_per_h == pytest.approx(1.5 * equal.rate_mg_per_h, rel=1e-12)
    assert larger.u_mg_per_h == pytest.approx(math.hypot(1.5 * equal.u_mg_per_h, 0.1 * equal.rate_mg_per_h), rel=1e-9)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"area_ratio": 1.1}, "equal surfaces"),
        ({"area_ratio": 0.0}, "area ratio"),
        ({"to_s": 30_000.0}, "within the twin's readings"),
        ({"from_s": 7200.0}, "within the twin's readings"),
    ],
)
def test_a_twin_that_does_not_tell_is_refused(how: dict[str, float], words: str) -> None:
    times, masses = twin()
    given = {"from_s": 0.0, "to_s": 7200.0} | how
    with pytest.raises(BenchError, match=words):
        evaporation_from_twin(times, masses, 0.01, **given)  # type: ignore[arg-type]


def test_readings_missing_at_an_end_are_refused() -> None:
    times, masses = twin()
    keep = (times < 3000.0) | (times > 4000.0)
    with pytest.raises(BenchError, match="around 3600 s"):
        evaporation_from_twin(times[keep], masses[keep], 0.01, from_s=3600.0, to_s=7 * 3600.0 - 3600.0)


def test_two_estimates_are_compared_with_all_of_their_uncertainty() -> None:
    blanks = Evaporation(0.10, 0.01, u_between_mg_per_h=0.01)
    near, far = (
        compare_evaporations(blanks, Evaporation(0.12, 0.01)),
        compare_evaporations(blanks, Evaporation(0.2, 0.01)),
    )
    assert near.u_difference_mg_per_h == pytest.approx(math.sqrt(3) * 0.01)
    assert near.e_n == pytest.approx(0.02 / (2 * math.sqrt(3) * 0.01))
    assert (near.consistent, far.consistent) == (True, False)
    with pytest.raises(BenchError, match="buoyancy"):
        compare_evaporations(blanks, Evaporation(0.1, 0.01, holds_buoyancy=True))


def weight(at_s: float, shown_mg: float) -> ReferenceWeighing:
    return ReferenceWeighing(at_s, shown_mg, 0.01)


def test_a_reference_weight_corrects_the_span_and_what_its_change_does_to_the_gross_load() -> None:
    """100 ppm low throughout and 2 ppm more at the end: 0.1 mg on 50 g, of which half falls into half of the time."""
    check = sensitivity_from_reference(
        weight(0.0, 20_000.0 * (1 - 100e-6)), weight(7200.0, 20_000.0 * (1 - 102e-6)), true_mg=20_000.0, u_true_mg=0.02
    )
    span, drift = check.correction(0.0, 3600.0, 50_000.0)
    assert span == pytest.approx(1 + 100.5e-6, abs=2e-8)
    assert drift == pytest.approx(0.05, rel=1e-3)
    air = AmbientStats(*(AirState(20.0, 50.0, 1013.25),) * 2, 0.1, 1.0, 0.5, 0.1, 1.0, 0.5, "sensor")
    chain = WeighingChain(BalanceSpec(0.02, 0.01), LiquidSpec(998.2067, 0.01), VesselSpec(0.0, 50.0), sensitivity=check)
    plain = WeighingChain(BalanceSpec(0.02, 0.01), LiquidSpec(998.2067, 0.01), VesselSpec(0.0, 50.0))
    change = MassChange(Level(0.0, 0.0), Level(9.9716 * (1 - 100.5e-6) - 0.05, 3600.0))
    corrected, bare = (volume_from_mass(change, each, air) for each in (chain, plain))
    assert corrected.volume_ul == pytest.approx(10.0, abs=1e-4)
    assert bare.volume_ul == pytest.approx(9.949, abs=1e-3)
    names = {line.name for line in corrected.budget.lines()}
    assert {"span, reference weight", "change of span on the gross load"} <= names
    assert "sensitivity drift on the gross load" not in names


def test_the_correction_of_the_gross_load_is_uncertain_by_the_readings_of_the_weight() -> None:
    check = SensitivityCheck(0.0, 3600.0, 1.0, 1.0, 1e-6, 2e-6)
    lines = check.components(0.0, 3600.0, gross_mg=50_000.0, per_span=10.0, per_mg=1.0)
    assert lines[0].standard_uncertainty == pytest.approx(math.hypot(1e-6, 2e-6))
    assert lines[1].standard_uncertainty == pytest.approx(50_000.0 * math.sqrt(2) * 2e-6)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (weight(10.0, 20_000.0), weight(0.0, 20_000.0), "before, then after"),
        (weight(0.0, 19_900.0), weight(10.0, 20_000.0), "within 2000 ppm"),
        (weight(0.0, 0.0), weight(10.0, 20_000.0), "positive"),
        (weight(0.0, math.nan), weight(10.0, 20_000.0), "positive"),
    ],
)
def test_a_reference_weighing_that_makes_no_sense_is_refused(
    before: ReferenceWeighing, after: ReferenceWeighing, words: str
) -> None:
    with pytest.raises(BenchError, match=words):
        sensitivity_from_reference(before, after, true_mg=20_000.0, u_true_mg=0.02)
