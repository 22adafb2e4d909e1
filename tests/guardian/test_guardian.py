"""The guardian, in real processes on real pseudo-terminals: whatever becomes of the runner, the bench is made safe."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from rig.cli.main import main
from rig.guardian.client import about, acknowledge, start_guardian
from rig.guardian.places import Places
from rig.guardian.stop_latch import StopLatch
from rig.record.ledger import BenchLedger
from rig.record.reader import read_run
from rig.runner.folder import find_runs
from tests.guardian.benches import PtyBench


def _suspended(truth: dict[str, object]) -> bool:
    deliveries = truth["deliveries"]
    assert isinstance(deliveries, list)
    return bool(deliveries[-1]["kind"] == "suspended" and deliveries[-1]["end_ns"] is None)


def test_a_held_pump_goes_on_without_its_runner_and_is_taken_up_again(benches: dict[str, PtyBench]) -> None:
    bench = benches["hold"]
    bench.wait_for(bench.delivering)
    bench.runner.kill()
    bench.runner.wait()
    bench.wait_for(lambda: bench.lock().get("state") == "holding")
    where = ["--bench", str(bench.bench), "--devices", str(bench.devices), "--no-report", "--quiet"]
    again = bench.start("runs", "resume", str(bench.run_folder), *where, "--why", "taken up again")
    bench.wait_for(lambda: _taken_up(bench))
    again.send_signal(signal.SIGINT)
    assert again.wait(timeout=60) in (4, 130)
    record = read_run(bench.run_folder)
    resumed = next(event for event in record.events if event.name == "run_resumed")
    assert resumed.data["mode"] == "reattach"
    assert record.damage == ()
    assert len(record.segments[1].weighings["balance"].mass_mg) > 0
    assert not [event for event in record.segments[1].events if event.name == "command"]  # nothing was commanded
    truth = bench.stop()
    basal = [each for each in truth["deliveries"] if each["kind"] == "basal" and each["rate_u_per_h"] == 30.0]
    assert len(basal) == 2  # for a moment while arming, and then without a break until the end
    assert basal[-1]["end_ns"] > resumed.at_ns > basal[-1]["start_ns"]


def _taken_up(bench: PtyBench) -> bool:
    segments = read_run(bench.run_folder).segments
    return len(segments) > 1 and "balance" in segments[1].weighings


def test_a_runner_killed_with_the_tube_clamped_leaves_the_pump_suspended_then_opens_the_valve_and_frees_the_bench(
    benches: dict[str, PtyBench],
) -> None:
    bench = benches["killed"]
    run = bench.runner
    bench.wait_for(bench.delivering)
    assert bench.lock()["state"] == "run"
    second = bench.run("tests/data/lost.yaml", stderr=subprocess.PIPE)
    _, said = second.communicate(timeout=30)
    assert second.returncode == 2
    assert "in use by run" in said
    assert len(said.strip().splitlines()) == 1
    bench.wait_for(lambda: bench.line(17) == "0")
    run.kill()
    run.wait()
    bench.wait_for(lambda: bench.guardian_ended() is not None)
    taken = bench.guardian_ended()
    assert taken is not None
    assert taken.end["reason"] == "runner_lost"
    assert taken.end["safe"] == {"wanted": "pump suspended", "confirmed": True, "by": "pump status"}
    safe = {event.data["what"]: event.data for event in taken.events if event.name == "made_safe"}
    assert safe["pump"]["after_s"] < 15.0
    assert safe["line valve"]["confirmed"]
    assert safe["line valve"]["after_s"] < 5.0
    assert bench.line(17) == "1"
    made_safe = [event.data["what"] for event in taken.events if event.name == "made_safe"]
    if safe["pump"]["after_s"] < 4.0:  # a pump that takes longer does not keep the valve beyond its own limit
        assert made_safe.index("pump") < made_safe.index("line valve")
    truth = bench.stop()
    assert _suspended(truth)
    ledger = BenchLedger(bench.folder / "runs" / "killed.ledger")
    assert [entry.kind for entry in ledger.entries()] == ["started", "safe"]
    assert ledger.unsafe() is None
    assert find_runs(bench.folder / "runs")[0].state == "interrupted"
    bench.wait_for(lambda: about(Places("killed", str(bench.folder / "run"))) is None)
    assert _suspended(bench.stop())


def test_a_runner_that_hangs_is_killed_and_the_pump_stopped(benches: dict[str, PtyBench]) -> None:
    bench = benches["hung"]
    run = bench.runner
    bench.wait_for(bench.delivering)
    run.send_signal(signal.SIGSTOP)
    bench.wait_for(lambda: bench.guardian_ended() is not None)
    taken = bench.guardian_ended()
    assert taken is not None
    assert taken.end["reason"] == "heartbeat_lost"
    assert taken.end["safe"]["confirmed"]
    assert run.wait(timeout=10) == -signal.SIGKILL
    assert _suspended(bench.stop())


def test_an_emergency_stop_ends_the_run_and_the_bench_stays_stopped_while_it_is_pressed(
    benches: dict[str, PtyBench],
) -> None:
    bench = benches["emergency"]
    run = bench.runner
    bench.wait_for(bench.delivering)
    (bench.folder / "gpio" / "22.in").write_text("1")
    assert run.wait(timeout=60) in (4, 130)
    record = read_run(bench.run_folder)
    assert record.end["reason"] == "emergency_stop"
    assert record.end["safe"]["confirmed"]
    assert bench.line(17) == "1"
    again = bench.run("tests/data/lost.yaml", stderr=subprocess.PIPE)
    _, said = again.communicate(timeout=30)
    assert again.returncode == 2
    assert "emergency stop is pressed" in said
    assert StopLatch(bench.folder / "run" / f"rig-{bench.name}.stopped").held()  # whoever guards it next knows, too
    where = ["--bench", str(bench.bench), "--runs-dir", str(bench.folder / "runs")]
    assert main(["runs", "acknowledge", *where, "--why", "looked after", "--who", "A. Person"]) == 0
    assert not StopLatch(bench.folder / "run" / f"rig-{bench.name}.stopped").held()
    assert _suspended(bench.stop())


def test_a_killed_guardian_ends_the_run_and_the_runner_stops_the_pump(benches: dict[str, PtyBench]) -> None:
    bench = benches["guardian"]
    run = bench.runner
    bench.wait_for(bench.delivering)
    os.kill(bench.lock()["pid"], signal.SIGKILL)
    assert run.wait(timeout=60) == 4
    record = read_run(bench.run_folder)
    assert record.end["reason"] == "guardian_lost"
    assert record.end["safe"]["confirmed"]
    assert bench.line(17) == "1"
    assert _suspended(bench.stop())


def test_a_pump_that_cannot_be_reached_is_reported_and_no_run_starts_until_somebody_acknowledges(
    benches: dict[str, PtyBench], capsys: pytest.CaptureFixture[str]
) -> None:
    bench = benches["unreachable"]
    run = bench.runner
    bench.wait_for(bench.delivering)
    ledger = BenchLedger(bench.folder / "runs" / "unreachable.ledger")
    bench.simulator.kill()
    bench.simulator.wait()
    run.kill()
    run.wait()
    places = Places("unreachable", str(bench.folder / "run"))
    # The guardian tries for a minute; a person who has pulled the pump's battery need not wait.
    os.kill(bench.lock()["pid"], signal.SIGKILL)
    unsafe = ledger.unsafe()
    assert unsafe is not None
    assert unsafe.kind == "started"
    where = ["--bench", str(bench.bench), "--runs-dir", str(bench.folder / "runs")]
    assert main(["runs", "acknowledge", *where, "--why", "battery pulled", "--who", "A. Person"]) == 0
    assert "battery pulled" in capsys.readouterr().out
    assert ledger.unsafe() is None
    assert not acknowledge(places)


def test_a_guardian_that_starts_again_makes_safe_what_the_killed_one_and_its_killed_runner_left(
    benches: dict[str, PtyBench],
) -> None:
    bench = benches["restarted"]
    run = bench.runner
    bench.wait_for(bench.delivering)
    os.kill(bench.lock()["pid"], signal.SIGKILL)
    run.kill()
    run.wait()
    start_guardian(Places("restarted", str(bench.folder / "run")))
    bench.wait_for(lambda: bench.guardian_ended() is not None)
    taken = bench.guardian_ended()
    assert taken is not None
    assert taken.end["reason"] == "guardian_restarted"
    assert taken.end["safe"]["confirmed"]
    assert bench.line(17) == "1"
    assert _suspended(bench.stop())


def test_a_guardian_that_nobody_talks_to_ends_by_itself_and_frees_the_bench(tmp_path: Path) -> None:
    places = Places("alone", str(tmp_path))
    pid = start_guardian(places)
    assert about(places) == {"ok": True, "state": "idle", "run_id": None, "pid": pid, "re": "about"}
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
    assert about(places) is None
    os.kill(start_guardian(places), signal.SIGTERM)
