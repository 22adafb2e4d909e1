"""The small version of the seeded-fault matrix: the whole one is ``python -m tests.studies.matrix``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rig.cli.main import main
from rig.engine import prepare
from rig.sim.faults import list_faults, parse_fault
from tests.studies.matrix.__main__ import current
from tests.studies.matrix.__main__ import main as matrix
from tests.studies.matrix.page import page
from tests.studies.matrix.play import Seen, bench_for, play
from tests.studies.matrix.predict import FORMULAS, Facts, is_worse, predicted
from tests.studies.matrix.scenes import scenes
from tests.studies.matrix.search import Cell, allowed, clean, from_line, search, stored, to_line
from tests.studies.matrix.table import BENCH, PUMP, Case, cases

SEEN = Seen(
    outcome="PASS",
    checks={"basal-mean": "PASS"},
    value=0.4,
    expanded_u=1.0,
    truth=0.5,
    lower=-5.0,
    upper=5.0,
    told={},
    alternatives=False,
    all_u={},
    limits={"lasting_limit_doses": 0.8, "scatter_pct": 24.0},
    end_reason="completed",
    cpu_s=0.0,
)
GAIN = Case("gain", PUMP, "pump.gain=-{x}%", (1, 2, 4, 8, 16), "%", ("basal-10",), ("FAIL",), ("FAIL",), "gain-low")


GAIN_LOW = next(case for case in cases() if case.name == "gain too low")


def seen(outcome: str, truth: float, *told: str) -> Seen:
    return replace(SEEN, outcome=outcome, checks={"basal-mean": outcome}, truth=truth, told=dict.fromkeys(told))


# --- the table


def test_every_fault_of_the_table_is_one_of_the_twin_at_every_size() -> None:
    for case in cases():
        for size in case.sizes:
            assert all(parse_fault(fault) for fault in case.faults(size, 1.0)), case.name


def test_every_case_says_what_it_expects_and_where_confusion_ends() -> None:
    finding_or_outcome = {"FAIL", "INVALID", "gap"}
    for case in cases():
        assert list(case.sizes) == sorted(case.sizes)
        assert set(case.scenes) <= set(scenes())
        assert case.must, case.name
        assert case.by, case.name
        assert case.formula in {"", *FORMULAS}
        assert not case.separated_by or case.confounded
        assert all(name in finding_or_outcome or "-" in name for name in case.by)
    assert len({case.name for case in cases()}) == len(cases())


def test_every_scene_can_be_run_on_the_simulated_bench() -> None:
    for scene in scenes().values():
        assert prepare(scene.scenario(), bench_for(scene, 1)).plan.duration_s > 0.0


# --- the rule of every run


@pytest.mark.parametrize(
    ("outcome", "truth", "breach"),
    [
        ("PASS", 4.9, ""),
        ("INCONCLUSIVE", 5.5, ""),
        ("PASS", 5.01, "PASS outside"),
        ("FAIL", 4.99, "FAIL inside"),
        ("FAIL", -5.01, ""),
        ("INCONCLUSIVE", 6.82, ""),  # 5 + U + 1.645 u = 6.8225
        ("INCONCLUSIVE", -6.83, "no FAIL"),
        ("INVALID", 9.0, ""),
    ],
)
def test_fail_is_required_far_outside_and_forbidden_inside(outcome: str, truth: float, breach: str) -> None:
    assert seen(outcome, truth).breach == breach


def test_an_interval_beside_the_truth_is_astray_and_silent_only_without_a_warning() -> None:
    off = replace(SEEN, value=2.0, truth=0.9)
    assert off.is_astray
    assert not off.warns
    assert not replace(off, told={"dose-late": 1.0}).warns
    assert replace(off, told={"blank-drift": 1.0}).warns
    assert not replace(off, outcome="INVALID").is_astray


# --- the search


def test_the_bisection_finds_the_smallest_size_and_does_not_run_on_after_a_miss() -> None:
    asked: list[str] = []

    def player(_scene: str, faults: tuple[str, ...], _seed: int) -> Seen:
        asked.append(faults[0])
        size = float(faults[0].removeprefix("pump.gain=-").rstrip("%"))
        return seen("FAIL" if size >= 8 else "PASS", -size)

    cell = search(GAIN, "basal-10", 6, 0, player)
    assert cell.smallest == 8
    assert [(row.size, row.found, row.runs) for row in cell.tried] == [(4, 0, 2), (8, 6, 6)]
    assert len(asked) == 8


def test_of_twenty_runs_one_may_miss_and_of_fewer_none() -> None:
    assert [allowed(seeds) for seeds in (5, 19, 20, 40)] == [0, 0, 1, 2]


def test_a_fault_that_is_never_found_has_no_smallest_size() -> None:
    cell = search(GAIN, "basal-10", 3, 0, lambda *_: seen("PASS", 0.0))
    assert cell.smallest is None
    assert cell.tried[-1].size == 16


def test_the_time_to_a_finding_counts_from_the_fault_s_beginning() -> None:
    late = replace(GAIN, by=("dose-missed",), after=2.0, sizes=(1.0,))
    player_told = replace(seen("PASS", 0.0), told={"dose-missed": 3.0 * 3600.0 + 90.0})
    cell = search(late, "basal-10", 2, 0, lambda *_: player_told)
    assert cell.tried[0].after_s == pytest.approx(90.0)  # the blank takes 1 h


def test_a_store_gives_back_what_it_was_given_and_a_torn_line_is_done_again(tmp_path: Path) -> None:
    cell = search(GAIN, "basal-10", 2, 0, lambda *_: seen("FAIL", -9.0, "level-moved"))
    path = tmp_path / "store.jsonl"
    path.write_text(to_line(cell) + "\n" + to_line(cell)[:80])
    assert stored(path) == {cell.key: cell}
    assert from_line(to_line(cell)) == cell


# --- the predictions


def test_a_predicted_gain_is_the_limit_and_what_the_bench_and_the_pumps_leave_open() -> None:
    facts = Facts(1.0, 0.4, 0.1, 0.15, 0.8, 0.17, 0.2)
    # 5 + 0.4 + 1.645 sqrt(0.2^2 + 0.15^2) = 5.81125, and the pumps' own mean of 0.1
    assert FORMULAS["gain-low"].of(facts) == pytest.approx(5.91125)
    assert FORMULAS["gain-high"].of(facts) == pytest.approx(5.71125)
    assert FORMULAS["doses"].of(facts) == 2  # 0.8 + 1.645 * 0.76 * 0.17 = 1.0125 doses


def test_a_limit_is_worse_than_predicted_beyond_one_and_a_half_times() -> None:
    assert not is_worse(9.0, 6.0)
    assert is_worse(9.1, 6.0)
    assert is_worse(None, 6.0)
    assert not is_worse(None, None)


# --- the page


def cells() -> tuple[Cell, ...]:
    table = {case.name: case for case in cases()}
    found = [search(GAIN_LOW, "basal-10", 2, 0, lambda *_: seen("FAIL", -9.0, "level-moved"))]
    found += [search(table["zero tracking"], "basal-01", 2, 0, lambda *_: seen("PASS", 0.0))]
    found += [clean("basal-10", 0, 10, 0, lambda *_: seen("PASS", 0.5))]
    return tuple(found)


def test_the_page_tells_what_was_found_what_was_missed_and_what_was_not_run() -> None:
    text = page(cells())
    assert "| gain too low (`pump.gain`) | 1.0 U/h, 24 h | ≤ 3 % | 7.32 % | FAIL |" in text
    assert "| zero tracking (`balance.zero_tracking`) | 0.1 U/h, 24 h | **missed** |" in text
    assert "zero tracking, 0.1 U/h, 24 h: **missed**" in text.partition("## Where it falls short")[2]
    assert "10 runs in all: 0 FAIL, 0 INVALID" in text
    assert "Not run for this page: " in text


def test_a_prediction_without_clean_runs_is_none() -> None:
    assert predicted("gain-low", "basal-01", cells()) is None
    assert predicted("gain-low", "basal-10", cells()) == pytest.approx(5.0 + 1.0 + 1.645 * 0.5 + 0.5)


def test_a_store_of_another_table_does_not_enter_the_page() -> None:
    held = {cell.key: cell for cell in cells()}
    other = replace(cells()[0], key="of another scene")
    assert {cell.key for cell in current(held | {other.key: other}, 0)} == set(held)
    assert not current(held, 1)  # other seeds


def test_of_two_cells_the_one_with_more_runs_stands_in_the_page() -> None:
    few, many = (search(GAIN_LOW, "basal-10", seeds, 0, lambda *_: seen("FAIL", -9.0)) for seeds in (2, 3))
    assert [cell.seeds for cell in current({each.key: each for each in (many, few)}, 0)] == [3]


def test_the_page_in_the_docs_is_of_this_table() -> None:
    """Every row of the table has a row in the page, or is said not to have been run."""
    text = (Path(__file__).parents[2] / "docs/reference/detection.md").read_text(encoding="utf-8")
    missing = text.partition("Not run for this page: ")[2]
    for case in cases():
        for scene_id in case.scenes:
            row = f"| {case.name} (`{case.fault.split('=')[0]}`) | {scenes()[scene_id].words} |"
            assert row in text or f"{case.name}, {scene_id}" in missing, case.name


# --- whole runs


def test_a_bolus_cut_short_by_a_quarter_fails_and_is_told_as_over_reported() -> None:
    found = play("bolus", ("pump.bolus_short=25%",), 11)
    assert found.outcome == "FAIL"
    assert found.truth == pytest.approx(-25.0, abs=3.0)
    assert "over-reported" in found.told
    assert not found.breach


def test_a_clean_run_passes_and_its_interval_holds_the_ledger_s_truth() -> None:
    found = play("suspend", (), 12)
    assert (found.outcome, found.is_astray) == ("PASS", False)
    assert found.truth is not None


def test_the_matrix_runs_from_one_command_and_goes_on_where_it_was_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--store", str(tmp_path / "s.jsonl"), "--seeds", "1", "--jobs", "1", "--only", "wrong pattern"]
    assert matrix([*arguments, "--out", str(tmp_path / "page.md")]) == 0
    assert "1/1 after" in capsys.readouterr().out
    assert "| wrong pattern (`pump.wrong_pattern`)" in (tmp_path / "page.md").read_text()
    assert matrix(arguments) == 0
    assert capsys.readouterr().out == ""


# --- what bad input gets


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("pump.wrong_segmnt=1", "pump.wrong_segment"),
        ("pump.gain=-8", "%"),
        ("balance.static=1", "mg"),
        ("vessel.rim=full", "mg"),
        ("pump.wrong_pattern=c", "standard or a or b"),
    ],
)
def test_an_unknown_fault_or_one_without_a_unit_is_a_usage_error(
    fault: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "quick", "--fault", fault, "--out", str(tmp_path)]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.iterdir())


def test_a_fault_on_a_bench_with_real_ports_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["run", "quick", "--bench", "pi-example", "--fault", "pump.gain=-8%", "--out", str(tmp_path / "runs")]
    assert main(arguments) == 2
    assert "is not simulated: faults cannot be seeded in it" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "runs").exists()


def test_the_bench_faults_of_the_table_are_seeded_in_the_bench_and_the_pump_s_in_the_pump() -> None:
    known = {fault.name for fault in list_faults()}
    for case in cases():
        names = {parse_fault(fault).name for fault in case.faults(case.sizes[0], 1.0)}
        assert names <= known
        assert case.side == BENCH or all(name.startswith("pump.") for name in names)
