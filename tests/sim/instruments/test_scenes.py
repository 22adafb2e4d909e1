"""The situations that the twin's supplies and meters play for a conformance suite."""

from __future__ import annotations

import pytest

from rig.clock import VirtualClock
from rig.plugins.spec import Scene
from rig.sim import instrument_scenes as scenes
from rig.sim.instruments.models import METERS, SUPPLIES
from rig.transport.links import Link
from rig.transport.virtual import VirtualLinks

NAMES = {each[0].name for each in SUPPLIES.values()}


class Stage:
    """A scene on a virtual link."""

    def __init__(self, scene: Scene | None) -> None:
        assert scene is not None
        self.scene = scene
        self.links = VirtualLinks(VirtualClock())
        self.link: Link = self.links.connect("instrument", scene.device)

    def ask(self, text: str, seconds: float = 0.1) -> str:
        self.link.discard_input()
        self.link.write(text.encode() + b"\n")
        self.links.pause(seconds)
        return self.link.discard_input().decode()


@pytest.mark.parametrize("model", sorted(NAMES))
def test_a_supply_gives_the_name_and_the_serial_number_of_its_scene_and_is_off(model: str) -> None:
    stage = Stage(scenes.supply("identified", model))
    assert stage.ask("*IDN?").split(",")[1:3] == [model, stage.scene.serial]


@pytest.mark.parametrize("model", sorted(each.name for each in METERS.values()))
def test_a_meter_gives_the_name_and_the_serial_number_of_its_scene(model: str) -> None:
    stage = Stage(scenes.meter("identified", model))
    assert stage.ask("*IDN?").split(",")[1:3] == [model, stage.scene.serial]


def test_situations_nobody_plays_are_none() -> None:
    assert scenes.supply("asleep") is None
    assert scenes.meter("tripped") is None


def test_an_error_was_left_by_another_program() -> None:
    stage = Stage(scenes.supply("left_error"))
    assert stage.ask("SYST:ERR?") == '-113,"Undefined header"\n'
    assert stage.ask("SYST:ERR?") == '+0,"No error"\n'


def test_an_output_stays_on_and_another_setting_does_not_arrive() -> None:
    stage = Stage(scenes.supply("stays_on"))
    stage.ask("OUTP OFF,(@1)")
    assert stage.ask("OUTP? (@1)") == "1\n"
    stage = Stage(scenes.supply("reads_back_otherwise"))
    stage.ask("VOLT 1.5,(@1)")
    assert stage.ask("VOLT? (@1)") == "+0.00000000E+00\n"
    stage = Stage(scenes.meter("range_otherwise"))
    stage.ask("CONF:CURR:DC 0.1")
    assert stage.ask("CONF?").startswith('"VOLT')


def test_a_trip_can_be_cleared() -> None:
    stage = Stage(scenes.supply("tripped", "DP832"))
    assert stage.ask(":OUTP:OVP:QUES? CH1") == "YES\n"
    stage.ask(":OUTP:OVP:CLEAR CH1")
    assert stage.ask(":OUTP:OVP:QUES? CH1") == "NO\n"


def test_one_measurement_is_spoilt_and_the_next_one_is_not() -> None:
    stage = Stage(scenes.supply("damaged"))
    assert not stage.ask("MEAS:VOLT? (@1)").endswith("\n")
    assert stage.ask("MEAS:VOLT? (@1)").endswith("\n")
    stage = Stage(scenes.supply("late"))
    assert stage.ask("MEAS:VOLT? (@1)", 2.9) == ""
    assert stage.ask("*OPC?", 0.2).count("\n") == 2


def test_strangers_the_silent_and_the_overloaded() -> None:
    assert "," not in Stage(scenes.supply("stranger")).ask("*IDN?")
    assert Stage(scenes.meter("silent")).ask("*IDN?", 5.0) == ""
    assert Stage(scenes.meter("overload")).ask("READ?", 0.5) == "+9.90000000E+37\n"
