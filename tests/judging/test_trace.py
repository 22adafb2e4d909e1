"""Walking back: every judged value from raw readings, by plain arithmetic, and the raw lines where the result says."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rig.config import load_bench
from rig.engine import run_scenario
from rig.judging.judge import judge, judge_evidence
from rig.judging.schema import result_schema
from rig.results import Result
from rig.scenario.model import BasalStep, BolusStep, Check
from rig.scenario.parse import parse_scenario
from tests.judging.runs import RunMaker

HOUR = 3600.0
SCENARIO = """
schema: 1
id: walk
title: walk back
pump: {families: [22, 23]}
needs: [pump, balance]
operator: none
sampling: {balance: 1 s, bolus: 200 ms, environment: 60 s}
blank: {before: 2 min, after: 2 min}
steps:
  - basal: {rate: 30 U/h, for: 3 min}
  - bolus: {amount: 1 U, repeat: 2}
checks:
  - {id: mean, title: m, measure: basal.overall_error, from: 1 min, for: 2 min, limit: 50 %, source: paper}
  - {id: bolus, title: b, measure: bolus.mean_error, limit: 50 %, source: paper}
  - {id: each, title: e, measure: bolus.each_error, limit: 50 %, source: paper}
  - {id: reported, title: r, measure: reported.difference}
  - {id: duration, title: d, measure: bolus.duration}
on_runner_loss: stop
gap: {tolerate: 60 s}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run on the twin, stored."""
    runs = tmp_path_factory.mktemp("walk")
    return run_scenario(parse_scenario(SCENARIO, "walk.yaml"), load_bench("simulated"), runs).folder


@pytest.fixture(scope="module")
def document(run: Path) -> dict[str, Any]:
    """Its result, as it is stored."""
    found: dict[str, Any] = json.loads(json.dumps(judge(run).to_json()))
    return found


def check(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in document["checks"] if each["id"] == name)


def volume_ul(t: dict[str, Any]) -> float:
    """The formula of the trace, by hand."""
    mass = t["end"]["mass_mg"] - t["start"]["mass_mg"] + t["drift_mg"] + t["evaporation_mg_per_h"] * t["hours"]
    lifted = mass * t["span"] * (1 - t["air_start_kg_per_m3"] / t["reference_kg_per_m3"])
    lifted += (t["air_end_kg_per_m3"] - t["air_start_kg_per_m3"]) * t["load_cm3"]
    volume = 1000 * t["k_tube"] * lifted / (t["liquid_kg_per_m3"] - t["air_end_kg_per_m3"]) - t["taken_off_ul"]
    return float(volume)


def lines_of(run: Path, place: str) -> str:
    """The line that a place names, found with nothing but gzip and counting."""
    file, block, line = place.split(":")
    lines = gzip.decompress((run / "evidence" / file).read_bytes()).decode().splitlines()
    heading = next(number for number, text in enumerate(lines) if text.startswith(f"R {block} "))
    return lines[heading + int(line) - 1]


def raw_mass_mg(run: Path, place: str) -> float:
    words = lines_of(run, place).split()
    assert words[:2] == ["W", "balance"]
    return 1000.0 * float(words[3])


def all_masses(run: Path, first: str, last: str) -> list[float]:
    """Every displayed mass from one place to another, both included, in one file."""
    file = first.partition(":")[0]
    lines = gzip.decompress((run / "evidence" / file).read_bytes()).decode().splitlines()
    ends = []
    for place in (first, last):
        _, block, line = place.split(":")
        heading = next(number for number, text in enumerate(lines) if text.startswith(f"R {block} "))
        ends.append(heading + int(line) - 1)
    return [1000.0 * float(text.split()[3]) for text in lines[ends[0] : ends[1] + 1] if text.startswith("W balance")]


def assert_level_stands_in_the_record(run: Path, level: dict[str, Any]) -> None:
    first, last = level["first"], level["last"]
    for end in (first, last):
        assert raw_mass_mg(run, end["place"]) == pytest.approx(end["mass_mg"], abs=1e-9)
    if level["how"] == "mean":
        masses = all_masses(run, first["place"], last["place"])
        assert len(masses) == level["readings"]
        assert sum(masses) / len(masses) == pytest.approx(level["mass_mg"], abs=1e-9)
        return
    share = (level["at_s"] - first["at_s"]) / (last["at_s"] - first["at_s"])
    line = first["mass_mg"] + share * (last["mass_mg"] - first["mass_mg"])
    assert line + level["bend_mg"] + level["fall_mg"] == pytest.approx(level["mass_mg"], abs=1e-6)


def test_a_value_is_recomputed_from_its_trace_and_its_readings_stand_in_the_record(
    run: Path, document: dict[str, Any]
) -> None:
    found = check(document, "mean")
    trace = found["trace"]
    assert trace["formula"] == "100 (V / ul_per_u / set_u - 1)"
    assert volume_ul(trace) == pytest.approx(trace["volume_ul"], rel=1e-11)
    numbers = trace["numbers"]
    assert numbers["ul_per_u"] == 1000.0 / trace["concentration_u_per_ml"]
    value = 100 * (volume_ul(trace) / numbers["ul_per_u"] / numbers["set_u"] - 1)
    assert value == pytest.approx(found["value"], abs=1e-8)
    assert trace["hours"] == pytest.approx((trace["end"]["at_s"] - trace["start"]["at_s"]) / 3600, rel=1e-9)
    for end in ("start", "end"):
        assert_level_stands_in_the_record(run, trace[end])


def test_every_item_is_recomputed_from_its_trace(run: Path, document: dict[str, Any]) -> None:
    formulas: dict[str, Callable[[float, dict[str, float]], float]] = {
        "each": lambda v, n: 100 * (v / n["ul_per_u"] / n["set_u"] - 1),
        "reported": lambda v, n: n["reported_u"] - v / n["ul_per_u"],
    }
    for name, formula in formulas.items():
        found = check(document, name)
        assert len(found["items"]) == 2
        for item in found["items"]:
            trace = {**found["trace"]["shared"], **item["trace"]}
            assert volume_ul(trace) == pytest.approx(trace["volume_ul"], rel=1e-11)
            assert formula(volume_ul(trace), trace["numbers"]) == pytest.approx(item["value"], abs=1e-8)
            for end in ("start", "end"):
                assert_level_stands_in_the_record(run, trace[end])


def test_a_mean_is_the_mean_of_its_parts(document: dict[str, Any]) -> None:
    found, each = check(document, "bolus"), check(document, "each")
    parts = found["trace"]["parts"]
    assert sum(part["value"] for part in parts) / len(parts) == pytest.approx(found["value"], rel=1e-12)
    assert [part["value"] for part in parts] == [item["value"] for item in each["items"]]
    for part in parts:
        assert volume_ul({**found["trace"]["shared"], **part["trace"]}) > 0


def test_a_duration_shows_its_numbers_and_rests_on_no_volume(document: dict[str, Any]) -> None:
    for item in check(document, "duration")["items"]:
        if item["value"] is not None:
            numbers = item["trace"]["numbers"]
            assert 100 * (numbers["duration_s"] / numbers["nominal_s"] - 1) == pytest.approx(item["value"], abs=1e-9)


def test_the_budget_of_every_item_adds_up_to_its_uncertainty(document: dict[str, Any]) -> None:
    for found in document["checks"]:
        components = found["components"]
        for item in found["items"]:
            if item["value"] is None:
                continue
            assert {len(row) for row in item["budget"]} == {4}
            total = math.sqrt(sum(row[3] ** 2 for row in item["budget"]))
            assert 2 * total == pytest.approx(item["expanded_uncertainty"], rel=1e-5)
            for number, u, sensitivity, contribution in item["budget"]:
                assert components[int(number)]["name"]
                assert abs(u * sensitivity) == pytest.approx(contribution, rel=1e-5)


def test_the_budget_of_the_shown_item_is_the_budget_of_the_check(document: dict[str, Any]) -> None:
    found = check(document, "each")
    shown = next(item for item in found["items"] if item["value"] == found["value"])
    names = [found["components"][int(row[0])]["name"] for row in shown["budget"]]
    assert names == [line["name"] for line in found["budget"]]
    assert shown["conformance_probability"] == pytest.approx(found["conformance_probability"])
    assert shown["measurement_capability"] is not None


def test_the_result_with_traces_fits_its_schema(document: dict[str, Any]) -> None:
    jsonschema.validate(document, result_schema())


def shares(hours_open: bool) -> Result:
    limit = Check("hours", "h", "basal.windows_1h_within_15", 0.0, 4 * HOUR, lower=1, source="paper", unit="%")
    maker = RunMaker((BasalStep(1.0, 4 * HOUR),), (limit,), gain=1.15 if hours_open else 1.0)
    return judge_evidence(maker.make())


def test_a_share_says_from_which_counts_its_interval_comes() -> None:
    clear, unclear = shares(hours_open=False).checks[0], shares(hours_open=True).checks[0]
    assert clear.interval_basis == (
        "95 % Clopper-Pearson interval of 4 of 4; every hour could be placed, nothing widened"
    )
    assert "4 of 4 hours could not be placed" in unclear.interval_basis
    assert "lower 95 % Clopper-Pearson bound of 0 of 4" in unclear.interval_basis
    assert "upper one of 4 of 4" in unclear.interval_basis
    assert unclear.trace is not None
    assert [part["label"] for part in unclear.trace["parts"]] == ["hour 1", "hour 2", "hour 3", "hour 4"]
    assert all(part["budget"] for part in unclear.trace["parts"])


def test_the_tables_carry_their_uncertainty() -> None:
    maker = RunMaker((BasalStep(1.0, 7 * HOUR), BolusStep(1.0, 5)), ())
    analysis = judge_evidence(maker.make()).analysis
    basal = analysis["basal"][0]
    uncertainties = [row["expanded_uncertainty_u"] for row in basal["cumulative"]]
    assert len(uncertainties) >= 2
    assert all(0.0 < each < 0.2 for each in uncertainties)
    hours = basal["windows_1h"]
    assert len(hours["expanded_uncertainties_pct"]) == hours["count"] == 7
    assert all(0.0 < each < 10.0 for each in hours["expanded_uncertainties_pct"])
    group = analysis["boluses"]["groups"][0]
    single = [row["expanded_uncertainty_pct"] / 100.0 for row in analysis["boluses"]["items"]]
    assert 0.0 < group["expanded_uncertainty_mean_u"] < min(single)
