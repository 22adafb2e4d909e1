"""Killed at any point, the rig knows or finds out what was delivered, and delivers nothing that was not intended."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from rig.drivers.minimed.pump import MinimedPump
from rig.engine import Finished, resume_run
from rig.errors import MalformedReply
from rig.record.reader import Event, read_segment
from rig.results import EndReason
from rig.runner.folder import find_runs
from tests.runner.kit import LastingBench, drive, go_on, record_of, run_folder
from tests.transcripts.notation import from_four_b_six_b

LONG = 71
OPCODES = {0x42: "bolus", 0x4C: "temp_basal", 0x4D: "suspend", 0x6F: "set_profile"}
COMMANDS = (
    *("set_profile", "suspend", "resume", "temp_basal", "temp_basal", "bolus", "bolus", "temp_cancel"),
    *("suspend", "resume", "set_profile", "suspend"),
)


def command_in(name: str, data: bytes) -> str:
    """Return the command whose (first) parameter packet the host is about to send, or nothing."""
    if name != "pump" or not data or data[0] != 5:
        return ""
    packet = from_four_b_six_b(data[10:-1])
    if len(packet) != LONG:
        return ""
    known = OPCODES.get(packet[4], "")
    if known == "set_profile" and packet[5] != 1:
        return ""
    return "resume" if known == "suspend" and packet[6] == 0 else known


def commands(events: tuple[Event, ...], state: str) -> list[Event]:
    return [event for event in events if event.name == "command" and event.data["state"] == state]


def boluses_intended(bench: LastingBench) -> int:
    return sum(event.data["name"] == "bolus" for event in commands(record_of(bench).events, "intended"))


def test_no_command_leaves_before_its_intention_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = LastingBench(tmp_path)
    seen: list[tuple[str, str, str]] = []

    def look(name: str, data: bytes) -> None:
        sent = command_in(name, data)
        if sent:
            on_disk = [e for e in read_segment(bench.links.writer.path).events if e.name == "command"]
            last = on_disk[-1].data if on_disk else {"name": "nothing", "state": "nothing"}
            seen.append((sent, last["name"], last["state"]))

    bench.links.on_write = look
    finished = drive(bench, monkeypatch)
    assert finished is not None
    assert finished.ended.reason is EndReason.COMPLETED
    *in_run, (last, _, _) = seen
    assert last == "suspend"  # the safe end: it can only stop a delivery, and waits for no disk
    assert {sent for sent, _, _ in in_run} == {"set_profile", "suspend", "resume", "temp_basal", "bolus"}
    for sent, name, state in in_run:
        assert (name.replace("temp_cancel", "temp_basal"), state) == (sent, "intended")


def test_a_command_that_cannot_be_recorded_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = LastingBench(tmp_path)
    sent: list[str] = []

    def fail_at_the_first_temp(name: str, data: bytes) -> None:
        command = command_in(name, data)
        sent.extend([command] if command else [])
        if command == "temp_basal":
            monkeypatch.setattr("rig.record.writer.os.fdatasync", _no_space)

    bench.links.on_write = fail_at_the_first_temp
    finished = drive(bench, monkeypatch)
    assert finished is not None
    assert finished.ended.reason is EndReason.RECORD_FAILED
    assert finished.ended.safe.confirmed
    assert sent[sent.index("temp_basal") + 1 :] == ["suspend"]
    assert bench.boluses() == []
    assert bench.twin.firmware.therapy.suspended


def _no_space(_descriptor: int) -> None:
    raise OSError(28, "No space left on device")


def _resumed(bench: LastingBench) -> Finished:
    """Resume a killed run; see that what was recorded is kept and that nothing unintended was delivered."""
    (state,) = find_runs(bench.folder)
    assert state.state == "interrupted"
    cut_off = bench.links.writer.path
    kept = read_segment(cut_off, len(list(cut_off.parent.glob("record-*"))))
    digest = hashlib.sha256(cut_off.read_bytes()).hexdigest()
    finished = go_on(bench)
    assert finished is not None
    assert finished.ended.reason is EndReason.COMPLETED, finished.ended.detail
    record = record_of(bench)
    assert hashlib.sha256((run_folder(bench) / "evidence" / kept.file).read_bytes()).hexdigest() == digest
    assert record.segments[kept.number - 1].weighings == kept.weighings
    assert record.segments[kept.number].header["continues"]["sha256"] == digest
    assert record.segments[kept.number].events[0].name == "run_resumed"
    assert len(bench.boluses()) <= boluses_intended(bench)
    assert [programmed for programmed, _ in bench.boluses()] == [1.0] * len(bench.boluses())
    assert bench.boluses()[-2:] == [(1.0, 1.0), (1.0, 1.0)]
    assert bench.twin.firmware.therapy.suspended
    return finished


def die_when(bench: LastingBench, dies: Callable[[list[str]], bool], later: int = 1) -> list[str]:
    """Let the process die ``later`` waits after the command at which ``dies`` says so; return what was met until then.

    0: before the command's bytes leave; 1: with its bytes on the wire; 3: when it was answered.
    """
    met: list[str] = []

    def look(name: str, data: bytes) -> None:
        command = command_in(name, data)
        if command:
            met.append(command)
        if command and dies(met):
            bench.links.on_write = lambda _name, _data: None
            if later == 0:
                bench.links.killed()
            bench.links.dies_at = bench.links.waits + later

    bench.links.on_write = look
    return met


@pytest.mark.parametrize("later", [0, 1, 3], ids=["before its bytes", "with its bytes on the wire", "when answered"])
@pytest.mark.parametrize("number", range(len(COMMANDS)), ids=[f"{i}-{name}" for i, name in enumerate(COMMANDS)])
def test_a_run_killed_at_any_command_is_resumed_and_delivers_nothing_unintended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, later: int
) -> None:
    bench = LastingBench(tmp_path)
    met = die_when(bench, lambda met: len(met) == number + 1, later)
    assert drive(bench, monkeypatch) is None
    assert met[-1] == COMMANDS[number].replace("temp_cancel", "temp_basal")
    begun = [event.data["name"] for event in commands(record_of(bench).events, "intended")]
    assert begun[-1] == COMMANDS[number]
    _resumed(bench)


@pytest.mark.parametrize("phase", range(12))
def test_a_run_killed_in_any_phase_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phase: int) -> None:
    whole = LastingBench(tmp_path / "whole")
    assert drive(whole, monkeypatch) is not None
    bench = LastingBench(tmp_path / "killed")
    bench.links.dies_at = 2 + phase * (whole.links.waits - 4) // 11
    assert drive(bench, monkeypatch) is None
    bench.away(30.0)
    _resumed(bench)


def _killed_in_a_bolus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faults: tuple[str, ...] = ()) -> LastingBench:
    """A run killed some seconds into its first bolus, of 1 U in 40 s."""
    bench = LastingBench(tmp_path, faults)
    bench.links.dies_when = lambda: bool(bench.boluses()) and bench.boluses()[0][1] >= 0.4
    assert drive(bench, monkeypatch) is None
    assert 0.4 <= bench.boluses()[0][1] < 0.6
    return bench


def _settled(bench: LastingBench) -> dict[str, object]:
    (event,) = [event for event in record_of(bench).events if event.name == "delivery_settled"]
    return event.data


def test_a_bolus_cut_off_by_the_kill_is_stopped_and_settled_by_the_pumps_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = _killed_in_a_bolus(tmp_path, monkeypatch)
    _resumed(bench)
    settled = _settled(bench)
    (_, cut_off), *whole = bench.boluses()
    assert cut_off < 1.0
    assert len(whole) == 2
    assert (settled["by"], settled["amount_u"]) == ("history", 1.0)
    assert settled["delivered_u"] == pytest.approx(cut_off)


def test_a_bolus_that_the_pump_finished_alone_is_settled_as_delivered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = _killed_in_a_bolus(tmp_path, monkeypatch)
    bench.away(600.0)
    _resumed(bench)
    assert (_settled(bench)["by"], _settled(bench)["delivered_u"]) == ("history", 1.0)


def test_a_bolus_whose_answer_was_lost_before_the_kill_is_settled_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = _killed_in_a_bolus(tmp_path, monkeypatch, ("link.drop_ack=bolus:1",))
    bench.away(600.0)
    _resumed(bench)
    assert (_settled(bench)["by"], _settled(bench)["delivered_u"]) == ("history", 1.0)


def test_a_bolus_that_never_left_is_settled_as_not_delivered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = LastingBench(tmp_path)
    die_when(bench, lambda met: met[-1] == "bolus", later=0)
    assert drive(bench, monkeypatch) is None
    _resumed(bench)
    assert (_settled(bench)["by"], _settled(bench)["delivered_u"]) == ("history", 0.0)
    assert len(bench.boluses()) == 2


def test_a_pump_whose_clock_was_set_back_settles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = _killed_in_a_bolus(tmp_path, monkeypatch)
    bench.away(600.0)
    firmware = bench.twin.firmware
    firmware.set_clock(firmware.local() - timedelta(hours=3), bench.clock.now_ns())
    _resumed(bench)
    assert (_settled(bench)["by"], _settled(bench)["delivered_u"]) == ("none", None)
    assert "clock" in str(_settled(bench)["why"])


def test_a_pump_that_writes_no_readable_history_settles_nothing_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = _killed_in_a_bolus(tmp_path, monkeypatch)

    def unreadable(_pump: MinimedPump, _page: int = 0) -> None:
        monkeypatch.undo()
        monkeypatch.setattr("rig.engine.open_bench", bench.open)
        raise MalformedReply("pump", b"\xff", expected="a known record type")

    monkeypatch.setattr(MinimedPump, "history", unreadable)
    _resumed(bench)
    assert (_settled(bench)["by"], _settled(bench)["delivered_u"]) == ("none", None)


def test_a_resumed_run_that_is_killed_again_is_resumed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = LastingBench(tmp_path)
    die_when(bench, lambda met: met[-1] == "temp_basal")
    assert drive(bench, monkeypatch) is None
    bench.away(3600.0)
    die_when(bench, lambda met: met.count("bolus") == 2 and met[-1] == "suspend")
    assert go_on(bench) is None
    bench.away(60.0)
    _resumed(bench)
    resumed = [event.data for event in record_of(bench).events if event.name == "run_resumed"]
    assert [(data["segment"], data["step"], data["mode"]) for data in resumed] == [(2, 1, "repeat"), (3, 3, "repeat")]
    assert resumed[0]["scenario_s"] == pytest.approx(180.0, abs=10.0)  # the basal before lasted 3 min
    boluses_s = resumed[1]["scenario_s"] - 180.0 - 1800.0  # and the temp basal 30 min
    assert 2 * 140.0 < boluses_s < 2 * 1200.0
    ids = [event.data["id"] for event in commands(record_of(bench).events, "intended")]
    assert ids == list(range(1, len(ids) + 1))
    evidence = run_folder(bench) / "evidence"
    assert {"manifest.json", "manifest-002.json", "manifest-003.json"} <= {file.name for file in evidence.iterdir()}


def test_a_fresh_twin_knows_nothing_of_the_bolus_and_the_step_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = _killed_in_a_bolus(tmp_path, monkeypatch)
    monkeypatch.undo()
    finished = resume_run(run_folder(bench))
    assert finished.ended.reason is EndReason.COMPLETED
    assert (_settled(bench)["by"], _settled(bench)["delivered_u"]) == ("none", None)


def test_a_pump_that_was_exchanged_is_refused_and_stays_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = _killed_in_a_bolus(tmp_path, monkeypatch)
    monkeypatch.setattr(MinimedPump, "serial_number", lambda _pump: "900124")
    monkeypatch.setattr("rig.runner.arming.identify_pump", _other_pump)
    finished = go_on(bench)
    assert finished is not None
    assert finished.ended.reason is EndReason.BENCH_FAULT
    assert "the run was begun with 900123" in finished.ended.detail
    assert finished.ended.safe.confirmed
    assert bench.twin.firmware.therapy.suspended


def _other_pump(*_arguments: object) -> dict[str, str]:
    return {"model": "723", "serial": "900124", "firmware": "x", "profile": "sim-723"}
