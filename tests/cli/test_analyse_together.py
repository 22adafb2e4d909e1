"""Several runs judged again and put together on the command line, and values that begin with a dash."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rig.cli.log_options import joined
from rig.cli.main import main
from rig.judging.together import together, together_text
from rig.runner.folder import find_runs
from tests.judging.test_together import PUMPS
from tests.weighing_log.logs import refusal, steady, write

SCENARIO = """
schema: 1
id: two
title: two boluses
pump: {families: [22, 23]}
needs: [pump, balance]
operator: none
sampling: {balance: 5 s, environment: 60 s}
blank: {before: 10 min, after: 10 min}
steps:
  - bolus: {amount: 1.0 U, repeat: 2}
checks:
  - {id: mean, measure: bolus.mean_error, amount: 1.0 U}
"""


def test_two_runs_are_judged_each_and_then_put_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario, runs = tmp_path / "two.yaml", tmp_path / "runs"
    scenario.write_text(SCENARIO)
    for bench in ("simulated", "simulated-522"):
        main(["run", str(scenario), "--bench", bench, "--quiet", "--no-report", "--out", str(runs)])
    names = [run.run_id for run in find_runs(runs)]
    capsys.readouterr()
    monkeypatch.setattr("reports.write.write_report", lambda _judgement: None)  # pages are another test's business
    code = main(["analyse", *names, "--together", "--json", "--runs-dir", str(runs)])
    found = json.loads(capsys.readouterr().out)
    assert code in (0, 3)
    assert [document["run_id"] for document in found["runs"]] == names
    assert found["together"]["pumps"] == ["522 900522", "723 900123"]
    (size,) = found["together"]["boluses"]
    measured = [item["measured_u"] for run in found["runs"] for item in run["analysis"]["boluses"]["items"]]
    assert size["n"] == len(measured) == 4
    assert size["mean_of_pumps_u"] == pytest.approx(sum(measured) / 4)
    assert all((runs / name / "judgements" / "002").is_dir() for name in names)


def test_the_text_of_the_pumps_follows_the_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: dict[str, Any] = {document["run_id"]: document for document in PUMPS}
    monkeypatch.setattr("rig.cli.analyse._judge_one", lambda name, _options: (0, stored[name]))
    assert main(["analyse", *stored, "--together"]) == 0
    assert capsys.readouterr().out == "\n" + together_text(together(PUMPS))
    assert main(["analyse", *stored]) == 0
    assert capsys.readouterr().out == ""
    assert main(["analyse", *stored, "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"runs"}


def test_one_run_or_a_log_is_nothing_to_put_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, "r1", "--together") == "--together with one run; expected at least two runs"
    log = write(tmp_path / "log.csv", steady([0.0] * 4))
    assert "--together with weighing logs" in refusal(capsys, log, "--basal", "1 U/h", "--together")


def test_a_negative_value_of_a_log_is_judged_and_not_taken_for_an_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write(tmp_path / "log.csv", steady([0.0] * 4))
    told = refusal(capsys, log, "--basal", "1 U/h", "--start", "-1h")
    assert told == "--start: '-1h' is before the record; expected zero or more"
    assert "--basal: '-.5 U/h' is not above zero" in refusal(capsys, log, "--basal", "-.5 U/h")
    assert joined(["--json", "-1", "--start", "-x", "--evaporation", "-1 mg/h"]) == [
        "--json",
        "-1",
        "--start",
        "-x",
        "--evaporation=-1 mg/h",
    ]
