"""The log of an occlusion test on the command line: a plant knows what happened, and every mistake is one line."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rig.cli.main import main
from rig.weighing_log.chain import last_digit_mg, resting_scatter_mg
from rig.weighing_log.read import WeighingLog, read_log
from tests.analysis.occlusion_cases import instants
from tests.analysis.occlusion_plant import Line, Truth, run
from tests.weighing_log.logs import refusal, told, write
from tests.weighing_log.test_budget import budget_file

BASAL = ("--basal", "2.0 U/h")
STATED = (*BASAL, "--dose", "0.025U", "--alarm-poll", "5s", "--stamps", "0.5 s", "--evaporation", "0.08 mg/h")
BUDGET = """
source = "the plant"
[balance]
repeatability_mg = 0.02
resolution_mg = 0.01
[evaporation]
half_width_mg_per_h = 0.02
[liquid]
temperature_half_width_c = 0.3
"""


@cache
def truth_of(seed: int) -> Truth:
    return run(Line(), seed)


def plant_log(folder: Path, truth: Truth, *, shift_s: float = 0.0) -> tuple[str, str]:
    """Write log and events of the plant; return their names."""
    log = write(
        folder / "log.csv", [(float(t) + shift_s, float(m)) for t, m in zip(truth.times, truth.masses, strict=True)]
    )
    rows = [
        (at, name) for pair in truth.pinches for at, name in zip(pair, ("pinch_closed", "pinch_opened"), strict=True)
    ]
    rows += [(truth.closed_s, "closed")] + ([(truth.alarm_s, "alarm")] if truth.alarm_s is not None else [])
    return log, events_file(folder, [(at + shift_s, name) for at, name in [*rows, (truth.opened_s, "opened")]])


def events_file(folder: Path, rows: list[tuple[Any, str]], name: str = "events.csv") -> str:
    path = folder / name
    path.write_text("time_s,event\n" + "".join(f"{at},{event}\n" for at, event in rows))
    return str(path)


def is_null(found: Any) -> bool:
    """Return whether no uncertainty, bound or budget stands anywhere in a document."""
    if isinstance(found, list):
        return all(is_null(item) for item in found)
    if not isinstance(found, dict):
        return True
    unknown = ("expanded_uncertainty", "budget", "lower_s", "upper_s")
    return all(value is None if key in unknown else is_null(value) for key, value in found.items())


@pytest.mark.parametrize("seed", [3, 4])
def test_what_really_happened_lies_within_the_uncertainty(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = truth_of(seed)
    log, events = plant_log(tmp_path, truth, shift_s=1e6)
    found = told(capsys, log, "--occlusion", events, *STATED, "--budget", budget_file(tmp_path, BUDGET))
    (item,) = found["occlusions"]
    for key, value in (
        ("missed", truth.missed / 10.0),
        ("released", truth.released / 10.0),
        ("released_share", truth.released / truth.missed),
        ("time_constant", truth.time_constant_s),
    ):
        assert abs(item[key]["value"] - value) <= item[key]["expanded_uncertainty"] < 0.2 * value, key
    assert truth.alarm_s is not None
    assert item["time_to_alarm"]["value"] == pytest.approx(truth.alarm_s - truth.closed_s)
    assert item["settled"] is True
    assert item["compliance"] is None
    assert found["outcome"] == "REPORT_ONLY"
    assert found["pinch"]["count"] == 4
    assert not any("not stated, and not" in note for note in found["notes"])


def test_without_a_budget_the_values_stand_and_no_uncertainty_is_stated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, events = plant_log(tmp_path, truth_of(3))
    extra = ("--alarm-pressure", "100 kPa +- 5 kPa", "--predict", "0.05 U/h")
    bare = told(capsys, log, "--occlusion", events, *STATED, *extra)
    full = told(capsys, log, "--occlusion", events, *STATED, *extra, "--budget", budget_file(tmp_path, BUDGET))
    assert is_null({key: bare[key] for key in bare if key != "method"})
    assert not is_null(full)
    for key in ("missed", "released", "compliance", "time_to_alarm"):
        assert bare["occlusions"][0][key]["value"] == pytest.approx(full["occlusions"][0][key]["value"], rel=2e-3), key
    assert bare["predictions"][0]["pulses"] == full["predictions"][0]["pulses"]
    assert any(note.startswith("no budget was given") for note in bare["notes"])
    assert bare["method"]["balance_source"] == "the readings themselves"
    assert bare["method"]["repeatability_mg"] == pytest.approx(0.02, rel=0.15)
    assert bare["method"]["resolution_mg"] == pytest.approx(0.01, rel=1e-3)


def test_a_compliance_has_an_uncertainty_only_where_the_pressure_has_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, events = plant_log(tmp_path, truth_of(3))
    call = (log, "--occlusion", events, *STATED, "--budget", budget_file(tmp_path, BUDGET), "--alarm-pressure")
    alone, stated = (told(capsys, *call, pressure) for pressure in ("1000 hPa", "100 kPa ± 5 kPa"))
    for key in ("compliance", "set_resistance"):
        a, b = alone["occlusions"][0][key], stated["occlusions"][0][key]
        assert a["value"] == pytest.approx(b["value"])
        assert a["expanded_uncertainty"] is a["budget"] is None
        assert b["expanded_uncertainty"] > 0.0
    found = stated["occlusions"][0]["compliance"]
    assert abs(found["value"] - Line().compliance) <= found["expanded_uncertainty"]
    assert any("without '+- HALF WIDTH'" in note for note in alone["notes"])


def test_what_was_not_stated_is_said_and_the_clock_of_the_budget_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, events = plant_log(tmp_path, truth_of(3))
    call = (log, "--occlusion", events, *BASAL, "--budget")
    bare = told(capsys, *call, budget_file(tmp_path, BUDGET))
    (note,) = [note for note in bare["notes"] if note.startswith("not stated, and not in the uncertainty")]
    assert [name for name in ("--dose", "--alarm-poll", "--stamps") if name in note] == [
        "--dose",
        "--alarm-poll",
        "--stamps",
    ]
    more = BUDGET + "[clock]\nhalf_width_ppm = 5000\n[pump]\ndose_u = 0.025\n"
    full = told(capsys, *call, budget_file(tmp_path, more))
    assert full["method"]["dose_u"] == 0.025
    lines = {line["name"]: line for line in full["occlusions"][0]["time_to_alarm"]["budget"]}
    time_s = full["occlusions"][0]["time_to_alarm"]["value"]
    assert lines["time stamps of both instants"]["contribution"] == pytest.approx(0.005 * time_s / 3**0.5)
    assert lines["first missing dose"]["contribution"] == pytest.approx(45.0 / 12**0.5)


def test_vessel_tube_and_missing_buoyancy_count_as_they_do_for_a_basal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same components by name, and for the same mass the same size, as in the budget of a basal log."""
    log, events = plant_log(tmp_path, truth_of(3))
    budget = BUDGET + (
        "[vessel]\nload_cm3 = 15\ngross_g = 50\n[air]\npressure_half_width_hpa = 1\ntemperature_half_width_c = 0.2\n"
        "[tube]\nouter_diameter_mm = 1.2\nvessel_inner_diameter_mm = 20\n"
    )
    file = budget_file(tmp_path, budget)
    found = told(capsys, log, "--occlusion", events, *STATED, "--buoyancy", "none", "--budget", file)
    basal = told(
        capsys, log, *BASAL, "--buoyancy", "none", "--budget", file, "--sample-interval", "1min", "--analysis", "1h"
    )
    of_volume = {line["name"]: line for line in found["occlusions"][0]["came_out"]["budget"]}
    of_basal = {line["name"]: line for line in basal["budget"]}
    expected_u = basal["expected_u"] / 100.0
    for name in (
        "vessel buoyancy, pressure",
        "vessel buoyancy, air temperature",
        "sensitivity drift on the gross load",
    ):
        assert of_volume[name]["contribution"] == pytest.approx(of_basal[name]["contribution"] * expected_u), name
    came_out = found["occlusions"][0]["came_out"]["value"]
    for name in ("immersed tube", "buoyancy, not corrected", "liquid density"):
        share = of_basal[name]["contribution"] * expected_u / basal["delivered_u"]
        assert of_volume[name]["contribution"] == pytest.approx(share * came_out, rel=1e-6), name
    plain = told(capsys, log, "--occlusion", events, *STATED, "--buoyancy", "none")
    standard = told(capsys, log, "--occlusion", events, *STATED)
    ratio = standard["occlusions"][0]["came_out"]["value"] / plain["occlusions"][0]["came_out"]["value"]
    assert ratio == pytest.approx(standard["method"]["ul_per_mg"] / plain["method"]["ul_per_mg"])


def test_an_occlusion_without_alarm_needs_to_know_what_went_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    times = np.arange(0.0, 1500.0)
    mass = np.where(times < 300.0, times / 180.0, 300.0 / 180.0)  # 2 U/h of 10 mg/U
    mass = np.where(times >= 900.0, times / 180.0, mass)  # all that was stored comes at once, and the flow goes on
    log = write(tmp_path / "log.csv", [(float(t), round(float(m), 2)) for t, m in zip(times, mass, strict=True)])
    events = events_file(tmp_path, [(300, "closed"), (900, "opened")])
    plain = ("--buoyancy", "none", "--density", "1000 kg/m^3")
    assert "--after RATE" in refusal(capsys, log, "--occlusion", events, *BASAL, *plain)
    (item,) = told(capsys, log, "--occlusion", events, *BASAL, "--after", "2.0 U/h", *plain)["occlusions"]
    assert item["time_to_alarm"] is None
    assert item["missed"]["value"] == pytest.approx(1.0 / 3.0, abs=2e-3)
    assert item["released"]["value"] == pytest.approx(1.0 / 3.0, abs=2e-3)


def test_a_gap_while_the_release_is_collected_is_invalid_and_one_before_it_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = truth_of(3)
    log, events = plant_log(tmp_path, truth)
    rows = list(zip(truth.times.tolist(), truth.masses.tolist(), strict=True))
    cut = write(tmp_path / "cut.csv", [r for r in rows if not truth.opened_s + 5.0 < r[0] < truth.opened_s + 80.0])
    found = told(capsys, cut, "--occlusion", events, *STATED, code=4)
    assert found["outcome"] == "INVALID"
    assert [gap["in_release"] for gap in found["gaps"]] == [True]
    early = write(
        tmp_path / "early.csv", [r for r in rows if not truth.closed_s + 50.0 < r[0] < truth.closed_s + 400.0]
    )
    found = told(capsys, early, "--occlusion", events, *STATED)
    assert found["outcome"] == "REPORT_ONLY"
    assert any("gap(s) outside the releases" in note for note in found["notes"])
    assert told(capsys, log, "--occlusion", events, *STATED)["gaps"] == []


def test_the_noise_of_a_balance_is_seen_under_the_closed_clamp() -> None:
    truth = truth_of(3)
    log = WeighingLog("log", "", truth.times, truth.masses)
    assert resting_scatter_mg(log, [instants(truth)]) == pytest.approx(0.02, rel=0.1)
    assert resting_scatter_mg(log, []) is None
    assert last_digit_mg(log) == pytest.approx(0.01)
    assert last_digit_mg(WeighingLog("log", "", truth.times, truth.masses * 0.0)) == 1e-3


def test_text_and_figure_tell_what_was_missed_and_released(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, events = plant_log(tmp_path, truth_of(3))
    folder = tmp_path / "figures"
    options = ("--predict", "0.05 U/h", "--budget", budget_file(tmp_path, BUDGET), "--figures", str(folder))
    assert main(["analyse", log, "--occlusion", events, *STATED, *options]) == 0
    text = capsys.readouterr().out
    for words in (
        "test: 2.0 U/h, doses of 0.025 U, alarm looked for every 5 s, event times within 0.5 s, stopped from the alarm",
        "occlusion 1: clamp closed at 680 s, alarm at ",
        "released / missed",
        "programmed: dose edge",
        "the clamp itself, n = 4",
        "alarms expected at other rates, as h, min and s",
        "REPORT ONLY: a weighing log names no limit",
    ):
        assert words in text, words
    assert re.search(r"^ +missed +1\.4\d\d +0\.02\d +U$", text, re.MULTILINE)
    assert sorted(path.name for path in folder.iterdir()) == ["occlusion.png", "occlusion.svg"]
    drawn = (folder / "occlusion.svg").read_text()
    assert all(words in drawn for words in ("missed", "released", "alarm", "clamp opened"))
    assert main(["analyse", log, "--occlusion", events, *STATED]) == 0
    assert re.search(r"^ +missed +1\.4\d+ +- +U$", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "--occlusion without --basal"),
        ((*BASAL, "--bolus", "1 U"), "--occlusion together with --bolus"),
        ((*BASAL, "--events", "x.csv"), "--occlusion together with --events"),
        ((*BASAL, "--dose", "0.05"), "--dose: '0.05' has no unit"),
        ((*BASAL, "--dose", "0 U"), "--dose: '0 U' is not above zero"),
        ((*BASAL, "--alarm-poll", "-1s"), "--alarm-poll: '-1s' is below zero"),
        ((*BASAL, "--alarm-poll", "10 U"), "--alarm-poll: '10 U' has the unit 'U'"),
        ((*BASAL, "--stamps", "1"), "--stamps: '1' has no unit"),
        ((*BASAL, "--after", "-1 U/h"), "--after: '-1 U/h' is below zero"),
        ((*BASAL, "--predict", "0 U/h"), "--predict: '0 U/h' is not above zero"),
        ((*BASAL, "--predict", "0.1 U"), "--predict: '0.1 U' has the unit 'U'"),
        ((*BASAL, "--alarm-pressure", "100"), "--alarm-pressure: '100' has no unit"),
        ((*BASAL, "--alarm-pressure", "8 kPa"), "--alarm-pressure: 8 kPa cannot be told"),
        ((*BASAL, "--alarm-pressure", "90 kPa +- 80 kPa"), "more than 92.9 kPa"),
        ((*BASAL, "--alarm-pressure", "90 kPa +- -1 kPa"), "negative half width"),
        ((*BASAL, "--alarm-pressure", "1 kPa +- 1 kPa +- 1 kPa"), "cannot be used"),
        (("--basal", "0 U/h"), "--basal: '0 U/h' is not above zero"),
    ],
)
def test_options_that_cannot_be_meant_are_one_line(
    options: tuple[str, ...], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write(tmp_path / "log.csv", [(float(t), 0.0) for t in range(40)])
    events = events_file(tmp_path, [(10, "closed"), (20, "alarm"), (30, "opened")])
    assert words in refusal(capsys, log, "--occlusion", events, *options)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([(10, "closed"), (20, "ringing")], "events.csv row 3, column event: 'ringing' is no event"),
        ([("10 s", "closed")], "events.csv row 2, column time_s: '10 s' is not a time"),
        ([(10, "closed"), (9, "alarm")], "events.csv row 3, column time_s"),
        ([(10, "closed"), (99, "alarm")], "events.csv row 3, column time_s: 'alarm' at 99 s is not within the record"),
        ([(10, "alarm")], "events.csv row 2, column event: 'alarm' comes first"),
        ([(10, "closed")], "ends with 'closed'"),
        ([(5, "pinch_closed"), (25, "pinch_opened")], "events.csv: no occlusion"),
        ([], "no events"),
    ],
)
def test_events_that_cannot_be_used_name_row_and_column(
    rows: list[tuple[Any, str]], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write(tmp_path / "log.csv", [(float(t), 0.0) for t in range(40)])
    assert words in refusal(capsys, log, "--occlusion", events_file(tmp_path, rows), *BASAL)


def test_what_does_not_fit_together_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, events = plant_log(tmp_path, truth_of(3))
    other = str(tmp_path / "other.csv")
    Path(other).write_text(Path(log).read_text())
    assert "2 logs with --occlusion" in refusal(capsys, log, other, "--occlusion", events, *BASAL)
    assert "--dose without --occlusion" in refusal(capsys, log, *BASAL, "--dose", "0.05 U")
    assert "--predict without --occlusion" in refusal(capsys, log, *BASAL, "--predict", "1 U/h")
    assert "cannot read it" in refusal(capsys, log, "--occlusion", str(tmp_path / "none.csv"), *BASAL)
    pump = budget_file(tmp_path, BUDGET + "[pump]\ndose_u = 0.05\n")
    assert "--dose says 0.025 U" in refusal(capsys, log, "--occlusion", events, *STATED, "--budget", pump)
    few = write(tmp_path / "few.csv", [(float(t), 0.0) for t in range(0, 400, 30)])
    short = events_file(tmp_path, [(100, "closed"), (200, "alarm"), (300, "opened")], "short.csv")
    assert "try: --budget FILE" in refusal(capsys, few, "--occlusion", short, *BASAL)
    lost = write(tmp_path / "lost.csv", [(float(t), 0.0) for t in (*range(150), *range(302, 400))])
    assert "try: readings before the closing" in refusal(capsys, lost, "--occlusion", short, *BASAL)
    near = events_file(
        tmp_path, [(100, "pinch_closed"), (103, "pinch_opened"), (300, "closed"), (400, "alarm")], "n.csv"
    )
    assert "n.csv: the clamp's movement at 100 s has others too near" in refusal(
        capsys, log, "--occlusion", near, *BASAL
    )


def test_options_of_a_basal_are_named_as_not_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, events = plant_log(tmp_path, truth_of(3))
    found = told(capsys, log, "--occlusion", events, *BASAL, "--start", "1h", "--windows", "15")
    assert "--start, --windows: not used for an occlusion test" in found["notes"]
    json.dumps(found, allow_nan=False)
    assert found["log"]["readings"] == read_log(log).times_s.size
