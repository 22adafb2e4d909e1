"""The plant's physics against published numbers and conservation laws; its noise against its own specification."""

from __future__ import annotations

import itertools
import json
import math
import statistics
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rig.errors import BenchError, UsageError
from rig.sim.bench import SimulatedBench
from rig.sim.faults import FaultSet
from rig.sim.parameters import HOUR_NS, PlantParameters
from rig.sim.plant.balance_cell import Noise
from rig.sim.plant.environment import Environment, air_density_mg_per_ul, vapour_pressure_hpa, water_density_mg_per_ul
from rig.sim.plant.line import Line
from rig.sim.plant.mechanism import Mechanism
from rig.sim.plant.pan import Pan
from tests.sim.kit import EXACT, EXACT_PUMP, SECOND_NS, START, Rig

NO_FAULTS = FaultSet([], 0)
DEFAULT = PlantParameters()


@pytest.mark.parametrize(
    ("temperature_c", "density"),
    [(4, 999.9749), (10, 999.7027), (15, 999.1026), (20, 998.2067), (25, 997.0470), (30, 995.6488)],
)
def test_water_agrees_with_the_published_table_within_ten_ppm(temperature_c: float, density: float) -> None:
    assert water_density_mg_per_ul(temperature_c) * 1e3 == pytest.approx(density, rel=1e-5)


@pytest.mark.parametrize(
    ("temperature_c", "pressure_hpa", "humidity_pct", "density"),
    [
        (20, 1013.25, 50, 1.19931),
        (22, 1000, 45, 1.17542),
        (15, 1013.25, 50, 1.22163),
        (25, 1013.25, 50, 1.17732),
        (20, 750, 50, 0.88628),
    ],
)
def test_air_agrees_with_the_published_values_within_a_thousandth(
    temperature_c: float, pressure_hpa: float, humidity_pct: float, density: float
) -> None:
    assert air_density_mg_per_ul(temperature_c, humidity_pct, pressure_hpa) * 1e3 == pytest.approx(density, rel=1e-3)


def test_vapour_pressure_agrees_with_the_published_value() -> None:
    assert vapour_pressure_hpa(20.0) == pytest.approx(23.39, rel=3e-3)


def exact_pan(pressure_hpa: float, tube_mm: float = 0.0) -> Pan:
    parameters = replace(EXACT, pressure_hpa=pressure_hpa, tube_outer_diameter_mm=tube_mm)
    return Pan(parameters, Environment(parameters, 1, 0), NO_FAULTS)


def test_a_falling_barometer_shows_as_mass_on_a_vessel_of_15_cm3() -> None:
    """True delivery 10.000 uL while p falls by 5 hPa: the display shows +10.0608 mg (worked example EX-10)."""
    before, after = exact_pan(1013.25), exact_pan(1008.25)
    after.delivered_mg = 10.0 * water_density_mg_per_ul(20.0)
    span = 1.0 / (1.0 - air_density_mg_per_ul(20.0, 50.0, 1013.25) / 8.0)
    shown_mg = (after.force_mg(0, 0.0)[0] - before.force_mg(0, 0.0)[0]) * span
    assert shown_mg == pytest.approx(10.0608, abs=0.002)


def test_a_dipping_tube_makes_the_pan_heavier_by_its_share_of_the_bore() -> None:
    """1.2 mm in 20 mm: reading x 0.9964 is the truth (worked example EX-11)."""
    gains = []
    for tube_mm in (0.0, 1.2):
        pan = exact_pan(1013.25, tube_mm)
        empty_mg = pan.force_mg(0, 0.0)[0]
        pan.delivered_mg = 1000.0
        gains.append(pan.force_mg(0, 0.0)[0] - empty_mg)
    assert gains[0] / gains[1] == pytest.approx(0.9964, abs=1e-5)


def test_with_every_error_off_one_unit_shows_as_ten_microlitres_of_water() -> None:
    rig = Rig(parameters=replace(EXACT, tube_outer_diameter_mm=0.0))
    rig.wake()
    assert rig.bolus(10.0) == 0
    rig.wait(700.0)
    assert rig.ledger.outlet_u(0, rig.now_ns) == pytest.approx(10.0, abs=1e-9)
    assert rig.ledger.pan_mg(0, rig.now_ns) == pytest.approx(99.82, abs=0.005)
    assert rig.mass_mg() == pytest.approx(100.0 / 1.002851, abs=0.011)  # Z at 20 C and 1013 hPa (EX-09)


@pytest.mark.parametrize("filter_s", [0.3, 2.0])
def test_the_filter_s_lag_is_the_exact_solution_of_its_equation(filter_s: float) -> None:
    line = Line(EXACT, NO_FAULTS, 0, filter_s)
    line.push(5.0)
    seen, left, step_s = 0.0, 0.0, 0.0005
    for number in range(8000):
        at_s = (number + 0.5) * step_s
        left = 5.0 - line.stored_after(
            5.0 * (1 - EXACT.tail_share), 5.0 * EXACT.tail_share, at_s, EXACT.compliance_s, EXACT.tail_s
        )
        seen += (left - seen) / filter_s * step_s
    for at_ns in (700_000_000, 2_500_000_000, 4_000_000_000):
        line.advance(at_ns)
    assert line.outlet_ul + line.lag_ul == pytest.approx(seen, abs=2e-3)


def test_nine_per_cent_of_a_one_unit_bolus_arrive_after_its_nominal_end() -> None:
    rig = Rig("722")
    rig.wake()
    assert rig.bolus(1.0) == 0
    end_ns = rig.ledger.deliveries[-1].start_ns + 40 * SECOND_NS
    late = 1.0 - rig.ledger.outlet_u(0, end_ns)
    assert late == pytest.approx(0.094, abs=0.012)
    assert rig.ledger.outlet_u(end_ns + 60 * SECOND_NS, end_ns + HOUR_NS) < 0.002


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    rate=st.integers(0, 400),
    bolus=st.integers(1, 200),
    stops=st.lists(st.integers(1, 3600), min_size=1, max_size=5),
)
@example(seed=757, rate=1, bolus=1, stops=[1])  # its first stroke falls into the first nanosecond
def test_volume_is_conserved_whatever_the_pump_is_told_and_whenever_one_looks(
    seed: int, rate: int, bolus: int, stops: list[int]
) -> None:
    bench = SimulatedBench(
        start_local=START, seed=seed, faults=("line.leak=3%@10min", "line.bubble=2uL@5min", "pump.gain=-4%@20min")
    )
    bench.firmware.set_profile(0, ((0, rate),), 0)
    bench.firmware.bolus(bolus, 0)
    at_ns = 0
    for stop in stops:
        at_ns += stop * SECOND_NS
        bench.display_mg(at_ns)
        totals = bench.ledger.totals(at_ns)
        parts = totals["outlet_u"] + totals["in_line_u"] + totals["leaked_u"] + totals["bubble_u"]
        assert totals["displaced_u"] == pytest.approx(parts, abs=1e-9)
        assert totals["outlet_u"] >= -1e-12
    assert sum(d.displaced_u for d in bench.ledger.deliveries) == pytest.approx(totals["displaced_u"], abs=1e-9)
    assert sum(d.commanded_u for d in bench.ledger.deliveries) == pytest.approx(totals["commanded_u"], abs=1e-9)


def test_asking_the_balance_changes_nothing_that_is_delivered() -> None:
    outlets = []
    for polls in (0, 500):
        bench = SimulatedBench(start_local=START, seed=3)
        bench.plant_runs_at(2.0)
        for number in range(polls):
            bench.display_mg(number * 7_300_000_000)
        outlets.append(bench.ledger.outlet_u(0, 2 * HOUR_NS))
    assert outlets[0] == pytest.approx(outlets[1], rel=1e-12)


def test_the_ledger_s_parts_add_up_over_any_cut() -> None:
    bench = SimulatedBench(start_local=START, seed=5)
    bench.plant_runs_at(5.0)
    whole = bench.ledger.outlet_u(0, HOUR_NS)
    cuts = [0, 17 * SECOND_NS, 1234 * SECOND_NS, HOUR_NS]
    assert sum(bench.ledger.outlet_u(a, b) for a, b in itertools.pairwise(cuts)) == pytest.approx(whole)
    assert bench.ledger.pan_mg(0, HOUR_NS) == pytest.approx(whole * 9.982, abs=0.02)


@pytest.mark.parametrize(
    ("doses", "strokes", "low", "high"),
    [(4, 1, 5.5, 8.0), (40, 1, 0.8, 1.4), (400, 1, 0.1, 0.5), (2, 2, 5.5, 8.0), (20, 2, 0.8, 1.4)],
)
def test_boluses_scatter_as_the_bench_studies_found(doses: int, strokes: int, low: float, high: float) -> None:
    scatters = []
    for seed in range(30):
        mechanism = Mechanism(DEFAULT, seed, NO_FAULTS)
        for _ in range(200):
            mechanism.move(strokes, 0, None)
        volumes = [sum(mechanism.move(strokes, 0, None) for _ in range(doses)) for _ in range(25)]
        scatters.append(statistics.stdev(volumes) / (doses * strokes * 0.25) * 100.0)
    assert low < statistics.mean(scatters) < high


def test_every_unit_conforms_and_units_differ_by_about_0_8_per_cent() -> None:
    gains = [Mechanism(DEFAULT, seed, NO_FAULTS).gain - 1.0 for seed in range(400)]
    assert max(map(abs, gains)) < 0.024
    assert statistics.stdev(gains) == pytest.approx(0.0077, abs=0.001)


def test_windows_of_many_doses_have_tails_that_independent_doses_would_not_have() -> None:
    outside = total = 0
    for seed in range(20):
        mechanism = Mechanism(DEFAULT, seed, NO_FAULTS)
        volumes = [mechanism.move(1, 0, None) for _ in range(2000)]
        windows = [sum(volumes[at : at + 10]) / 2.5 - 1.0 for at in range(0, 2000, 10)]
        outside += sum(abs(window) > 0.15 for window in windows)
        total += len(windows)
    assert 0.002 < outside / total < 0.04  # 3.9 % were seen on these pumps, 0.02 % is what independence predicts


def test_delivery_starts_too_high_and_settles() -> None:
    bench = SimulatedBench(start_local=START, parameters=replace(EXACT, startup_gain=0.03))
    bench.plant_runs_at(1.0)
    first, later = bench.ledger.displaced_u(0, HOUR_NS), bench.ledger.displaced_u(20 * HOUR_NS, 21 * HOUR_NS)
    assert first / later == pytest.approx(1.0 + 0.03 * (1.0 - math.exp(-1.0)), abs=0.003)


@pytest.mark.parametrize("interval_s", [0.2, 10.0, 60.0])
def test_noise_is_the_same_process_at_any_polling_interval(interval_s: float) -> None:
    variances = []
    for seed in range(60):
        noise = Noise(replace(DEFAULT, random_walk_mg_per_sqrt_h=0.0), seed, 0.65)
        values = [
            noise.step(round(interval_s * 1e9)) for _ in range(round(600 / interval_s) if interval_s > 1 else 200)
        ]
        variances.append(values[-1] ** 2)
    expected = 0.02**2 * 0.1 / (2 * 0.65) + 4 * 0.003**2
    assert statistics.mean(variances) == pytest.approx(expected, rel=0.45)


def test_a_blank_drifts_by_less_than_0_05_mg_per_hour_typically() -> None:
    drifts = []
    for seed in range(40):
        bench = SimulatedBench(start_local=START, seed=seed)
        start = statistics.mean(bench.display_mg(second * SECOND_NS) for second in range(60))
        end = statistics.mean(bench.display_mg((3600 + second) * SECOND_NS) for second in range(60))
        drifts.append(end - start)
    assert statistics.mean(drifts) == pytest.approx(-0.015, abs=0.01)  # evaporation
    assert statistics.median(map(abs, drifts)) < 0.05


def test_a_room_may_wander_irregularly_and_forgets_within_its_time() -> None:
    steady = replace(PlantParameters(), temperature_wave_k=0.0, humidity_wave_pct=0.0)
    wandering = replace(steady, room_sd_k=0.5, room_sd_pct=5.0, room_h=1.0)
    room = Environment(wandering, 3, 0)
    seen = []
    for _ in range(4000):
        seen.append(room.state(room.node_ns))
        room.step()
    kelvin, percent = ([row[k] - mean for row in seen] for k, mean in ((0, 20.0), (1, 50.0)))
    assert statistics.pstdev(kelvin) == pytest.approx(0.5, rel=0.15)
    assert statistics.pstdev(percent) == pytest.approx(5.0, rel=0.15)
    an_hour_later = statistics.fmean(a * b for a, b in zip(kelvin, kelvin[12:], strict=False)) / 0.25
    assert an_hour_later == pytest.approx(math.exp(-1.0), abs=0.15)
    assert Environment(steady, 3, 0).state(0)[:2] == (20.0, 50.0)


def test_a_perfect_sensor_reads_the_air_that_lifts_the_vessel() -> None:
    bench = SimulatedBench(seed=5, start_local=START)
    for minutes in (0, 3, 7, 600):
        rig_ns = minutes * 60 * SECOND_NS
        temperature_c, humidity_pct, pressure_hpa = bench.air(rig_ns)
        density = bench._plant._environment.at(rig_ns)[0]
        assert air_density_mg_per_ul(temperature_c, humidity_pct, pressure_hpa) == pytest.approx(density, rel=1e-6)


def test_evaporation_follows_humidity_and_level() -> None:
    def loss_mg(humidity_pct: float = 50.0, temperature_c: float = 20.0) -> float:
        parameters = replace(EXACT, evaporation_mg_per_h=1.0, humidity_pct=humidity_pct, temperature_c=temperature_c)
        bench = SimulatedBench(start_local=START, parameters=parameters)
        return -bench.ledger.pan_mg(0, 10 * HOUR_NS)

    assert loss_mg() == pytest.approx(10.0, rel=0.01)
    assert loss_mg(humidity_pct=80.0) == pytest.approx(4.0, rel=0.01)
    assert loss_mg(temperature_c=25.0) == pytest.approx(10.0 * 31.69 / 23.39, rel=0.02)
    rig = SimulatedBench(start_local=START, parameters=replace(EXACT, evaporation_mg_per_h=1.0))
    rig.plant_runs_at(30.0)
    filled_ns = 9 * HOUR_NS
    delivered_mg = rig.ledger.outlet_u(filled_ns, filled_ns + HOUR_NS) * 9.98204
    later_mg = delivered_mg - rig.ledger.pan_mg(filled_ns, filled_ns + HOUR_NS)
    assert 1.2 < later_mg < 1.6  # the level has risen by 9 mm of 29 mm of head space


def test_the_display_overloads_at_its_capacity() -> None:
    rig = Rig(parameters=replace(EXACT, vessel_mass_mg=230_000.0))
    assert rig.weigh() == b"S +\r\n"
    assert rig.bench.display_mg(rig.now_ns) == 220_000.0


def test_the_sealed_ledger_holds_the_truth_and_proves_itself(tmp_path: Path) -> None:
    path = tmp_path / "sealed" / "ledger.json"
    rig = Rig(parameters=EXACT_PUMP, sealed_ledger=path, faults=("pump.gain=-8%",))
    rig.wake()
    rig.bolus(1.0)
    rig.wait(700.0)
    rig.bench.advance(rig.now_ns)
    rig.bench.close()
    rig.bench.close()
    content = json.loads(path.read_text())
    assert content["totals"]["outlet_u"] == pytest.approx(0.92)
    assert content["faults"] == ["pump.gain=-8%"]
    assert content["deliveries"][0]["commanded_u"] == 1.0
    assert content["deliveries"][0]["displaced_u"] == pytest.approx(0.92)
    assert content["series"][-1]["outlet_u"] == pytest.approx(0.92)
    assert len(content["sha256"]) == 64


def test_a_ledger_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    bench = SimulatedBench(start_local=START, sealed_ledger=tmp_path / "file" / "ledger.json")
    with pytest.raises(BenchError, match="sealed ledger cannot be written"):
        bench.close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "999"}, "no pump model '999'"),
        ({"serial": "12345"}, "not a pump id"),
        ({"serial": "12345\u0666"}, "not a pump id"),
        ({"resolution_mg": 0.02}, "no balance with a last digit"),
        ({"faults": ("pump.gian=-8%",)}, "such as 'pump.gain'"),
    ],
)
def test_a_bench_that_cannot_be_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        SimulatedBench(start_local=START, **arguments)  # type: ignore[arg-type]
