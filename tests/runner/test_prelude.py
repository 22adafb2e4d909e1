"""Who is asked before a run, who vouches where nobody is asked, and what the bench's ledger is told afterwards."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from rig.cli.find import find_scenarios
from rig.config import BenchConfig, load_bench, parse_bench
from rig.engine import Finished, run_scenario
from rig.errors import InstrumentError, UsageError
from rig.record.ledger import BenchLedger
from rig.record.reader import read_run
from rig.results import Outcome
from rig.runner.bench_history import entry_of, told_to_a_run
from rig.runner.folder import RunFolder
from rig.runner.forecast import forecast, forecast_line
from rig.runner.operator import Operator, Terminal, Wait
from rig.runner.watch import Watch
from rig.scenario.model import Scenario
from rig.scenario.parse import parse_scenario
from rig.scenario.plan import plan

TEXT = """schema: 1
id: short
title: A short run
pump: {families: [22, 23]}
needs: [pump, balance]
sampling: {balance: 1 s}
blank: {before: 2 min, after: 2 min}
steps:
  - basal: {rate: 30 U/h, for: 4 min}
checks:
  - {id: mean, title: m, measure: basal.overall_error, from: 0 min, for: 4 min}
"""
WEIGHT = """
[[reference_weights]]
nominal_g = 20.0
mass_g = 20.0
u_mg = 0.02
[reference_weights.calibration]
certificate = "declared"
due = 2099-12-31
"""


class Person(Operator):
    """Answers what it is told to; the weights are the twin's own business."""

    def __init__(self, **answers: str) -> None:
        self.name = "A. Tester"
        self.asked: list[str] = []
        self._answers = answers

    def ask(self, question: str, choices: Sequence[str], wait: Wait) -> str:
        self.asked.append(question)
        wait()
        key = next((key for key in self._answers if key in question), "")
        return self._answers.get(key, ("no" if "bubbles" in question else "yes") if choices else "LOT 7")

    def put_on(self, _mass_g: float, what: str, _wait: Wait) -> None:
        raise AssertionError(f"the twin has hands of its own for {what}")


def _scenario() -> Scenario:
    return parse_scenario(TEXT, "short.yaml")


def _bench(extra: str = "") -> BenchConfig:
    return parse_bench(load_bench("simulated").source_text + extra, "bench.toml")


def _events(finished: Finished, name: str) -> list[dict[str, object]]:
    return [event.data for event in read_run(finished.folder).events if event.name == name]


@pytest.fixture(scope="module")
def attended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Finished, Person]:
    person = Person(bubbles="yes")
    return run_scenario(_scenario(), _bench(WEIGHT), tmp_path_factory.mktemp("runs"), operator=person), person


def test_the_person_is_asked_everything_once_and_the_answers_are_on_record(attended: tuple[Finished, Person]) -> None:
    finished, person = attended
    (told,) = _events(finished, "checklist")
    assert (told["by"], told["name"]) == ("operator", "A. Tester")
    keys = [row["key"] for row in told["answers"]]  # type: ignore[attr-defined]
    assert keys == ["prime", "tip", "bubbles", "vessel", "infusion_set", "reservoir", "liquid"]
    assert len(person.asked) == len(keys)
    assert "checklist" in {finding.id for finding in finished.result.findings}


def test_the_reference_weight_is_weighed_at_start_and_end(attended: tuple[Finished, Person]) -> None:
    finished, _ = attended
    gates = {row["gate"]: row for row in finished.result.fitness["gates"]}
    for which in ("start", "end"):
        assert gates[f"reference weight of 20 g, {which}"]["fit"] is True
    assert gates["reference weight, drift"]["fit"] is True
    causes = {gap.cause for gap in finished.result.gaps}
    assert causes == {"a reference weight was on the pan"}


def test_an_answer_that_forbids_the_run_ends_it_before_anything_is_delivered(tmp_path: Path) -> None:
    finished = run_scenario(_scenario(), _bench(), tmp_path, operator=Person(**{"tip in place": "no"}))
    assert finished.result.end_reason == "bench_fault"
    assert "Is the tip in place" in finished.ended.detail
    assert not _events(finished, "resumed")


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BenchLedger:
    """Return a ledger that the simulated bench keeps as a bench with ports does."""
    kept = BenchLedger(tmp_path / "bench.ledger")

    class Kept(Watch):
        def __init__(self, config: BenchConfig, folder: RunFolder, parent: Path, hold_s: float, *, drives: str) -> None:
            super().__init__(config, folder, parent, hold_s, drives=drives)
            self._ledger = kept

    monkeypatch.setattr("rig.engine.Watch", Kept)
    return kept


def test_an_unattended_run_asks_nothing_the_bench_file_vouches_and_the_next_run_knows_its_blanks(
    tmp_path: Path, ledger: BenchLedger
) -> None:
    finished = run_scenario(_scenario(), _bench(WEIGHT), tmp_path)
    assert _events(finished, "bench_history") == [{"entries": []}]
    assert "creep-not-shown" in {finding.id for finding in finished.result.findings}
    assert [entry.kind for entry in ledger.entries()] == ["started", "ended", "fitness"]
    assert ledger.unsafe() is None
    (told,) = _events(finished, "checklist")
    assert (told["by"], told["on"]) == ("bench file", "2026-03-02")
    assert not _events(finished, "weight_on_asked")
    (said,) = _events(finished, "forecast")
    assert said["vessel_need_ul"] == pytest.approx(20.0)
    entry = entry_of(finished.result, _scenario())
    assert entry is not None
    assert set(entry["blanks"]) == {"before", "after"}
    assert entry["interval_s"] == pytest.approx(1.0, abs=0.01)
    ledger.append("fitness", **{**entry, "run_id": "another"})
    ledger.append("void", run_id="another", who="A. Tester", why="wet")
    told_again = told_to_a_run(ledger)
    assert told_again is not None
    assert [each["run_id"] for each in told_again["entries"]] == [finished.result.run_id]
    assert told_to_a_run(None) is None
    (asked,) = find_scenarios(["qualify"])
    passed = replace(finished.result, checks=(replace(finished.result.checks[0], id="creep", outcome=Outcome.PASS),))
    qualified = entry_of(passed, asked)
    assert qualified is not None
    assert qualified["creep"] == {"rate_ul_per_h": 10.0}
    assert entry_of(finished.result, asked)["creep"] is None  # type: ignore[index]


def test_what_a_blank_showed_says_nothing_of_how_the_bench_was_left(tmp_path: Path) -> None:
    ledger = BenchLedger(tmp_path / "bench.ledger")
    ledger.append("ended", run_id="a", safe={"confirmed": True})
    ledger.append("fitness", run_id="a")
    assert ledger.unsafe() is None
    ledger.append("started", run_id="b")
    ledger.append("fitness", run_id="b")
    unsafe = ledger.unsafe()
    assert unsafe is not None
    assert unsafe.kind == "started"


def test_a_scenario_that_wants_a_person_is_refused_without_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="wants a person"):
        run_scenario(replace(_scenario(), operator="prompts"), _bench(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_terminal_asks_again_until_the_answer_is_one_of_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rig.runner.operator.select.select", lambda *_: ([1], [], []))
    shown = io.StringIO()
    person = Terminal(shown, io.StringIO("perhaps\n\nY\nLOT 9\n"), "A. Tester")
    assert person.ask("Primed?", ("yes", "no"), lambda: None) == "yes"
    assert person.ask("Lot?", (), lambda: None) == "LOT 9"
    assert shown.getvalue().count("Primed? (yes/no)") == 3
    with pytest.raises(InstrumentError, match="nobody is at the terminal"):
        person.ask("Lot?", (), lambda: None)


def test_a_forecast_counts_what_is_still_to_come_into_the_ring_around_the_tube() -> None:
    bench, profile = _bench(), load_bench("simulated").pump_profile()
    planned = plan(_scenario(), profile, bench.simulation.start if bench.simulation else None)  # type: ignore[arg-type]
    told = forecast(bench, planned, 100.0, 0, 30.0)
    # 2 U = 20 uL into pi/4 (20^2 - 1.2^2) = 313.0 mm2
    assert told["surface_mm2"] == pytest.approx(313.0, abs=0.1)
    assert told["level_rise_mm"] == pytest.approx(20.0 / 313.0, rel=1e-3)
    assert told["vessel_room_ul"] == 11_970.0
    assert forecast(bench, planned, None, 1)["vessel_need_ul"] == pytest.approx(0.0, abs=1e-9)
    assert "of 100.0 U from the reservoir" in forecast_line(told)
