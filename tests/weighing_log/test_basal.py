"""A basal log through the command line: worked examples of the reference, rules of design 5.3, refusals."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import pytest

from rig.metrology.air import air_density_kg_per_m3
from rig.metrology.water import water_density_kg_per_m3
from tests.weighing_log.logs import PLAIN, refusal, steady, told, write

WINDOWS = (15, 60, 150, 330, 570, 930)
EX_01: dict[str, tuple[list[float], list[tuple[float, float]], float]] = {
    "a": ([10.0 if i % 2 == 0 else -10.0 for i in range(100)], [(-10, 10), *[(0, 0)] * 5], 0.0),
    "b": (
        [-5 + 0.1 * i for i in range(100)],
        [(-5, 4.9), (-4.85, 4.75), (-4.55, 4.45), (-3.95, 3.85), (-3.15, 3.05), (-1.95, 1.85)],
        -0.05,
    ),
    "c": (
        [-100.0 if i == 50 else 0.0 for i in range(100)],
        [(-100, 0), (-25, 0), (-10, 0), (-4.545455, 0), (-2.631579, 0), (-1.612903, -1.612903)],
        -1.0,
    ),
    "d": ([100.0 if i % 2 == 0 else -100.0 for i in range(100)], [(-100, 100), *[(0, 0)] * 5], 0.0),
}


@pytest.mark.parametrize("name", EX_01)
def test_the_trumpet_curve_of_a_log_is_that_of_the_reference(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """EX-01 a to d."""
    errors, expected, overall = EX_01[name]
    log = write(tmp_path / "log.csv", steady(errors))
    found = told(capsys, log, "--basal", "1.0 U/h", *PLAIN)
    assert [(point["window_min"], point["count"]) for point in found["trumpet"]] == list(
        zip(WINDOWS, (100, 97, 91, 79, 63, 39), strict=True)
    )
    for point, (low, high) in zip(found["trumpet"], expected, strict=True):
        assert (point["min_pct"], point["max_pct"]) == (pytest.approx(low, abs=5e-7), pytest.approx(high, abs=5e-7))
    assert found["overall_error_pct"] == pytest.approx(overall, abs=1e-9)
    assert found["delivered_u"] == pytest.approx(25.0 * (1.0 + overall / 100.0))
    assert found["expected_u"] == 25.0
    assert found["expanded_uncertainty_pct"] is None
    assert found["outcome"] == "REPORT_ONLY"


def test_one_hour_windows_are_those_of_the_reference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """EX-06."""
    log = write(tmp_path / "log.csv", steady([-5.0, 10.0, 0.0, -20.0, 5.0], interval_s=3600.0))
    found = told(capsys, log, "--basal", "1.0 U/h", "--sample-interval", "1h", *PLAIN)["windows_1h"]
    assert found["count"] == 5
    assert found["mean_pct"] == pytest.approx(-2.0, abs=1e-9)
    assert found["sd_pct"] == pytest.approx(11.51086, abs=5.1e-6)
    assert found["mard_pct"] == pytest.approx(8.0, abs=1e-9)
    assert found["median_abs_pct"] == pytest.approx(5.0, abs=1e-9)
    assert [found[f"within_{limit}_pct"] for limit in (5, 10, 15)] == [60.0, 80.0, 80.0]


def test_evaporation_is_added_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """EX-12: +5.900 mg in 6 h, 0.015 mg/h lost; water at 20 C, standard air, both assumed and said so."""
    log = write(tmp_path / "log.csv", [(i * 900.0, 40000.0 + 5.9 * i / 24) for i in range(25)])
    found = told(capsys, log, "--basal", "0.1 U/h", "--evaporation", "0.015 mg/h")
    assert found["delivered_u"] == pytest.approx(0.600708, abs=5.1e-7)
    assert found["overall_error_pct"] == pytest.approx(0.118, abs=5.1e-4)
    assert found["method"]["ul_per_mg"] == pytest.approx(1.002851, abs=5.1e-7)
    assert {item["source"] for item in found["method"]["air"].values()} == {"assumed"}
    bare = told(capsys, log, "--basal", "0.1 U/h")
    assert bare["overall_error_pct"] == pytest.approx(-1.386, abs=5.1e-4)


def test_ambient_columns_give_density_and_buoyancy_by_their_means(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(i * 900.0, i * 2.5, 21.0 + 2.0 * (i % 2), 44.0 + i, 1000.0) for i in range(2)]
    log = write(tmp_path / "log.csv", rows, "time_s,mass_mg,temperature_c,humidity_pct,pressure_hpa")
    found = told(capsys, log, "--basal", "1.0 U/h", "--liquid", "water")
    rho, air = float(water_density_kg_per_m3(22.0)), float(air_density_kg_per_m3(22.0, 1e5, 0.445))
    assert found["method"]["density_kg_per_m3"] == pytest.approx(rho, rel=1e-12)
    assert found["delivered_u"] == pytest.approx(0.1 * 2.5 * 1e3 * (1 - air / 8000) / (rho - air), rel=1e-12)
    stated = told(capsys, log, "--basal", "1.0 U/h", "--density", "1.01 g/mL", "--concentration", "U200")
    assert stated["delivered_u"] == pytest.approx(0.2 * 2.5 * 1e3 * (1 - air / 8000) / (1010.0 - air), rel=1e-12)


def test_air_outside_cipm_2007_still_gives_a_value_that_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(i * 900.0, i * 2.5, 30.0) for i in range(3)]
    log = write(tmp_path / "log.csv", rows, "time_s,mass_mg,temperature_c")
    found = told(capsys, log, "--basal", "1.0 U/h")
    assert found["method"]["ul_per_mg"] == pytest.approx(1.005392, abs=2e-6)  # EX-09, 30 C
    assert any("outside the validity of CIPM-2007" in note for note in found["notes"])
    assert told(capsys, log, "--basal", "1.0 U/h", "--buoyancy", "none")["notes"] != found["notes"]


def test_named_liquids_say_where_their_density_comes_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write(tmp_path / "log.csv", steady([0.0]))
    for name, density, word in (("insulin", 1004.5, "estimate"), ("saline", 1004.6, "not measured")):
        method = told(capsys, log, "--basal", "1.0 U/h", "--liquid", name)["method"]
        assert method["density_kg_per_m3"] == density
        assert word in method["density_source"]
    assert "no liquid stated" in told(capsys, log, "--basal", "1.0 U/h")["method"]["density_source"]


def test_start_stabilization_and_analysis_lie_one_after_the_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Start counts from the first row; hours and cumulative begin at start, overall and trumpet at the analysis."""
    errors = [50.0] * 4 + [20.0] * 8 + [1.0] * 9
    rows = [(1e6 + at, mass) for at, mass in steady(errors)]
    log = write(tmp_path / "log.csv", rows)
    asked = ("--basal", "1.0 U/h", "--start", "1h", "--stabilization", "2h", *PLAIN)
    found = told(capsys, log, *asked)
    assert found["overall_error_pct"] == pytest.approx(1.0)
    assert found["expected_u"] == 2.25
    assert [point["count"] for point in found["trumpet"]] == [9, 6]  # windows longer than the analysis are left out
    assert found["windows_1h"]["count"] == 4
    assert found["windows_1h"]["errors_pct"] == pytest.approx([20.0, 20.0, 1.0, 1.0])
    assert [entry["at_h"] for entry in found["cumulative"]] == [1.0, 4.25]
    assert [entry["delivered_u"] for entry in found["cumulative"]] == pytest.approx([1.2, 2.4 + 2.25 * 1.01])
    shorter = told(capsys, log, *asked, "--analysis", "40min")
    assert shorter["expected_u"] == pytest.approx(40 / 60)
    assert [point["count"] for point in shorter["trumpet"]] == [2]
    assert any("no multiple of the sample interval" in note for note in shorter["notes"])


def test_the_end_is_told_once_and_24_h_where_reached(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write(tmp_path / "log.csv", steady([0.0] * 96))
    found = told(capsys, log, "--basal", "1.0 U/h", *PLAIN)
    assert [entry["at_h"] for entry in found["cumulative"]] == [1.0, 6.0, 12.0, 24.0]


def test_an_hour_that_does_not_exist_is_null(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write(tmp_path / "log.csv", steady([0.0, 0.0]))
    hours = told(capsys, log, "--basal", "1.0 U/h", *PLAIN)["windows_1h"]
    assert hours["count"] == 0
    assert [hours[key] for key in ("mean_pct", "sd_pct", "mard_pct", "within_5_pct")] == [None] * 4
    one = write(tmp_path / "one.csv", steady([5.0] * 4))
    hours = told(capsys, one, "--basal", "1.0 U/h", *PLAIN)["windows_1h"]
    assert (hours["count"], hours["sd_pct"], hours["within_5_pct"]) == (1, None, 100.0)


def test_a_gap_in_the_analysis_is_invalid_and_a_gap_before_it_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row for row in steady([0.0] * 20) if row[0] != 1800.0]
    log = write(tmp_path / "log.csv", rows)
    broken = told(capsys, log, "--basal", "1.0 U/h", *PLAIN, code=4)
    assert broken["trumpet"] is None
    assert broken["outcome"] == "INVALID"
    assert broken["gaps"] == [{"start_s": 900.0, "end_s": 2700.0, "in_analysis": True}]
    assert broken["windows_1h"]["count"] == 4
    assert broken["windows_1h"]["excluded_hours"] == [1]
    later = told(capsys, log, "--basal", "1.0 U/h", "--stabilization", "1h", *PLAIN)
    assert later["trumpet"]
    assert [gap["in_analysis"] for gap in later["gaps"]] == [False]


def test_windows_may_be_named_and_those_of_the_standard_are_left_out_where_they_do_not_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write(tmp_path / "log.csv", steady([0.0] * 12))
    asked = ("--basal", "1.0 U/h", *PLAIN)
    named = told(capsys, log, *asked, "--windows", "30, 15min")
    assert [point["window_min"] for point in named["trumpet"]] == [15.0, 30.0]
    other = told(capsys, log, *asked, "--sample-interval", "20min")
    assert [point["window_min"] for point in other["trumpet"]] == [60.0]
    assert any("15, 150, 330, 570, 930 min are left out: no multiple" in note for note in other["notes"])
    assert "7 min" in refusal(capsys, log, *asked, "--windows", "7")


def test_what_the_readings_give_cause_to_say_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(i * 60.0, 100.0 - 4.0 * (i // 40), float(i % 10 != 0)) for i in range(100)]
    log = write(tmp_path / "log.csv", rows, "time_s,mass_mg,stable")
    notes = told(capsys, log, "--basal", "1.0 U/h", "--evaporation", "3 mg/h")["notes"]
    for words in ("10 of 100 readings are marked as not stable", "does not rise", "stands still for up to 39 min"):
        assert any(words in note for note in notes), words
    assert any("% of the programmed rate" in note for note in notes)


def test_a_column_that_is_nearly_one_of_ours_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(i * 900.0, i * 2.5, 25.0, 1.0) for i in range(3)]
    log = write(tmp_path / "log.csv", rows, "time_s,mass_mg,Temperature,note")
    found = told(capsys, log, "--basal", "1.0 U/h")
    assert found["log"]["ignored_columns"] == ["Temperature", "note"]
    assert any(note.startswith("not read: Temperature; columns that are read") for note in found["notes"])
    assert found["method"]["air"]["temperature_c"] == {"value": 20.0, "source": "assumed"}


REFUSED = {
    "a rate of zero": (("--basal", "0 U/h"), "--basal: '0 U/h' is not above zero"),
    "a negative rate": (("--basal", "-1 U/h"), "not above zero"),
    "a rate without unit": (("--basal", "1.0"), "--basal: '1.0' has no unit"),
    "a rate in mL/h": (("--basal", "1.0 mL/h"), "no rate"),
    "a rate with a comma": (("--basal", "1,0 U/h"), "a dot for decimals"),
    "nothing programmed": ((), "--basal RATE, or --bolus"),
    "an unknown liquid": (("--basal", "1 U/h", "--liquid", "watre"), "try: --liquid water"),
    "two densities": (("--basal", "1 U/h", "--liquid", "water", "--density", "1 g/mL"), "exclude each other"),
    "a density without unit": (("--basal", "1 U/h", "--density", "998.2"), "--density: '998.2' has no unit"),
    "a density of air": (("--basal", "1 U/h", "--density", "1.2 kg/m^3"), "500 to 2000"),
    "an unknown buoyancy": (("--basal", "1 U/h", "--buoyancy", "yes"), "standard or none"),
    "a concentration without unit": (("--basal", "1 U/h", "--concentration", "100"), "try: --concentration U100"),
    "a start beyond the record": (("--basal", "1 U/h", "--start", "5h"), "--start: start and stabilization take 5 h"),
    "a stabilization beyond it": (("--basal", "1 U/h", "--stabilization", "3h"), "--stabilization: "),
    "an analysis beyond it": (("--basal", "1 U/h", "--analysis", "4h"), "at most 3 h"),
    "an analysis below S": (("--basal", "1 U/h", "--analysis", "5min"), "one sample interval, 15 min"),
    "S beyond the record": (("--basal", "1 U/h", "--sample-interval", "4h"), "a shorter --sample-interval"),
    "S of zero": (("--basal", "1 U/h", "--sample-interval", "0s"), "above zero"),
    "a time without unit": (("--basal", "1 U/h", "--analysis", "1"), "--analysis: '1' has no unit"),
    "windows that are no numbers": (("--basal", "1 U/h", "--windows", "15,,60"), "--windows"),
    "evaporation without unit": (("--basal", "1 U/h", "--evaporation", "0.01"), "--evaporation"),
    "no such budget": (("--basal", "1 U/h", "--budget", "none.toml"), "none.toml: cannot be read"),
    "events without boluses": (("--basal", "1 U/h", "--events", "e.csv"), "--bolus AMOUNT"),
    "boluses without events": (("--bolus", "1 U"), "--bolus without --events"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_meant_is_refused_in_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, words = REFUSED[name]
    log = write(tmp_path / "log.csv", steady([0.0] * 12))
    assert words in refusal(capsys, log, *arguments)


def test_water_beyond_40_c_needs_a_stated_density(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(i * 900.0, i * 2.5, 45.0) for i in range(3)]
    log = write(tmp_path / "log.csv", rows, "time_s,mass_mg,temperature_c")
    assert "0 to 40 C" in refusal(capsys, log, "--basal", "1.0 U/h")
    assert told(capsys, log, "--basal", "1.0 U/h", "--density", "990 kg/m^3")["delivered_u"] > 0.0


def test_an_irregular_log_agrees_with_plain_fractions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second, naive way: linear interpolation and windows over fractions."""
    random.seed(7)
    at, mass, rows = 0, 0, []
    for _ in range(400):
        rows.append((at / 1000, mass / 1000))
        at += random.randrange(1, 120_000)
        mass += random.randrange(0, 900)
    log = write(tmp_path / "log.csv", rows)
    found = told(capsys, log, "--basal", "1.3 U/h", "--start", "7min", "--stabilization", "31 min", *PLAIN)
    exact = [(Fraction(str(t)), Fraction(str(m))) for t, m in rows]

    def units(t: Fraction) -> Fraction:
        after = next(i for i, (seconds, _) in enumerate(exact) if seconds >= t and i)
        (t0, m0), (t1, m1) = exact[after - 1], exact[after]
        return (m0 + (m1 - m0) * (t - t0) / (t1 - t0)) / 10

    begin, rate = Fraction(38 * 60), Fraction("1.3")
    steps = (exact[-1][0] - begin) // 900
    samples = [units(begin + 900 * i) for i in range(int(steps) + 1)]
    assert found["delivered_u"] == pytest.approx(float(samples[-1] - samples[0]), rel=1e-9)
    for point in found["trumpet"]:
        size = int(point["window_min"] // 15)
        target = rate * size / 4
        errors = [100 * ((b - a) / target - 1) for a, b in zip(samples, samples[size:], strict=False)]
        assert point["count"] == len(errors)
        assert point["min_pct"] == pytest.approx(float(min(errors)), rel=1e-9, abs=1e-9)
        assert point["max_pct"] == pytest.approx(float(max(errors)), rel=1e-9, abs=1e-9)
    start = Fraction(7 * 60)
    hours = [
        units(start + 3600 * (k + 1)) - units(start + 3600 * k) for k in range(int((exact[-1][0] - start) // 3600))
    ]
    assert found["windows_1h"]["errors_pct"] == pytest.approx([float(100 * (v / rate - 1)) for v in hours], rel=1e-9)
