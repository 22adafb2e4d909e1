"""The guardian's lines on the real module: presses end, contacts are compared, an emergency stop is seen at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from rig.gpio.pins import Pins
from rig.guardian.lines import Lines
from rig.guardian.plan import LinePlan

PLANS = (
    LinePlan("power", 18, "supply"),
    LinePlan("act", 23, "button"),
    LinePlan("beat", 25, "heartbeat"),
    LinePlan("stop", 22, "emergency_stop"),
    LinePlan("power-seen", 27, "contact", shows="power", lag_ms=1000),
    LinePlan("beeper", 24, "alarm"),
)


def _passes(lines: Lines, so: Callable[[list[dict[str, Any]]], bool], limit_s: float = 20.0) -> list[dict[str, Any]]:
    """Make passes until what was told satisfies ``so``."""
    told: list[dict[str, Any]] = []
    deadline_s = time.monotonic() + limit_s
    while not so(told):
        assert time.monotonic() < deadline_s, told
        told += lines.tick(time.monotonic_ns())
        time.sleep(0.005)
    return told


def _lines(world: Any, nudge: Callable[[], None] = lambda: None) -> Lines:
    lines = Lines(PLANS, Pins(world.gpio, nudge))  # its pulls move the simulated wires: the world drives afterwards
    for pin, level in ((22, 0), (27, 0), (24, 1)):
        world.drive(pin, level)
    assert lines.rearm()
    return lines


def test_a_press_ends_by_itself_and_says_how_long_it_was(world: Any) -> None:
    lines = _lines(world)
    lines.press("act", 300, time.monotonic_ns())
    assert world.level(23) == 1
    told = _passes(lines, lambda told: any(each["name"] == "press_ended" for each in told))
    assert world.level(23) == 0
    (ended,) = [each for each in told if each["name"] == "press_ended"]
    assert (ended["by_ns"] - ended["from_ns"]) / 1e9 >= 0.3


def test_an_emergency_stop_wakes_whoever_waits_and_stays_until_it_is_rearmed(world: Any) -> None:
    woken = threading.Event()
    lines = _lines(world, woken.set)
    woken.clear()
    world.drive(22, 1)
    assert woken.wait(20.0)
    assert lines.emergency()
    world.drive(22, 0)
    assert lines.emergency()
    assert lines.rearm()
    assert not lines.emergency()


def test_a_contact_that_does_not_follow_is_named_and_one_that_does_is_not(world: Any) -> None:
    lines = _lines(world)
    lines.set("power", 1)
    world.drive(27, 1)
    _passes(lines, lambda told: any(each["line"] == "power-seen" for each in told))
    assert lines.troubles == {}
    (report,) = lines.make_safe("supply")  # the contact stays closed: welded
    assert not report["confirmed"]
    assert "power-seen reads 1" in report["by"]
    assert world.level(18) == 0


def test_beeps_on_the_wire_are_counted(world: Any) -> None:
    lines = _lines(world)

    def beep() -> None:
        for _ in range(2):
            world.drive(24, 0)
            time.sleep(0.3)
            world.drive(24, 1)
            time.sleep(0.3)

    sounding = threading.Thread(target=beep)
    sounding.start()
    told = _passes(lines, lambda told: any(each["name"] == "alarm_signal" for each in told))
    sounding.join()
    (signal,) = [each for each in told if each["name"] == "alarm_signal"]
    assert signal["pulses"] == 2
