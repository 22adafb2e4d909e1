"""The main job, end to end on the simulated bench: scenario, bytes, record, judgement, exit code."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rig.cli.main import main
from rig.paths import benches_dir
from rig.record.reader import read_chunks, read_run, read_segment
from rig.runner.folder import find_runs


def _run(tmp_path: Path, *arguments: str) -> tuple[int, Path]:
    code = main(["run", "--quiet", "--no-report", "--out", str(tmp_path), *arguments])
    (run,) = find_runs(tmp_path)
    return code, run.folder


def _outcomes(folder: Path) -> dict[str, str]:
    result = json.loads((folder / "result.json").read_text())
    return {check["id"]: check["outcome"] for check in result["checks"]}


def _outlet_u(folder: Path) -> float:
    ledger = json.loads((folder / "sealed" / "ledger.json").read_text())
    return float(ledger["totals"]["outlet_u"])


@pytest.mark.parametrize("bench", ["simulated", "simulated-522"])
def test_a_conforming_pump_passes_the_quick_scenario_on_either_family(tmp_path: Path, bench: str) -> None:
    code, folder = _run(tmp_path, "quick", "--bench", bench)
    assert code == 0
    result = json.loads((folder / "result.json").read_text())
    assert result["outcome"] == "PASS"
    assert result["evidence"] == "simulated"
    assert read_run(folder).damage == ()


def test_the_quick_scenario_passes_behind_a_carelink_stick_too(tmp_path: Path) -> None:
    text = (benches_dir() / "simulated.toml").read_text()
    assert text.count('link = "cc111x"') == 1
    bench = tmp_path / "bench.toml"
    bench.write_text(text.replace('link = "cc111x"', 'link = "carelink"'))
    code, folder = _run(tmp_path / "runs", "quick", "--bench", str(bench))
    assert code == 0
    assert set(_outcomes(folder).values()) == {"PASS", "REPORT_ONLY"}
    assert json.loads((folder / "sealed" / "ledger.json").read_text())["link"] == "carelink"


def test_a_pump_that_conforms_by_its_ledger_passes_the_24_hour_basal(tmp_path: Path) -> None:
    code, folder = _run(tmp_path, "basal_24h")
    assert _outcomes(folder)["basal-mean"] == "PASS"
    assert code == 0
    assert _outlet_u(folder) == pytest.approx(49.0, rel=0.05)


def test_a_pump_that_delivers_8_percent_short_fails_the_24_hour_basal(tmp_path: Path) -> None:
    code, folder = _run(tmp_path, "basal_24h", "--fault", "pump.gain=-8%")
    assert _outcomes(folder)["basal-mean"] == "FAIL"
    assert code == 1


@pytest.mark.parametrize(("scenario", "seed"), [("standard", "1"), ("bolus_series", "3"), ("basal_profile", "2")])
def test_a_conforming_pump_never_fails_the_long_scenarios(tmp_path: Path, scenario: str, seed: str) -> None:
    code, folder = _run(tmp_path, scenario, "--seed", seed)
    assert code == 0
    assert set(_outcomes(folder).values()) == {"PASS", "REPORT_ONLY"}


def test_one_hour_at_a_tenth_of_a_unit_per_hour_is_never_a_pass(tmp_path: Path) -> None:
    scenario = tmp_path / "hour.yaml"
    scenario.write_text(
        "schema: 1\nid: hour\ntitle: one hour\npump: {families: [22, 23]}\nneeds: [pump, balance]\n"
        "operator: none\nblank: {before: 1 h, after: 1 h}\nsteps:\n  - basal: {rate: 0.1 U/h, for: 2 h}\nchecks:\n"
        "  - {id: hour, measure: basal.overall_error, from: 1 h, for: 1 h, limit: 5 %, source: pump.accuracy.basal}\n"
    )
    for seed in ("1", "2", "3", "4"):
        code, folder = _run(tmp_path / seed, str(scenario), "--seed", seed)
        assert code in (3, 4)
        assert _outcomes(folder)["hour"] in ("INCONCLUSIVE", "INVALID")


def _device_bytes(folder: Path) -> list[object]:
    """Return all that came from or went to a device, with its time, wherever a commit has cut the file."""
    readings = read_run(folder).weighings["balance"]
    return [*read_chunks(folder / "evidence" / "record-001.log.gz"), readings.mass_mg.tolist()]


def test_identical_seeds_give_identical_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    texts = []
    for name, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        _, folder = _run(tmp_path / name, "quick", "--seed", seed)
        texts.append(_device_bytes(folder))
    assert len(texts[0]) > 3000
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


def test_a_killed_run_keeps_what_was_committed_and_is_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-m", "rig", "run", "standard", "--no-report", "--quiet", "--out", str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    record = _wait_for_readings(tmp_path)
    process.kill()
    process.wait()
    assert main(["runs", "--runs-dir", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "interrupted" in text
    assert "rig analyse RUN" in text
    kept = read_run(record.parent.parent)
    assert len(kept.weighings["balance"].mass_mg) > 0
    assert not kept.ended
    assert main(["analyse", str(record.parent.parent)]) == 4
    assert (
        "safe state: not known from this record; the simulated pump ended with its process" in capsys.readouterr().out
    )
    result = json.loads((record.parent.parent / "result.json").read_text())
    assert {check["outcome"] for check in result["checks"]} <= {"INVALID", "REPORT_ONLY"}
    assert result["outcome"] == "INVALID"


def _wait_for_readings(parent: Path) -> Path:
    """Return the record of the run below ``parent`` as soon as it holds a committed reading."""
    deadline_s = time.monotonic() + 60.0
    while time.monotonic() < deadline_s:
        for record in parent.glob("*/evidence/record-001.log.gz"):
            if read_segment(record).weighings:
                return record
        time.sleep(0.01)
    raise AssertionError("the run recorded nothing")


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ('serials = ["900123"]', 'serials = ["123456"]', 2, "900000 to 900999"),
        ("capacity_ul = 12000.0", "capacity_ul = 100.0", 2, "vessel"),
        ("resolution_mg = 0.01", "resolution_mg = 0.07", 2, "0.01 mg"),
    ],
)
def test_a_bench_that_cannot_be_is_one_line_and_nothing_is_delivered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, code: int, words: str
) -> None:
    text = (benches_dir() / "simulated.toml").read_text()
    assert old in text
    bench = tmp_path / "other.toml"
    bench.write_text(text.replace(old, new))
    assert main(["run", "quick", "--bench", str(bench), "--out", str(tmp_path / "runs"), "--no-report"]) == code
    captured = capsys.readouterr()
    (told,) = [line for line in captured.err.splitlines() if "; forecast: " not in line]  # how the run would begin
    assert words in told


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("balance.unit=kg", 4, "kg"),
        ("balance.overload=on", 4, "overload"),
        ("balance.silent=on", 4, "no complete answer"),
    ],
)
def test_a_balance_that_cannot_weigh_is_a_bench_fault_and_nothing_moves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: str, code: int, words: str
) -> None:
    assert main(["run", "quick", "--fault", fault, "--out", str(tmp_path), "--no-report", "--quiet"]) == code
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.err.strip().count("\n") == 0
    (run,) = find_runs(tmp_path)
    assert _outlet_u(run.folder) == 0.0
    assert set(_outcomes(run.folder).values()) == {"INVALID"}


def test_an_unknown_fault_names_the_nearest_and_makes_no_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "quick", "--fault", "pump.gian=-8%", "--out", str(tmp_path / "runs")]) == 2
    assert "pump.gain" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_a_report_is_rendered_and_named_in_the_manifest(tmp_path: Path) -> None:
    assert main(["run", "quick", "--quiet", "--out", str(tmp_path)]) == 0
    (run,) = find_runs(tmp_path)
    manifest = json.loads((run.folder / "manifest.json").read_text())
    assert set(manifest["files"]) == {"result.json", "report.html", "report.pdf", "junit.xml"}
    before = (run.folder / "report.pdf").read_bytes(), (run.folder / "report.html").read_bytes()
    assert main(["report", str(run.folder)]) == 0
    assert ((run.folder / "report.pdf").read_bytes(), (run.folder / "report.html").read_bytes()) == before


def test_a_folder_that_cannot_be_made_is_a_usage_error_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["run", "quick", "--quiet", "--out", str(tmp_path / "file")]) == 2
    assert "choose another with --out DIR" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["bolus", "temp_basal", "suspend", "resume", "profile"])
def test_a_lost_answer_is_settled_and_never_sent_again(tmp_path: Path, command: str) -> None:
    code, folder = _run(tmp_path, "quick", "--fault", f"link.drop_ack={command}:1")
    ledger = json.loads((folder / "sealed" / "ledger.json").read_text())
    assert code == 0
    assert [each["programmed_u"] for each in ledger["deliveries"] if each["kind"] == "bolus"] == [5.0, 5.0]


def test_a_pump_out_of_reach_is_reported_as_not_confirmed_and_sends_a_person_to_the_bench(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _ = _run(tmp_path, "quick", "--fault", "pump.asleep=on@10min")
    assert code == 5
    assert "SAFE STATE NOT CONFIRMED" in capsys.readouterr().out


def test_nothing_more_is_started_on_a_pump_that_may_still_run(tmp_path: Path) -> None:
    fault = ["--fault", "link.drop=100%@20min"]
    assert main(["run", "quick", "quick", *fault, "--quiet", "--no-report", "--out", str(tmp_path)]) == 5
    assert len(find_runs(tmp_path)) == 1


@pytest.mark.parametrize("start", ["5min", "10min", "12min", "20min"])
def test_a_link_that_dies_ends_unconfirmed_and_never_as_a_usage_error(tmp_path: Path, start: str) -> None:
    code, folder = _run(tmp_path, "quick", "--fault", f"link.drop=100%@{start}")
    assert code == 5
    assert json.loads((folder / "result.json").read_text())["outcome"] != "PASS"


def test_a_run_that_cannot_be_judged_still_says_first_that_the_pump_may_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_folder: Path) -> None:
        raise KeyError("a defect in the judge")

    monkeypatch.setattr("rig.judging.judge.judge", broken)
    run = ["run", "quick", "--quiet", "--no-report", "--out", str(tmp_path)]
    assert main([*run, "--fault", "pump.asleep=on@10min"]) == 5
    assert "SAFE STATE NOT CONFIRMED" in capsys.readouterr().err
    assert main(run) == 4
    assert "could not be judged" in capsys.readouterr().err


@pytest.mark.parametrize("bench", ["simulated", "simulated-522"])
def test_every_kind_of_step_is_delivered_and_weighed(tmp_path: Path, bench: str) -> None:
    code, folder = _run(tmp_path, "tests/data/every_step.yaml", "--bench", bench)
    assert code == 0
    outcomes = _outcomes(folder)
    assert [outcomes[name] for name in ("half", "more", "stop", "day")] == ["PASS"] * 4


@pytest.mark.parametrize("bench", ["simulated", "simulated-522"])
def test_what_the_pump_is_set_to_is_delivered_weighed_and_found_in_its_log(tmp_path: Path, bench: str) -> None:
    code, folder = _run(tmp_path, "tests/data/settings.yaml", "--bench", bench)
    assert (code, _outcomes(folder)) == (
        0,
        {"pattern": "PASS", "more": "PASS", "told": "PASS", "each": "REPORT_ONLY"},
    )
    result = json.loads((folder / "result.json").read_text())
    assert result["findings"] == []
    rows = result["analysis"]["truths"]["rows"]
    assert {row["status"] for row in rows} == {"matched"}
    cancelled = [row for row in rows if row["set_text"] == "5 U, stopped"]
    assert [row["reported_programmed_u"] for row in cancelled] == [5.0, 5.0]
    assert all(abs(row["reported_u"] - row["set_u"]) < 0.1 for row in cancelled)
    assert all(abs(row["reported_less_measured_u"]) < 0.15 for row in cancelled)
    (each,) = next(check["items"] for check in result["checks"] if check["id"] == "each")
    assert each["label"] == "3 U, number 1"  # no claim says what of a cancelled bolus is due when


def test_a_profile_of_48_segments_is_followed_through_midnight(tmp_path: Path) -> None:
    halves = [f"{{at: '{n // 2:02d}:{n % 2 * 30:02d}', rate: {(2.0, 4.0)[n % 2]} U/h}}" for n in range(48)]
    scenario = tmp_path / "many.yaml"
    scenario.write_text(
        "schema: 1\nid: many\ntitle: 48 segments\npump: {families: [22, 23]}\nneeds: [pump, balance]\n"
        "operator: none\nsampling: {balance: 10 s}\nblank: {before: 1 h, after: 1 h}\nsteps:\n"
        f"  - profile: {{segments: [{', '.join(halves)}], for: 8 h}}\nchecks:\n"
        "  - {id: all, measure: basal.overall_error, from: 0 h, for: 8 h, limit: 5 %, source: pump.accuracy.basal}\n"
        "  - {id: each, measure: basal.segment_error, from: 0 h, for: 8 h}\n"
    )
    code, folder = _run(tmp_path / "runs", str(scenario))
    assert code == 0
    result = json.loads((folder / "result.json").read_text())
    items = next(check["items"] for check in result["checks"] if check["id"] == "each")
    assert [item["label"] for item in items[1:5]] in (["4 U/h", "2 U/h"] * 2, ["2 U/h", "4 U/h"] * 2)
    assert all(abs(item["value"]) < 12 for item in items[1:-1])
