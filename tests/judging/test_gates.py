"""What a blank gives away: then nothing passes, and nothing fails either."""

import json
from pathlib import Path

import pytest

from rig.cli.main import main
from rig.judging.evidence import manifest_damage
from rig.judging.judge import judge_evidence
from rig.record.reader import read_run
from rig.results import Outcome
from rig.runner.folder import find_runs
from rig.scenario.model import BasalStep, Check
from tests.judging.runs import RunMaker

HOUR = 3600.0
MEAN = Check("mean", "m", "basal.overall_error", 0.0, 10 * HOUR, lower=-5, upper=5, source="pump.accuracy.basal")


@pytest.mark.parametrize("gain", [1.0, 1.08, 0.92])
def test_mass_that_rises_while_the_pump_is_stopped_is_no_evaporation(gain: float) -> None:
    maker = RunMaker((BasalStep(1.0, 10 * HOUR),), (MEAN,), gain=gain, evaporation_mg_per_h=-0.8)
    (check,) = judge_evidence(maker.make()).checks
    assert check.outcome is Outcome.INVALID
    assert "rose by 0.8" in check.why


def test_a_display_that_stands_still_in_a_blank_is_not_trusted() -> None:
    result = judge_evidence(RunMaker((BasalStep(1.0, 10 * HOUR),), (MEAN,), noise_mg=0.0).make())
    assert result.checks[0].outcome is Outcome.INVALID
    assert "stood still" in result.checks[0].why
    assert any(finding.id == "display-frozen" for finding in result.findings)


def test_the_weather_between_the_blanks_has_its_line_in_the_budget() -> None:
    (check,) = judge_evidence(RunMaker((BasalStep(1.0, 10 * HOUR),), (MEAN,), evaporation_mg_per_h=0.5).make()).checks
    (line,) = [line for line in check.budget if line.name == "evaporation between the blanks"]
    assert line.standard_uncertainty == pytest.approx(0.15 * 0.5 / 3**0.5, rel=0.05)


def test_a_pass_over_a_basal_says_what_it_cannot_exclude() -> None:
    (check,) = judge_evidence(RunMaker((BasalStep(1.0, 10 * HOUR),), (MEAN,)).make()).checks
    assert check.outcome is Outcome.PASS
    assert any(finding.id == "between-blanks" for finding in check.findings)


def test_a_leak_that_only_flows_while_stopped_cannot_hide_over_delivery(tmp_path: Path) -> None:
    faults = ["--fault", "pump.gain=8%", "--fault", "pump.suspend_leak=0.08U/h"]
    assert main(["run", "basal_24h", "--seed", "7", *faults, "--quiet", "--no-report", "--out", str(tmp_path)]) == 4
    (run,) = find_runs(tmp_path)
    outcomes = {each["id"]: each["outcome"] for each in json.loads((run.folder / "result.json").read_text())["checks"]}
    assert outcomes["basal-mean"] == "INVALID"


@pytest.fixture
def failed_run(tmp_path: Path) -> Path:
    main(["run", "quick", "--fault", "pump.gain=-8%", "--quiet", "--no-report", "--out", str(tmp_path)])
    return find_runs(tmp_path)[0].folder


def test_a_limit_that_was_loosened_after_the_run_judges_nothing(
    failed_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = failed_run / "evidence" / "scenario.yaml"
    scenario.write_text(scenario.read_text().replace("limit: 5 %", "limit: 50 %").replace("pump.accuracy", "my own"))
    assert main(["analyse", str(failed_run)]) in (2, 4)
    text = capsys.readouterr()
    assert "altered after the run was sealed" in " ".join((text.out + text.err).split())
    assert "PASS  quick" not in text.out


@pytest.mark.parametrize("name", ["bench.toml", "profile.toml", "manifest.json"])
def test_missing_or_altered_evidence_is_named(failed_run: Path, name: str) -> None:
    evidence = failed_run / "evidence"
    assert manifest_damage(evidence, read_run(failed_run)) == ()
    if name == "manifest.json":
        (evidence / name).unlink()
    else:
        (evidence / name).write_text((evidence / name).read_text() + "\n# touched\n")
    assert any(name in text for text in manifest_damage(evidence, read_run(failed_run)))
