"""`rig qualify` on the twin: what a clean bench shows, and what each fault makes of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from reports.sections import certificate
from rig.cli.main import main
from rig.drivers.mt_sics import SicsBalance
from rig.engine import Finished, resume_run, run_scenario
from rig.errors import UsageError
from rig.judging.judge import judge
from rig.results import EndReason, Outcome
from rig.runner.progress import Progress
from rig.runner.stop import StopRequest
from rig.scenario.parse import load_scenario
from tests.qualify.kit import DATA, Anybody, bench, checks_of, qualify, short

NS = 1e9


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    scenario = load_scenario(DATA / "qualify.yaml")
    return qualify(tmp_path_factory.mktemp("clean"), scenario=scenario, operator=Anybody())


def test_a_clean_bench_passes_every_part(clean: Finished) -> None:
    assert {check.id: check.outcome for check in clean.result.checks if check.outcome is not Outcome.PASS} == {}
    assert clean.result.outcome is Outcome.PASS
    assert (clean.ended.safe.confirmed, clean.ended.safe.wanted) == (True, "flow source reference stopped")


def test_what_was_weighed_of_a_flow_is_what_left_the_syringe(clean: Finished) -> None:
    flows = clean.result.analysis["qualification"]["flows"]
    truth = json.loads((clean.folder / "sealed" / "ledger.json").read_text("utf-8"))
    weighed_ul = sum(flow["weighed_ul"] for flow in flows)
    assert weighed_ul == pytest.approx(truth["syringe"]["outlet_ul"], abs=0.3)
    for flow in flows:
        assert flow["counted_ul"] == pytest.approx(flow["known_ul"], abs=flow["counted_resolution_ul"])


def test_a_stored_qualification_is_judged_again_to_the_same_result_and_audited(clean: Finished) -> None:
    assert judge(clean.folder).to_json() == clean.result.to_json()
    assert main(["audit", str(clean.folder)]) == 0


def test_the_certificate_names_bench_devices_limits_and_until_when_it_holds(clean: Finished) -> None:
    document = clean.result.to_json()
    page = certificate.verdict(document)
    assert "is fit" in page.sentence
    assert dict(page.facts)["Valid until"] == "2099-12-31"
    told = str(certificate.equipment(document).blocks)
    for word in ("B000900001", "NE1000", "4.699", "declared for the twin", "F1"):
        assert word in told
    assert "25 uL" in str(certificate.flows(document))
    assert all(check.limit_source is not None for check in clean.result.checks)


def test_a_part_that_the_bench_has_not_is_left_out_with_its_reason_and_is_no_pass(tmp_path: Path) -> None:
    text = "  - known_mass: {mass: 20 g}\n"
    steps = short().source_text.split("checks:")[0].split("steps:")[1]
    scenario = short(f"steps:{steps}{text}  - blank: {{for: 10 min}}\n", _with_mass())
    found = checks_of(qualify(tmp_path, scenario=scenario, config=bench(sources=False)))
    assert found["flow"].outcome is found["mass"].outcome is Outcome.REPORT_ONLY
    assert "left out: the bench has no flow source" in found["flow"].why
    assert "--operator" in found["mass"].why
    assert found["slope"].outcome is Outcome.PASS


def _with_mass() -> str:
    return short().source_text.partition("checks:")[2].join(["checks:", ""]) + (
        "  - {id: mass, measure: mass.error, source: L-Q8}\n"
    )


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [("syringe.diameter=4%", Outcome.FAIL), ("syringe.gain=-6%", Outcome.FAIL), ("balance.gain=6%", Outcome.FAIL)],
)
def test_a_flow_that_is_not_what_it_is_said_to_be_fails(tmp_path: Path, fault: str, outcome: Outcome) -> None:
    assert checks_of(qualify(tmp_path, [fault]))["flow"].outcome is outcome


def test_an_open_vessel_fails_by_its_blanks(tmp_path: Path) -> None:
    assert checks_of(qualify(tmp_path, ["vessel.evaporation=3mg/h"]))["slope"].outcome is Outcome.FAIL


def test_a_stalled_pump_ends_it_and_nothing_passes(tmp_path: Path) -> None:
    finished = qualify(tmp_path, ["syringe.stall=on@13min"])
    assert finished.ended.reason is EndReason.BENCH_FAULT
    assert "stalled" in finished.ended.detail
    assert finished.ended.safe.confirmed
    assert checks_of(finished)["flow"].outcome is Outcome.INVALID
    assert finished.result.outcome is Outcome.INVALID


def test_zero_tracking_that_the_balance_tells_is_refused_before_anything_flows(tmp_path: Path) -> None:
    finished = qualify(tmp_path, ["balance.zero_tracking=on"])
    assert "zero tracking is on" in finished.ended.detail
    assert finished.ended.safe.by == "no command left the rig"
    assert finished.result.outcome is Outcome.INVALID


def test_zero_tracking_that_the_balance_does_not_tell_never_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SicsBalance, "zero_tracking", lambda _self: None)
    steps = """steps:
  - blank: {for: 10 min}
  - flow: {rate: 20 uL/h, for: 15 min, rest: 1 min}
  - blank: {for: 10 min}
"""
    checks = "checks:\n  - {id: creep, measure: creep.share, source: L-Q6}\n"
    found = checks_of(qualify(tmp_path, ["balance.zero_tracking=on"], short(steps, checks)))["creep"]
    assert found.outcome is Outcome.INVALID
    assert "zero" in found.why


def test_a_request_to_stop_within_a_flow_stops_the_syringe_pump(tmp_path: Path) -> None:
    stop = StopRequest()

    def press(progress: Progress) -> None:
        if "step 3" in progress.phase:
            stop.ask("SIGINT")

    finished = run_scenario(short(), bench(), tmp_path, observer=press, stop=stop)
    assert finished.ended.reason is EndReason.ABORTED
    assert finished.ended.safe.confirmed
    truth = json.loads((finished.folder / "sealed" / "ledger.json").read_text("utf-8"))
    assert truth["syringe"]["commanded_ul"] < 30.0


def test_a_qualification_is_not_resumed(clean: Finished) -> None:
    with pytest.raises(UsageError, match="a qualification is not resumed"):
        resume_run(clean.folder)


def test_rig_qualify_ends_with_0_for_a_fit_bench_and_with_4_for_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "short.yaml"
    path.write_text(short().source_text)
    common = ["qualify", str(path), "--out", str(tmp_path / "runs"), "--no-report", "--quiet"]
    assert main(common) == 0
    assert "bench simulated-syringe is fit" in capsys.readouterr().out
    assert main([*common, "--fault", "syringe.diameter=4%"]) == 4
    assert "NOT fit" in capsys.readouterr().out


def test_a_dry_run_touches_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["qualify", "--dry-run", "--out", str(tmp_path / "runs")]) == 0
    told = capsys.readouterr().out
    assert "known flow 10 uL/h for 1 h" in told
    assert "nothing was touched" in told
    assert not (tmp_path / "runs").exists()


def test_a_scenario_of_a_pump_is_no_qualification(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["qualify", "quick"]) == 2
    assert "asks a pump, not the bench" in capsys.readouterr().err


def test_a_flow_that_nobody_calls_known_is_refused(tmp_path: Path) -> None:
    source = replace(bench().flow_sources[0], accuracy=None)
    with pytest.raises(UsageError, match="the flow of reference is not known without accuracy"):
        qualify(tmp_path, config=replace(bench(), flow_sources=(source,)))
