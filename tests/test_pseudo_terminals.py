"""The same scenario against the twin in another process, with nothing but pyserial and the kernel between them."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from rig.cli.main import main
from rig.runner.folder import find_runs

SPEED = "30"


def test_a_run_through_two_pseudo_terminals_is_valid_and_stamped_simulated(tmp_path: Path) -> None:
    devices, ledger = tmp_path / "devices.jsonl", tmp_path / "ledger.json"
    command = [sys.executable, "-m", "rig", "simulate", "bench", "--pty", "--speed", SPEED, "--ledger", str(ledger)]
    simulator = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert simulator.stdout is not None
    try:
        devices.write_text(simulator.stdout.readline() + simulator.stdout.readline())
        bench = ["--bench", "pty-example", "--devices", str(devices)]
        code = main(["run", "tests/data/pty.yaml", *bench, "--out", str(tmp_path / "runs"), "--no-report", "--quiet"])
    finally:
        simulator.send_signal(signal.SIGTERM)
        simulator.wait(timeout=30)
        simulator.stdout.close()
    (run,) = find_runs(tmp_path / "runs")
    result = json.loads((run.folder / "result.json").read_text())
    assert code == 0, [(check["id"], check["why"]) for check in result["checks"]]
    assert result["evidence"] == "simulated"
    reasons = " ".join(result["bench"]["why_simulated"])
    assert "opened as pty" in reasons
    assert "speed 30" in reasons
    bolus = next(each for each in result["deliveries"] if each["kind"] == "bolus")
    truth = next(each for each in json.loads(ledger.read_text())["deliveries"] if each["kind"] == "bolus")
    assert abs(bolus["measured_u"] - truth["entered_u"]) < 2 * bolus["expanded_uncertainty_u"]
