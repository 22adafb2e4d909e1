"""Budget files: the uncertainty of the reference comes out, and a wrong key is named."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from rig.metrology.evaporation import stated_evaporation
from rig.metrology.inputs import AirState, AmbientStats, BalanceSpec, LiquidSpec
from rig.metrology.volume import Level, MassChange, WeighingChain, volume_from_mass
from tests.weighing_log.logs import refusal, told, write
from tests.weighing_log.test_bolus import bolus_log

EX_13 = """
source = "reference 5.9"
[balance]
repeatability_mg = 0.02
resolution_mg = 0.01
linearity_rel = 1e-4
sensitivity_drift_ppm_per_k = 1.5
temperature_half_width_c = 0.5
[evaporation]
half_width_mg_per_h = 0.02
[liquid]
temperature_half_width_c = 0.5
[vessel]
load_cm3 = 15
gross_g = 50
[air]
pressure_half_width_hpa = 1
temperature_half_width_c = 0
"""


def budget_file(folder: Path, text: str = EX_13) -> str:
    path = folder / "budget.toml"
    path.write_text(text)
    return str(path)


def one_hour(folder: Path, mass_mg: float = 9.971) -> str:
    return write(folder / "log.csv", [(i * 900.0, 100.0 + mass_mg * i / 4) for i in range(5)])


def test_one_hour_at_1_u_per_h_has_the_uncertainty_of_the_reference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """EX-13, and the column of 1 h in reference section 5.9."""
    log, budget = one_hour(tmp_path), budget_file(tmp_path)
    found = told(capsys, log, "--basal", "1.0 U/h", "--budget", budget)
    assert found["expanded_uncertainty_pct"] == pytest.approx(0.78, abs=5.1e-3)
    lines = {line["name"]: line["contribution"] / 100.0 * 9.971 for line in found["budget"]}
    for name, u_mg in (
        ("repeatability, both readings", 0.0283),
        ("resolution, both readings", 0.0041),
        ("evaporation", 0.0115),
        ("vessel buoyancy, pressure", 0.0103),
        ("sensitivity drift on the gross load", 0.0217),
        ("linearity", 0.0006),
        ("liquid density", 0.0006),
    ):
        assert lines[name] == pytest.approx(u_mg, abs=5.1e-5), name
    assert math.sqrt(sum(u_mg**2 for u_mg in lines.values())) == pytest.approx(0.0391, abs=5.1e-5)
    assert found["coverage_factor"] == 2.0
    assert [abs(line["contribution"]) for line in found["budget"]] == sorted(
        (line["contribution"] for line in found["budget"]), reverse=True
    )


@pytest.mark.parametrize(("rate", "expected"), [(0.05, "15.7"), (0.1, "7.83"), (0.5, "1.57"), (2.0, "0.39")])
def test_the_table_of_relative_uncertainties_comes_out(
    rate: float, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, budget = one_hour(tmp_path, 9.9716 * rate), budget_file(tmp_path)
    found = told(capsys, log, "--basal", f"{rate} U/h", "--budget", budget)
    digits = len(expected.partition(".")[2])
    assert f"{found['expanded_uncertainty_pct']:.{digits}f}" == expected


def test_what_a_judged_run_counts_is_counted_alike_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = EX_13.split("[vessel]", maxsplit=1)[0].replace("temperature_half_width_c = 0.5\n[evap", "[evap")
    text = text.replace("[liquid]\ntemperature_half_width_c = 0.5", "[liquid]\nu_density_kg_per_m3 = 0.3")
    found = told(capsys, one_hour(tmp_path), "--basal", "1.0 U/h", "--budget", budget_file(tmp_path, text))
    state = AirState(20.0, 50.0, 1013.25)
    chain = WeighingChain(BalanceSpec(0.02, 0.01), LiquidSpec(998.2067, 0.3), evaporation=stated_evaporation(0.0, 0.02))
    change = MassChange(Level(100.0, 0.0), Level(109.971, 3600.0))
    other = volume_from_mass(change, chain, AmbientStats(state, state, 0, 0, 0, 0, 0, 0)).budget.scaled(10.0, "%")
    here = {line["name"]: line["contribution"] for line in found["budget"]}
    for line in other.lines():
        if line.name != "air density in Z":  # where no air is logged, ten percent of it are assumed
            assert here[line.name] == pytest.approx(line.contribution, rel=1e-6), line.name
    assert any("no [vessel]" in note for note in found["notes"])


def test_weather_in_the_log_enters_as_a_known_bias(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """EX-10: 15 cm3 and a fall of 5 hPa show +0.89 % that nobody corrects here; U covers it."""
    rows = [(i * 900.0, 10.0608 * i / 4, 1013.25 - 5.0 * i / 4) for i in range(5)]
    log = write(tmp_path / "log.csv", rows, "time_s,mass_mg,pressure_hpa")
    found = told(capsys, log, "--basal", "1.0 U/h", "--budget", budget_file(tmp_path))
    assert found["overall_error_pct"] == pytest.approx(0.89, abs=6e-3)
    lines = {line["name"]: line["contribution"] for line in found["budget"]}
    assert lines["vessel buoyancy over the record"] == pytest.approx(0.894, abs=2e-3)
    assert found["expanded_uncertainty_pct"] > 2 * 0.89


@pytest.mark.parametrize(("warmer_k", "half_width_k"), [(0.0, 0.5), (0.3, 0.5), (3.0, 3.0), (-3.0, 3.0)])
def test_a_change_of_temperature_that_the_log_shows_counts_where_it_is_larger_than_the_stated_one(
    warmer_k: float, half_width_k: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(i * 900.0, 100.0 + 9.971 * i / 4, 21.0 + warmer_k * i / 4) for i in range(5)]
    log = write(tmp_path / "log.csv", rows, "time_s,mass_mg,temperature_c")
    found = told(capsys, log, "--basal", "1.0 U/h", "--budget", budget_file(tmp_path))
    u_mg = math.hypot(
        *(x["contribution"] / 100.0 * 9.971 for x in found["budget"] if x["name"].startswith("sensitivity drift"))
    )
    assert u_mg == pytest.approx(50.0 * 1.5e-3 * half_width_k / math.sqrt(3.0), rel=2e-3)


def test_a_room_that_warms_under_all_boluses_does_not_average_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, events = bolus_log(tmp_path, [1.0] * 10, 1.0)
    rows = [line.split(",") for line in Path(log).read_text().splitlines()[1:]]
    warm = [(float(at), float(mass), 20.0 + (float(at) - 1000.0) / 60.0) for at, mass in rows]
    write(tmp_path / "log.csv", warm, "time_s,mass_mg,temperature_c")
    found = told(capsys, log, "--bolus", "1.0 U", "--events", events, "--budget", budget_file(tmp_path))
    (line,) = [x for x in found["budget"] if x["name"] == "sensitivity drift, change of temperature as read"]
    assert line["contribution"] == pytest.approx(100.0 * 50.0 * 1.5e-3 / math.sqrt(3.0) / 9.971, rel=0.15)


def test_a_tube_that_nobody_corrects_and_one_dose_are_in_the_budget(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """EX-11: 1.2 mm in 10 mm, 1 - 0.9856."""
    tube = "[tube]\nouter_diameter_mm = 1.2\nvessel_inner_diameter_mm = 10\n"
    more = "[pump]\ndose_u = 0.05\n[clock]\nhalf_width_ppm = 100\n"
    log = one_hour(tmp_path)
    found = told(capsys, log, "--basal", "1.0 U/h", "--budget", budget_file(tmp_path, EX_13 + tube + more))
    lines = {line["name"]: line["contribution"] for line in found["budget"]}
    assert lines["immersed tube"] == pytest.approx(1.44, abs=2e-3)
    assert lines["dose edge"] == pytest.approx(100 * 0.05 / math.sqrt(6), rel=1e-9)
    assert lines["time base"] == pytest.approx(0.01 / math.sqrt(3), rel=1e-3)
    assert any("1.44 % too large" in note for note in found["notes"])
    fixed = told(
        capsys, log, "--basal", "1.0 U/h", "--budget", budget_file(tmp_path, EX_13 + tube + "corrected = true\n")
    )
    assert {line["name"]: line["contribution"] for line in fixed["budget"]}["immersed tube"] == pytest.approx(
        0.144, abs=2e-4
    )


def test_no_buoyancy_correction_is_a_bias_of_a_thousandth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(
        capsys, one_hour(tmp_path), "--basal", "1 U/h", "--buoyancy", "none", "--budget", budget_file(tmp_path)
    )
    lines = {line["name"]: line["contribution"] for line in found["budget"]}
    assert lines["buoyancy, not corrected"] == pytest.approx(0.105, abs=5.1e-4)


def test_each_bolus_has_its_uncertainty_and_the_mean_has_less(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, events = bolus_log(tmp_path, [1.0] * 25, 1.0)
    found = told(capsys, log, "--bolus", "1 U", "--events", events, "--budget", budget_file(tmp_path))
    each = [bolus["expanded_uncertainty_pct"] for bolus in found["boluses"]]
    assert each == pytest.approx([2 * math.hypot(0.0283, 0.0041, 0.0103, 0.0217) * 10] * 25, rel=0.01)
    assert each[0] / 6 < found["expanded_uncertainty_pct"] < each[0] / 4


def test_the_edge_of_a_dose_counts_only_where_a_basal_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, events = bolus_log(tmp_path, [1.0], 1.0)
    budget = budget_file(tmp_path, EX_13 + "[pump]\ndose_u = 0.05\n")
    asked = (log, "--bolus", "1 U", "--events", events, "--budget", budget)
    alone = {line["name"] for line in told(capsys, *asked)["budget"]}
    under = {line["name"]: line["contribution"] for line in told(capsys, *asked, "--basal", "0.5 U/h")["budget"]}
    assert "dose edge" not in alone
    assert under["dose edge"] == pytest.approx(100 * 0.05 / math.sqrt(6))


def test_readings_noisier_than_the_budget_says_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(3)
    noise = rng.normal(0.0, 0.1, 1201)
    doses = 0.5 * np.floor(np.arange(1201) / 60.0)  # a step every three minutes is no noise
    budget = budget_file(tmp_path)
    for name, scale in (("loud", 1.0), ("quiet", 0.2)):
        rows = [(3.0 * i, float(doses[i] + scale * noise[i])) for i in range(1201)]
        found = told(capsys, write(tmp_path / f"{name}.csv", rows), "--basal", "1 U/h", "--budget", budget)
        assert any("readings scatter by" in note for note in found["notes"]) == (name == "loud")


REFUSED = {
    "a misspelt key": (EX_13.replace("repeatability_mg", "repeatabilty_mg"), "try: 'repeatability_mg'"),
    "a misspelt table": (EX_13.replace("[air]", "[iar]"), "try: 'air'"),
    "a missing key": (EX_13.replace("resolution_mg = 0.01", ""), "'resolution_mg' is missing"),
    "a negative number": (EX_13.replace("= 0.02\nres", "= -1\nres"), "budget.toml:4: balance.repeatability_mg: -1"),
    "a text": (EX_13.replace("= 15", '= "15 cm3"'), "is not a number"),
    "two densities": (EX_13.replace("[vessel]", "u_density_kg_per_m3 = 1\n[vessel]"), "either u_density_kg_per_m3 or"),
    "a vessel without air": (EX_13.split("[air]", maxsplit=1)[0], "a table [air]"),
    "a tube wider than its vessel": (EX_13 + "[tube]\nouter_diameter_mm=9\nvessel_inner_diameter_mm=8\n", "narrower"),
    "no TOML": ("[balance\n", "not valid TOML"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_budget_is_refused_in_one_line(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, words = REFUSED[name]
    line = refusal(capsys, one_hour(tmp_path), "--basal", "1 U/h", "--budget", budget_file(tmp_path, text))
    assert words in line, line
    assert "budget.toml" in line


def test_a_temperature_tells_nothing_about_insulin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("--basal", "1 U/h", "--liquid", "insulin", "--budget", budget_file(tmp_path))
    assert "u_density_kg_per_m3" in refusal(capsys, one_hour(tmp_path), *asked)
