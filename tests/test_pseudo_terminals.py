"""The same scenario against the twin in another process, with nothing but pyserial and the kernel between them."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from rig.paths import benches_dir
from rig.record.reader import read_run
from rig.runner.folder import find_runs
from tests.guardian.benches import PtyRun


def _bench(tmp_path: Path) -> str:
    """Return a bench file of this test's own: a bench lock is the machine's, and a guardian looks after one bench."""
    text = (benches_dir() / "pty-example.toml").read_text()
    path = tmp_path / "bench.toml"
    path.write_text(f'{text}\n[guardian]\nrun_dir = "{tmp_path / "run"}"\n')
    return str(path)


def test_a_run_through_two_pseudo_terminals_is_valid_and_stamped_simulated(pty_run: PtyRun) -> None:
    code = pty_run.runner.wait(timeout=120)
    pty_run.simulator.send_signal(signal.SIGTERM)
    pty_run.simulator.wait(timeout=30)
    (run,) = find_runs(pty_run.runs)
    result = json.loads((run.folder / "result.json").read_text())
    assert code == 0, [(check["id"], check["why"]) for check in result["checks"]]
    assert result["evidence"] == "simulated"
    reasons = " ".join(result["bench"]["why_simulated"])
    assert "opened as pty" in reasons
    assert "speed 30" in reasons
    bolus = next(each for each in result["deliveries"] if each["kind"] == "bolus")
    truth = next(each for each in json.loads(pty_run.ledger.read_text())["deliveries"] if each["kind"] == "bolus")
    assert abs(bolus["measured_u"] - truth["entered_u"]) < 2 * bolus["expanded_uncertainty_u"]


def _serve(device: str) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "rig", "simulate", device, "--pty"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline()


def test_a_balance_that_is_lost_in_the_middle_leaves_the_pump_stopped_and_confirmed(tmp_path: Path) -> None:
    pump, pump_line = _serve("pump")
    balance, balance_line = _serve("balance")
    devices = tmp_path / "devices.jsonl"
    devices.write_text(pump_line + balance_line)
    where = ["--bench", _bench(tmp_path), "--devices", str(devices), "--out", str(tmp_path / "runs")]
    scenario = tmp_path / "lost.yaml"  # a balance is waited for as long as a gap is tolerated
    scenario.write_text(Path("tests/data/lost.yaml").read_text().replace("tolerate: 60 s", "tolerate: 5 s"))
    command = [sys.executable, "-m", "rig", "run", str(scenario), *where, "--no-report", "--quiet"]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        _wait_for_event(tmp_path / "runs", "resumed")
        balance.kill()
        _, errors = run.communicate(timeout=60)
    finally:
        for process in (run, pump, balance):
            process.kill()
            process.communicate()
    assert run.returncode == 4
    assert "balance" in errors
    # Another terminal may take the number of the one that is gone while the rig waits for it: that is refused by name.
    assert "went away" in errors or "another port answers to this name" in errors
    (found,) = find_runs(tmp_path / "runs")
    safe = read_run(found.folder).end["safe"]
    assert safe["confirmed"], safe
    assert found.end_reason == "bench_fault"


def _wait_for_event(parent: Path, name: str) -> None:
    """Return once a run below ``parent`` has committed an event of this name."""
    deadline_s = time.monotonic() + 60.0
    while time.monotonic() < deadline_s:
        for state in find_runs(parent):
            readable = state.state != "unreadable"  # a folder is there before its record
            if readable and any(event.name == name for event in read_run(state.folder).events):
                return
        time.sleep(0.2)
    raise AssertionError(f"no event {name!r} within a minute")
