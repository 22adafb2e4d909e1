"""What really leaves the syringe, and what the balance makes of it."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest

from rig.sim.faults import FaultSet
from rig.sim.parameters import HOUR_NS, PlantParameters
from rig.sim.syringe.mechanism import Plunger
from rig.sim.syringe.parameters import SyringeParameters, syringe_pump_model
from tests.sim.kit import SECOND_NS, Rig
from tests.sim.syringe_kit import EXACT_SYRINGE, SyringeRig, infusing

# Water at 20 C weighed in air with weights of 8 g/cm3, under a tube of 1.2 mm in a vial of 20 mm that dips in: the tube
# carries as much as it displaces more, 1 / (1 - 1.2^2 / 20^2) in all.
SHOWN_MG_PER_UL = 0.998204 * (1.0 - 0.0011988 / 0.998204) / (1.0 - 0.0011988 / 8.0) / (1.0 - (1.2 / 20.0) ** 2)


def test_a_known_flow_of_10_ul_per_h_is_weighed_within_what_balance_and_pump_state() -> None:
    errors = []
    for seed in (1, 2, 3):
        rig = infusing(
            "10.00UH", seed=seed, parameters=replace(PlantParameters(), evaporation_mg_per_h=0.0),
            syringe=SyringeParameters(),
        )  # fmt: skip
        rig.at(3600.0)  # seating and elasticity are over
        begin_ns, begin_mg = rig.now_ns, rig.mass_mg()
        rig.at(4 * 3600.0)
        weighed_ul = (rig.mass_mg() - begin_mg) / SHOWN_MG_PER_UL
        true_ul = rig.book.outlet_ul(begin_ns, rig.now_ns)
        commanded_ul = rig.book.commanded_ul(begin_ns, rig.now_ns)
        assert commanded_ul == pytest.approx(30.0, abs=0.1)  # to a microstep at either end
        # Two readings of 0.02 mg and a digit of 0.01 mg, air that buoys 50 g up by 0.03 mg, drift of 0.02 mg: k = 2.
        assert abs(weighed_ul - true_ul) < 0.15
        # Bore 2 * 0.3 %, lead 0.4 %, one turn's pulsation and two slips.
        errors.append(true_ul - commanded_ul)
    assert max(map(abs, errors)) < 0.01 * 30.0 + 0.3
    assert len({round(error, 6) for error in errors}) == 3


def test_without_faults_and_imperfections_what_is_commanded_comes_out() -> None:
    rig = infusing("500.0UH")
    rig.at(3601.0)
    step_ul = 0.42e-3 * math.pi / 4.0 * 14.43**2
    assert rig.book.commanded_ul(0, rig.now_ns) == pytest.approx(500.0, abs=1.1 * step_ul)
    assert rig.book.displaced_ul(0, rig.now_ns) == pytest.approx(500.0, abs=1.1 * step_ul)
    assert rig.pump.drive.infused_ul == pytest.approx(500.0, abs=1e-6)
    assert rig.mass_mg() == pytest.approx(500.0 * SHOWN_MG_PER_UL, abs=0.3)
    assert rig.ledger.pan_mg(0, rig.now_ns) == pytest.approx(500.0 * 0.998204, abs=0.25)
    assert rig.ledger.outlet_u(0, rig.now_ns) == 0.0  # the insulin pump's own book


def test_the_plunger_moves_in_whole_microsteps() -> None:
    rig = infusing("10.00UH")
    step_ul = 0.42e-3 * math.pi / 4.0 * 14.43**2
    jumps = []
    for second in range(100, 400):
        before, after = (rig.book.displaced_ul(0, (second + more) * SECOND_NS) for more in (0, 1))
        if after != before:
            jumps.append((second, (after - before) / step_ul))
    assert [round(steps, 6) for _, steps in jumps] == [1.0] * len(jumps)
    assert {later - sooner for (sooner, _), (later, _) in pairwise(jumps)} <= {24, 25}


def test_flow_follows_the_square_of_the_diameter_that_is_mounted_and_of_that_which_was_entered() -> None:
    def outlet(*before: str, faults: tuple[str, ...] = ()) -> float:
        rig = infusing("500.0UH", *before, faults=faults)
        return rig.book.outlet_ul(0, HOUR_NS)

    plain = outlet()
    assert outlet(faults=("syringe.diameter=1%",)) / plain == pytest.approx(1.01**2, rel=2e-4)
    assert outlet(faults=("syringe.gain=-2%",)) / plain == pytest.approx(0.98, rel=2e-4)
    assert outlet("0DIA14.57") / plain == pytest.approx((14.43 / 14.57) ** 2, rel=3e-4)


def test_the_flow_pulsates_with_the_turn_of_the_screw() -> None:
    plunger = Plunger(syringe_pump_model("phd-ultra"), replace(EXACT_SYRINGE, screw_error=0.01), 1, FaultSet([], 0))
    volumes = [plunger.move(travel / 100.0, 0) for travel in range(1, 301)]
    mean = sum(volumes[:100]) / 100
    assert max(volumes) / mean == pytest.approx(1.01, abs=0.005)
    assert min(volumes) / mean == pytest.approx(0.99, abs=0.005)
    assert sum(volumes[100:200]) == pytest.approx(sum(volumes[:100]), rel=1e-4)  # a whole turn has no error


def test_sticking_delays_and_never_loses() -> None:
    model = syringe_pump_model("phd-ultra")
    smooth = Plunger(model, EXACT_SYRINGE, 1, FaultSet([], 0))
    sticky = Plunger(model, replace(EXACT_SYRINGE, slip_um=2.0), 1, FaultSet([], 0))
    area_mm2, behind_ul, resting = smooth.area_mm2(0), 0.0, 0
    for travel in range(1, 2001):
        moved_ul = sticky.move(travel * 1e-4, 0)
        behind_ul += smooth.move(travel * 1e-4, 0) - moved_ul
        resting += moved_ul == 0.0
        assert -1e-9 <= behind_ul < 0.030 * area_mm2
    assert resting > 1000


def test_a_reversal_takes_up_the_backlash_and_the_first_start_the_seating() -> None:
    loose = replace(EXACT_SYRINGE, backlash_um=50.0, seating_um=30.0)
    plunger = Plunger(syringe_pump_model("phd-ultra"), loose, 1, FaultSet([], 0))
    area_mm2 = plunger.area_mm2(0)
    assert plunger.move(0.029, 0) == 0.0
    assert plunger.move(0.130, 0) == pytest.approx(0.100 * area_mm2, rel=1e-3)
    assert plunger.move(0.081, 0) == 0.0
    assert plunger.move(0.030, 0) == pytest.approx(-0.050 * area_mm2, rel=2e-3)


def test_an_elastic_line_delays_the_start_and_runs_on_after_the_stop() -> None:
    rig = infusing("3600UH", syringe=replace(EXACT_SYRINGE, line_s=10.0))
    rig.at(11.0)  # 10 s at 1 uL/s into a store of 10 s: 10 - 10 (1 - 1/e) has come out
    assert rig.book.outlet_ul(0, rig.now_ns) == pytest.approx(10.0 * math.exp(-1.0), abs=0.1)
    rig.say("0STP", "0STP")
    rig.at(100.0)
    assert rig.book.outlet_ul(0, rig.now_ns) == pytest.approx(10.0, abs=0.2)


def test_the_balance_trails_a_syringe_as_it_trails_the_pump() -> None:
    rig = infusing("500.0MH")
    rig.at(31.0)
    flow_mg_per_s = 500.0 / 3.6 * SHOWN_MG_PER_UL
    trail_mg = rig.book.outlet_ul(0, rig.now_ns) * SHOWN_MG_PER_UL - rig.mass_mg()
    assert trail_mg / flow_mg_per_s == pytest.approx(0.65 + 0.05, abs=0.06)  # filter and half an update


def test_both_pumps_fill_the_same_vessel() -> None:
    rig = infusing("100.0UH")
    rig.bench.plant_runs_at(5.0)
    rig.at(3601.0)
    assert rig.ledger.outlet_u(0, rig.now_ns) == pytest.approx(5.0, abs=0.1)
    assert rig.mass_mg() == pytest.approx(150.0 * SHOWN_MG_PER_UL, rel=0.01)
    pan_mg = rig.ledger.outlet_u(0, rig.now_ns) * 9.98204 + rig.book.outlet_ul(0, rig.now_ns) * 0.998204
    assert rig.ledger.pan_mg(0, rig.now_ns) == pytest.approx(pan_mg, rel=1e-4)


@pytest.mark.parametrize("rate", ["10.00UH", "500.0UH", "100.0MH"])
def test_asking_more_often_changes_nothing(rate: str) -> None:
    often, seldom = infusing(rate), infusing(rate)
    for tenth in range(20, 1510):
        often.at(tenth / 10.0)
        often.book.outlet_ul(0, often.now_ns)
    seldom.at(150.9)
    now_ns = seldom.now_ns
    assert often.book.totals(now_ns) == pytest.approx(seldom.book.totals(now_ns), rel=1e-6)
    assert often.pump.drive.infused_ul == pytest.approx(seldom.pump.drive.infused_ul, rel=1e-9)


def test_a_bench_whose_syringe_pump_stands_shows_what_one_without_shows() -> None:
    without, beside = Rig(parameters=PlantParameters()), SyringeRig(parameters=PlantParameters())
    for rig in (without, beside):
        rig.bench.plant_runs_at(3.0)
        for minute in range(1, 20):
            rig.wait_until(60.0 * minute)
            rig.weigh()
    heard = [[row for row in rig.traffic if row[0] == "balance"] for rig in (without, beside)]
    assert heard[0] == heard[1]
    assert without.ledger.totals(without.now_ns) == beside.ledger.totals(without.now_ns)
