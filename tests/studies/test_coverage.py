"""The small version of the coverage study: the whole one is ``python -m tests.studies.coverage``."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from rig.cli.main import main
from rig.results import Outcome
from rig.runner.folder import find_runs
from rig.sim.parameters import PlantParameters
from tests.studies import coverage, mismatch
from tests.studies.counting import Figures, fewest_covered, figures, most_wrong
from tests.studies.draws import draw
from tests.studies.player import Plan, play
from tests.studies.strata import (
    BASAL,
    JUST_OUTSIDE_PCT,
    LIMIT_PCT,
    Row,
    Stratum,
    basal,
    bench,
    judge_played,
    run,
    run_at_limit,
    strata,
)

RUNS = 40
SMALL = (basal(5.0, 1.0), basal(0.1, 6.0), Stratum("mean of 3 boluses of 1 U", "mean", Plan(amount_u=1.0, repeat=3)))
PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "coverage.md"


@pytest.fixture(scope="module")
def rows() -> dict[str, list[Row]]:
    return {stratum.name: [run(stratum, number) for number in range(RUNS)] for stratum in SMALL}


def _without_dose_edge(rows: list[Row], factor: float = 1.0) -> Figures:
    """The dose edge is no error of what left the outlet: the rest of U alone must hold the truth."""
    smaller = [replace(row, u=factor * row.u, parts={k: factor * v for k, v in row.parts.items()}) for row in rows]
    return figures("small", smaller, without="dose edge")


@pytest.mark.parametrize("name", [stratum.name for stratum in SMALL])
def test_the_interval_holds_what_left_the_outlet_as_often_as_it_says(rows: dict[str, list[Row]], name: str) -> None:
    found = _without_dose_edge(rows[name])
    assert found.covered >= fewest_covered(RUNS)
    assert max(found.below, found.above) <= most_wrong(RUNS, 0.999)


def test_half_of_the_interval_would_have_been_found_too_small(rows: dict[str, list[Row]]) -> None:
    """So that the test above can fail at all."""
    halves = [_without_dose_edge(each, 0.5) for each in rows.values()]
    assert min(each.covered for each in halves) < fewest_covered(RUNS)
    assert sum(each.covered for each in halves) < fewest_covered(RUNS * len(halves))
    assert sum(each.below + each.above for each in halves) > 2 * most_wrong(RUNS * len(halves), 0.999)


def test_no_clean_run_is_told_that_its_level_moved(rows: dict[str, list[Row]]) -> None:
    assert not any("level-moved" in row.findings or row.is_refused for each in rows.values() for row in each)


@pytest.mark.parametrize("number", range(4))
def test_a_pump_just_outside_its_limit_is_put_there_and_does_not_pass(number: int) -> None:
    row = run_at_limit(basal(30.0, 1.0), number)
    assert 0.0 < abs(row.truth) - LIMIT_PCT <= JUST_OUTSIDE_PCT
    assert (row.truth > 0.0) == (number % 2 == 0)
    assert row.outcome != Outcome.PASS.value


def test_the_inputs_of_a_run_are_drawn_anew_and_the_same_everywhere() -> None:
    first, again, other = (draw(name, bench()) for name in ("x/1", "x/1", "x/2"))
    assert first == again
    assert first.parameters.vessel_volume_ul != other.parameters.vessel_volume_ul
    assert run(SMALL[0], 3) == run(SMALL[0], 3)


@pytest.mark.parametrize("up", [True, False])
def test_a_loose_container_that_moves_during_a_basal_is_not_silent(up: bool) -> None:
    effect = next(each for each in mismatch.effects() if each.name.startswith("a loose container: one"))
    moved = [mismatch.run_with(effect, SMALL[0], number) for number in range(6)]
    # A fall is no delivery: it is taken out, or the check is INVALID where its size cannot be told.
    chosen = [row for row in moved if (row.error > 20.0) is up]
    assert chosen
    assert all(row.is_flagged for row in chosen)
    if up:
        assert all("level-moved" in row.findings and row.outcome != Outcome.PASS.value for row in chosen)
    else:
        assert all(row.is_refused or row.covers(4.0) for row in chosen)


def test_a_rise_with_which_the_readings_of_a_step_end_is_no_amount_instead_of_not_a_number() -> None:
    """Run 236 of this stratum ends with one: found by the study, as a warning of numpy."""
    row = run(basal(0.5, 24.0), 236)
    assert row.covers()
    assert "measured-not-set" not in row.findings


SCENARIO = """
schema: 1
id: stack
title: One hour of basal through every layer
pump: {families: [22, 23]}
needs: [pump, balance]
operator: none
sampling: {balance: 10 s, environment: 60 s}
blank: {before: 1 h, after: 1 h}
steps:
  - basal: {rate: 5 U/h, for: 1 h}
checks:
  - {id: all, measure: basal.overall_error, limit: 5 %, source: the study}
"""


def test_the_short_cut_gives_the_numbers_of_the_whole_stack(tmp_path: Path) -> None:
    """Through programme, drivers, links, record and judge; and by driving the plant alone. Same pump, other noise."""
    scenario = tmp_path / "stack.yaml"
    scenario.write_text(SCENARIO, encoding="utf-8")
    plant = replace(draw("stack", bench()), parameters=PlantParameters(), plant_seed=7, stamps_s=(0.0, 0.0))
    short = judge_played(basal(5.0, 1.0), 0, play(Plan(5.0, 3600.0), plant, bench(), (BASAL,)))
    main(["run", str(scenario), "--seed", "7", "--quiet", "--no-report", "--out", str(tmp_path / "runs")])
    folder = find_runs(tmp_path / "runs")[0].folder
    whole = json.loads((folder / "result.json").read_text())["checks"][0]
    lines = {line["name"]: line["contribution"] for line in whole["budget"]}
    # Only the study has uncertain stamps and an uncertain vessel.
    assert lines.keys() == short.parts.keys() - {
        "time stamps of both edges",
        "vessel volume",
    }
    stated = ("linearity", "liquid density", "air density in Z", "immersed tube", "vessel buoyancy")
    for name in (*stated, "sensitivity drift on the gross load", "lag of the display behind the load"):
        assert lines[name] == pytest.approx(short.parts[name], rel=5e-3)
    left_u = json.loads((folder / "sealed" / "ledger.json").read_text())["totals"]["outlet_u"]
    assert 100.0 * (left_u / 5.0 - 1.0) == pytest.approx(short.truth, abs=0.15)  # the tail after the step is in it
    assert whole["value"] == pytest.approx(short.value, abs=2.0 * short.u + whole["expanded_uncertainty"])
    assert whole["expanded_uncertainty"] == pytest.approx(2.0 * short.u, rel=0.3)


def test_every_stratum_of_the_study_stands_on_the_page_with_at_least_93_percent_held() -> None:
    text = PAGE.read_text(encoding="utf-8")
    table = text.split("<!-- table: coverage -->")[1].split("<!-- end -->")[0]
    shares = dict(re.findall(r"\| ([^|]+?) \| \d+ \| \d+ \| ([0-9.]+) %", table))
    assert shares.keys() == {stratum.name for stratum in strata()}
    assert min(float(share) for share in shares.values()) >= 93.0


def test_every_stratum_at_the_limit_stands_on_the_page_with_no_more_wrong_passes_than_chance() -> None:
    table = PAGE.read_text(encoding="utf-8").split("<!-- table: at the limit -->")[1].split("<!-- end -->")[0]
    counts = re.findall(r"\| ([^|]+?) \| (\d+) \| (\d+) \| (\d+) \|", table)
    assert {name for name, *_ in counts} == {stratum.name for stratum in coverage.at_limit()}
    for _, count, wrong, most in counts:
        assert int(most) == most_wrong(int(count))
        assert int(wrong) <= int(most)
