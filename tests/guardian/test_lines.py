"""The guardian's lines on the simulated module: presses, read-backs, alarms, emergency stop, heartbeat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from rig.clock import VirtualClock, to_ns
from rig.errors import InstrumentError
from rig.gpio.board import SimulatedBoard
from rig.gpio.pins import Pins
from rig.gpio.simulated import LgpioError, SimulatedGpio
from rig.guardian.lines import Lines
from rig.guardian.plan import LinePlan

VALVE, SUPPLY, ACT, BEAT, STOP, SEEN, ALARM = 17, 18, 23, 25, 22, 27, 24
PLANS = (
    LinePlan("pinch", VALVE, "valve"),
    LinePlan("power", SUPPLY, "supply"),
    LinePlan("act", ACT, "button", shortest_ms=100, longest_ms=2000),
    LinePlan("beat", BEAT, "heartbeat"),
    LinePlan("stop", STOP, "emergency_stop"),
    LinePlan("power-seen", SEEN, "contact", shows="power"),
    LinePlan("beeper", ALARM, "alarm"),
)


@dataclass
class Wired:
    """Lines on a board whose supply relay has a contact that is read."""

    clock: VirtualClock
    board: SimulatedBoard
    gpio: SimulatedGpio
    lines: Lines

    def wait(self, seconds: float) -> list[dict[str, Any]]:
        """Let time pass in passes of 20 ms; return what was told."""
        told: list[dict[str, Any]] = []
        for _ in range(round(seconds / 0.02)):
            self.clock.advance_to(self.clock.now_ns() + to_ns(0.02))
            self.board.run()
            self.gpio.deliveries.flush()
            told += self.lines.tick(self.clock.now_ns())
        return told


def wire(*plans: LinePlan) -> Wired:
    clock = VirtualClock(to_ns(1.0))
    board = SimulatedBoard(clock.now_ns, clock.advance_to)
    board.drive(STOP, 0)
    board.relay(SUPPLY, SEEN)
    gpio = SimulatedGpio(board)

    def wait(seconds: float) -> None:
        clock.advance_to(clock.now_ns() + to_ns(seconds))
        board.run()

    return Wired(clock, board, gpio, Lines(plans or PLANS, Pins(gpio), clock.now_ns, wait))


@pytest.fixture
def wired() -> Iterator[Wired]:
    made = wire()
    yield made
    made.gpio.die()


def names(told: list[dict[str, Any]]) -> list[str]:
    return [each["name"] for each in told]


def test_outputs_begin_at_their_safe_level_without_a_glitch() -> None:
    made = wire(LinePlan("pinch", VALVE, "valve", safe="high"))
    assert made.board.level(VALVE) == 1
    made.gpio.die()


def test_a_press_is_a_pulse_of_the_time_that_was_asked_for_and_its_end_is_told(wired: Wired) -> None:
    began_ns = wired.clock.now_ns()
    wired.lines.press("act", 300, began_ns)
    assert wired.board.level(ACT) == 1
    assert wired.wait(0.28) == []
    assert wired.board.level(ACT) == 1
    (told,) = wired.wait(0.04)
    assert wired.board.level(ACT) == 0
    assert (told["name"], told["line"]) == ("press_ended", "act")
    assert told["by_ns"] - told["from_ns"] == 300_000_000


def test_a_press_outside_its_lines_times_and_a_second_one_are_refused(wired: Wired) -> None:
    with pytest.raises(InstrumentError, match="a press of 99 ms; expected 100 to 2000 ms"):
        wired.lines.press("act", 99, wired.clock.now_ns())
    wired.lines.press("act", 2000, wired.clock.now_ns())
    with pytest.raises(InstrumentError, match="pressed already"):
        wired.lines.press("act", 100, wired.clock.now_ns())
    with pytest.raises(InstrumentError, match="a button is not set; expected a press, for a time"):
        wired.lines.set("act", 1)


def test_a_button_that_cannot_be_released_is_named_and_tried_again_in_every_pass(wired: Wired) -> None:
    wired.lines.press("act", 100, wired.clock.now_ns())
    wired.board.fail_writes(ACT, LgpioError("GPIO busy"))
    told = wired.wait(0.2)
    assert "line_trouble" in names(told)
    assert "it cannot be released" in wired.lines.troubles["act"]
    assert wired.board.level(ACT) == 1
    wired.board.fail_writes(ACT, None)
    assert names(wired.wait(0.02)) == ["press_ended"]
    wired.wait(0.02)
    assert wired.board.level(ACT) == 0
    assert wired.lines.troubles == {}


def test_an_output_that_does_not_follow_is_named_once_and_is_not_taken_for_safe(wired: Wired) -> None:
    wired.lines.set("pinch", 1)
    assert wired.wait(0.1) == []
    wired.board.stick(VALVE, 0)
    told = wired.wait(0.2)
    assert [(each["line"], each["why"]) for each in told] == [("pinch", "it reads 0 after it was set to 1")]
    wired.board.stick(VALVE, 1)
    (report,) = wired.lines.make_safe("valve")
    assert (report["what"], report["confirmed"], report["by"]) == ("line pinch", False, "it reads 1")


def test_a_relay_has_its_time_to_follow_and_a_welded_one_makes_the_bench_unsafe(wired: Wired) -> None:
    wired.lines.set("power", 1)
    assert [(each["name"], each["line"]) for each in wired.wait(0.2)] == [("line_changed", "power-seen")]
    (report,) = wired.lines.make_safe("supply")
    assert report["confirmed"]
    assert report["by"] == "the line and power-seen read back"
    wired.lines.set("power", 1)
    wired.wait(0.2)
    wired.board.weld(SUPPLY)
    (report,) = wired.lines.make_safe("supply")
    assert not report["confirmed"]
    assert report["by"] == "contact power-seen reads 1: a welded relay, or a broken wire"
    told = wired.wait(0.2)
    assert [each["line"] for each in told if each["name"] == "line_trouble"] == ["power-seen"]
    assert "power is 0: a welded or dead relay" in wired.lines.troubles["power-seen"]


def test_a_line_that_cannot_be_read_back_is_named(wired: Wired, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_channel: int) -> int:
        raise LgpioError("GPIO not allocated")

    monkeypatch.setattr(wired.gpio, "input", fails)
    wired.wait(0.02)
    assert "it cannot be read back: GPIO 17: LgpioError: 'GPIO not allocated'" in wired.lines.troubles["pinch"]
    assert wired.lines.emergency()  # a stop that nobody can see is one
    reports = wired.lines.make_safe("button", "valve")
    assert [report["confirmed"] for report in reports] == [False, False]
    assert wired.board.level(VALVE) == 0


def test_an_alarm_line_is_told_at_its_first_beep_and_as_a_pattern(wired: Wired) -> None:
    wired.board.float_at(ALARM, 1)
    for number in range(3):
        for after_ms, level in ((100 + 400 * number, 0), (250 + 400 * number, 1)):
            wired.board.drive_later(after_ms * 1_000_000, ALARM, level)
    began, signal = wired.wait(4.0)
    assert began["name"] == "alarm_began"
    assert began["by_ns"] - began["after_ns"] == 20_000_000
    assert began["after_ns"] <= to_ns(1.1) <= began["by_ns"]
    assert (signal["name"], signal["pulses"]) == ("alarm_signal", 3)
    assert signal["spacing_s"] == pytest.approx(0.4, abs=0.02)
    assert signal["length_s"] == pytest.approx(0.15, abs=0.02)


def test_an_alarm_whose_edges_get_lost_is_found_by_looking(wired: Wired) -> None:
    wired.board.lose_edges(ALARM, 2)
    wired.board.drive_later(to_ns(0.1), ALARM, 0)
    wired.board.drive_later(to_ns(0.4), ALARM, 1)
    assert names(wired.wait(3.0)) == ["alarm_began", "alarm_signal"]


def test_an_emergency_stop_needs_one_look_and_no_edge(wired: Wired) -> None:
    wired.board.lose_edges(STOP)
    assert not wired.lines.emergency()
    wired.board.drive(STOP, 1)
    assert wired.lines.emergency()


def test_a_contact_of_the_emergency_stop_that_opens_for_a_moment_between_two_looks_stops(wired: Wired) -> None:
    wired.board.drive(STOP, 1)
    wired.board.drive(STOP, 0)
    wired.gpio.deliveries.flush()
    assert wired.lines.emergency()
    assert wired.lines.emergency()  # and stays


def test_it_is_forgotten_only_by_rearming_when_it_has_been_released_for_half_a_second(wired: Wired) -> None:
    wired.board.drive(STOP, 1)
    wired.wait(0.1)
    assert not wired.lines.rearm()
    assert wired.lines.emergency()
    wired.board.chatter(STOP, 0, times=5, every_ns=30_000_000)
    before_ns = wired.clock.now_ns()
    assert wired.lines.rearm()
    assert wired.clock.now_ns() - before_ns >= to_ns(0.79)  # 0.3 s of bouncing, 0.5 s of rest, less one look
    assert not wired.lines.emergency()


def test_the_heart_beats_after_a_complete_pass_and_stops_with_a_trouble_or_an_emergency_stop(wired: Wired) -> None:
    levels = []
    for _ in range(4):
        wired.wait(0.02)
        wired.lines.heartbeat()
        levels.append(wired.board.level(BEAT))
    assert levels == [1, 0, 1, 0]
    wired.board.stick(VALVE, 1)
    wired.wait(0.02)
    wired.lines.heartbeat()
    assert wired.board.level(BEAT) == 0
    wired.board.stick(VALVE, None)
    wired.wait(0.02)
    wired.lines.heartbeat()
    assert wired.board.level(BEAT) == 1
    wired.board.drive(STOP, 1)
    for _ in range(3):
        wired.wait(0.02)
        wired.lines.heartbeat()
        assert wired.board.level(BEAT) == 1


def test_the_table_of_the_lines_says_what_each_is_and_what_is_wrong(wired: Wired) -> None:
    wired.board.stick(VALVE, 1)
    wired.wait(0.02)
    rows = {row["line"]: row for row in wired.lines.table()}
    assert rows["pinch"] == {
        "line": "pinch", "pin": 17, "role": "valve", "level": 1, "safe": 0, "why": "it reads 1 after it was set to 0",
    }  # fmt: skip
    assert (rows["stop"]["safe"], rows["stop"]["level"], rows["stop"]["why"]) == (None, 0, None)


def test_a_line_that_another_process_holds_is_refused_by_its_number() -> None:
    made = wire(LinePlan("pinch", VALVE, "valve"))
    other = SimulatedGpio(made.board)
    with pytest.raises(InstrumentError, match="GPIO 17: LgpioError: 'GPIO busy'; expected a line that nobody else"):
        Lines((LinePlan("pinch", VALVE, "valve"),), Pins(other))
    made.gpio.die()
