"""The emergency stop in every state of a guardian, inside this process: armed, taking over, holding, idle."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from rig.errors import EmergencyStopped, InstrumentError, UsageError
from rig.guardian.client import GuardianClient, acknowledge
from rig.guardian.owned import IdleLines
from rig.guardian.places import Places
from rig.guardian.plan import LinePlan, PumpPlan, SafePlan
from rig.guardian.server import Guardian
from rig.guardian.stop_latch import StopLatch
from rig.guardian.stop_pump import SafeState
from rig.guardian.system import Watchdogs
from rig.guardian.takeover import Takeover

PLANS = (
    LinePlan("pinch", 17, "valve"),
    LinePlan("act", 23, "button"),
    LinePlan("beat", 25, "heartbeat"),
    LinePlan("stop", 22, "emergency_stop"),
)


class Bench:
    """A guardian whose passes the test makes, and folders that stand for its pins."""

    guardian: Any

    def __init__(self, folder: Path, *, lasting: bool) -> None:
        self.folder = folder
        self.gpio = f"folder:{folder}/gpio"
        (folder / "gpio").mkdir()
        self.press(0)
        self.places = Places("bench", str(folder))
        idle = IdleLines(PLANS, self.gpio) if lasting else None
        self.guardian = cast("Any", Guardian)(self.places, lasting=lasting, watchdogs=Watchdogs(), idle_lines=idle)
        self.guardian.open()
        self.said: list[str] = []
        self.guardian._say = lambda name, _data: self.said.append(name)

    def plan(self, run_id: str = "run-1") -> SafePlan:
        pump = PumpPlan("/nowhere", 115200, "900123", ("900123",), 916.5)
        return SafePlan("bench", run_id, str(self.folder), "", pump, PLANS, self.gpio)

    def press(self, level: int) -> None:
        (self.folder / "gpio" / "22.in").write_text(str(level))

    def line(self, pin: int) -> str:
        return (self.folder / "gpio" / f"{pin}.out").read_text()

    def armed(self) -> Any:
        """Arm as a runner does, its words carried by hand."""
        reply = self.guardian._on_arm({"plan": self.plan().to_json()})
        self.guardian._beat_s = time.monotonic() + 1e6
        self.guardian._runner = None  # it is this process: nobody fences it
        return reply

    def passes(self, count: int = 1) -> None:
        for _ in range(count):
            self.guardian._pass()
            self.guardian._alive()


def make(folder: Path, monkeypatch: pytest.MonkeyPatch, *, lasting: bool) -> Iterator[Bench]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    monkeypatch.setattr("rig.guardian.server.TICK_S", 0.0)
    monkeypatch.setattr("rig.guardian.server.IDLE_TICK_S", 0.0)
    monkeypatch.setattr("rig.guardian.lines.RELEASED_NS", 1)
    monkeypatch.setattr("rig.guardian.lines.PRESSED_LOOKS", 1)
    bench = Bench(folder, lasting=lasting)
    bench.guardian._door.peer = os.getpid()
    yield bench
    bench.guardian._close()
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    yield from make(tmp_path, monkeypatch, lasting=True)


@pytest.fixture
def single(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    yield from make(tmp_path, monkeypatch, lasting=False)


def test_pressed_while_a_run_is_armed_it_makes_the_lines_safe_and_the_runner_may_move_nothing(single: Bench) -> None:
    assert single.armed()["ok"]
    single.guardian._on_set({"line": "pinch", "level": 1})
    single.guardian._on_press({"line": "act", "ms": 5000})
    single.passes()
    assert (single.line(17), single.line(23)) == ("1", "1")
    single.press(1)
    single.passes()
    assert (single.line(17), single.line(23)) == ("0", "0")
    assert "emergency_stop" in single.said
    with pytest.raises(ValueError, match="the emergency stop was pressed"):
        single.guardian._on_set({"line": "pinch", "level": 1})


def test_released_again_the_bench_stays_stopped_until_a_person_rearms_it(service: Bench) -> None:
    assert service.armed()["ok"]
    service.press(1)
    service.passes()
    service.press(0)
    service.guardian._on_finished({"confirmed": True, "by": "pump status"})
    refused = service.armed()
    assert not refused["ok"]
    assert "stays stopped until a person re-arms it" in refused["error"]
    assert "rig runs acknowledge --bench bench" in refused["error"]
    assert service.guardian._on_acknowledge({}) == {"ok": True}
    assert service.armed()["ok"]


def test_pressed_while_the_bench_is_idle_it_keeps_the_next_run_from_starting(service: Bench) -> None:
    service.passes(2)
    assert service.line(25) in ("0", "1")
    service.press(1)
    service.passes()
    service.press(0)
    service.passes()
    assert not service.armed()["ok"]
    assert StopLatch(service.places.stopped).held()


def test_lines_that_a_service_keeps_between_runs_obey_nobody_who_has_not_armed(service: Bench) -> None:
    with pytest.raises(KeyError, match="no run is armed"):
        service.guardian._on_press({"line": "act", "ms": 100})
    with pytest.raises(KeyError, match="no run is armed"):
        service.guardian._on_set({"line": "pinch", "level": 1})
    assert (service.line(17), service.line(23)) == ("0", "0")
    about = service.guardian._on_about({})
    assert [row["line"] for row in about["lines"]] == ["pinch", "act", "beat", "stop"]


def test_a_button_that_is_still_pressed_cannot_be_acknowledged_away(service: Bench) -> None:
    service.press(1)
    service.passes()
    reply = service.guardian._on_acknowledge({})
    assert (reply["ok"], reply["pressed"]) == (False, True)
    assert StopLatch(service.places.stopped).held()


def test_pressed_during_a_takeover_it_is_seen_there_and_opens_the_valve_at_once(
    single: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert single.armed()["ok"]
    single.guardian._on_set({"line": "pinch", "level": 1})
    seen: list[str] = []

    def stop_pump(takeover: Takeover) -> SafeState:
        takeover.pulse()
        assert single.line(17) == "1"
        single.press(1)
        takeover.pulse()  # what the pump's links do while they wait
        seen.append(single.line(17))
        return SafeState("pump suspended", True, "pump status")

    monkeypatch.setattr(Takeover, "_stop_pump", stop_pump)
    single.guardian._take_over("heartbeat_lost", fence=False)
    assert seen == ["0"]
    assert StopLatch(single.places.stopped).held()


def test_pressed_while_the_pump_is_held_without_a_runner_the_guardian_takes_over(
    single: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert single.armed()["ok"]
    single.guardian._held_until_s = 1e12
    taken: list[str] = []
    monkeypatch.setattr(single.guardian, "_take_over", taken.append)
    single.passes()
    assert taken == []
    single.press(1)
    single.passes()
    assert taken == ["hold_over"]


def test_the_heart_does_not_beat_while_the_bench_is_stopped(service: Bench) -> None:
    service.passes(3)
    service.press(1)
    service.passes()
    level = service.line(25)
    service.press(0)
    service.passes(5)
    assert service.line(25) == level
    assert service.guardian._on_acknowledge({}) == {"ok": True}
    service.passes(1)
    assert service.line(25) != level


def test_a_bench_without_a_guardian_is_rearmed_by_the_person_too(tmp_path: Path) -> None:
    places = Places("bench", str(tmp_path))
    StopLatch(places.stopped).set()
    assert acknowledge(places)
    assert not acknowledge(places)


def test_a_latch_that_cannot_be_read_counts_as_pressed(tmp_path: Path) -> None:
    latch = StopLatch(tmp_path / "stopped")
    assert latch.held() == ""
    (tmp_path / "stopped").write_text("{")
    assert latch.held() == "an unknown time"
    assert latch.clear()
    assert latch.held() == ""


def test_the_client_raises_what_the_guardian_tells_of_the_lines_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench_plan = SafePlan("bench", "run-1", str(tmp_path), "", None)
    client: Any = GuardianClient(bench_plan, Places("bench", str(tmp_path)))
    told: list[dict[str, Any]] = [
        {"event": "line", "name": "line_trouble", "line": "pinch", "why": "it reads 1 after it was set to 0"},
        {"event": "line", "name": "alarm_began", "line": "beeper", "after_ns": 1, "by_ns": 2},
    ]
    monkeypatch.setattr(client, "_tell", lambda _message: None)
    monkeypatch.setattr(client, "_receive", lambda _wait_s: [told.pop(0)] if told else [])
    with pytest.raises(InstrumentError, match="bench bench: line pinch: it reads 1 after it was set to 0"):
        client.beat()
    client._beaten_s = 0.0
    client.beat()
    assert [each["name"] for each in client.line_events()] == ["line_trouble", "alarm_began"]
    assert client.line_events() == []
    client._stopped, client._beaten_s = True, 0.0
    with pytest.raises(EmergencyStopped):
        client.beat()


def test_a_person_who_acknowledges_a_pressed_button_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = Places("bench", str(tmp_path))
    monkeypatch.setattr("rig.guardian.client._dial", lambda _places: object())
    reply = {"ok": False, "pressed": True, "error": "pressed"}
    monkeypatch.setattr("rig.guardian.client._one_word", lambda _connection, _message: reply)
    with pytest.raises(UsageError, match="bench bench: pressed; try: release it"):
        acknowledge(places)
