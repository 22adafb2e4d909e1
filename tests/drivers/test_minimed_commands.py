"""Commands of the MiniMed driver against dialogues of bytes: what leaves, how often, and what is made of the answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rig.drivers.minimed import MinimedPump
from rig.errors import InstrumentError, RigError, ScenarioError
from rig.instruments import Acceptance, BasalEntry
from tests.drivers.pump_script import LOCAL, PROFILE, pump_in, pump_on
from tests.transcripts.notation import radio_pairs

ACKNOWLEDGED, UNKNOWN = Acceptance.ACKNOWLEDGED, Acceptance.UNKNOWN

READ_BACK_NS = 290_000_000  # the pause before the question, and its answer
Command = Callable[[MinimedPump], Acceptance]


@pytest.mark.parametrize(
    ("dialogue", "command", "acceptance"),
    [
        ("bolus 1.7 U on a 522", lambda pump: pump.bolus(1.7), ACKNOWLEDGED),
        ("bolus 2.35 U on a 723", lambda pump: pump.bolus(2.35), ACKNOWLEDGED),
        ("bolus 12.3 U on a 723, first half repeated", lambda pump: pump.bolus(12.3), ACKNOWLEDGED),
        ("bolus 2.35 U, acknowledgement lost", lambda pump: pump.bolus(2.35), UNKNOWN),
        ("bolus 2.35 U, acknowledgement damaged", lambda pump: pump.bolus(2.35), UNKNOWN),
        ("bolus 2.35 U, stick silent afterwards", lambda pump: pump.bolus(2.35), UNKNOWN),
        (
            "bolus 2.35 U, its parameters lost and the acknowledgement of its first half heard twice",
            lambda pump: pump.bolus(2.35),
            UNKNOWN,
        ),
        ("bolus 2.35 U, heard twice by the pump", lambda pump: pump.bolus(2.35), UNKNOWN),
        ("suspend, an acknowledgement that was not the command's", lambda pump: pump.suspend(), ACKNOWLEDGED),
        ("profile refused for its counter, read back", lambda pump: pump.set_profile(PROFILE), ACKNOWLEDGED),
        ("temp basal 0.85 U/h for 90 min", lambda pump: pump.set_temp_basal(0.85, 90), ACKNOWLEDGED),
        ("temp basal 8.0 U/h for 60 min", lambda pump: pump.set_temp_basal(8.0, 60), ACKNOWLEDGED),
        ("temp basal cancelled", lambda pump: pump.set_temp_basal(0.0, 0), ACKNOWLEDGED),
        ("temp basal cancelled", lambda pump: pump.set_temp_basal(0.85, 0), ACKNOWLEDGED),
        ("temp basal 150 % for 2 h", lambda pump: pump.set_temp_basal_percent(150, 120), ACKNOWLEDGED),
        ("temp basal 150 %, settled by reading back", lambda pump: pump.set_temp_basal_percent(150, 120), ACKNOWLEDGED),
        ("temp basal cancelled, settled by reading back", lambda pump: pump.set_temp_basal(0.0, 0), ACKNOWLEDGED),
        ("temp basal 0.85 U/h, not settled by reading back", lambda pump: pump.set_temp_basal(0.85, 90), UNKNOWN),
        (
            "temp basal 0.85 U/h, another one found when reading back",
            lambda pump: pump.set_temp_basal(0.85, 90),
            UNKNOWN,
        ),
        ("suspend", lambda pump: pump.suspend(), ACKNOWLEDGED),
        ("suspend repeated until acknowledged", lambda pump: pump.suspend(), ACKNOWLEDGED),
        ("suspend refused by a suspended pump", lambda pump: pump.suspend(), ACKNOWLEDGED),
        ("resume", lambda pump: pump.resume(), ACKNOWLEDGED),
        ("resume, acknowledgement lost, settled by status", lambda pump: pump.resume(), UNKNOWN),
        ("clock set", lambda pump: pump.set_clock(LOCAL), ACKNOWLEDGED),
        ("profile written", lambda pump: pump.set_profile(PROFILE), ACKNOWLEDGED),
        (
            "profile written, last acknowledgement lost, read back",
            lambda pump: pump.set_profile(PROFILE),
            ACKNOWLEDGED,
        ),
    ],
)
def test_a_command_leaves_exactly_as_published_and_exactly_once(
    dialogue: str, command: Command, acceptance: Acceptance
) -> None:
    with pump_in(dialogue) as pump:
        pump.wake()
        assert command(pump) is acceptance
        if acceptance is UNKNOWN:
            assert pump.unknown_because


@pytest.mark.parametrize(
    ("dialogue", "command", "words"),
    [
        (
            "bolus 2.35 U refused, one is in progress",
            lambda pump: pump.bolus(2.35),
            r"a bolus is already in progress.*wait",
        ),
        ("bolus 2.35 U refused, above the maximum", lambda pump: pump.bolus(2.35), r"09: .*raise the maximum"),
        ("bolus 2.35 U refused at its first half", lambda pump: pump.bolus(2.35), r"08: .*resume"),
        ("suspend refused by a running pump", lambda pump: pump.suspend(), r"08: "),
    ],
)
def test_a_refusal_names_its_meaning_and_what_to_do(dialogue: str, command: Command, words: str) -> None:
    with pump_in(dialogue) as pump, pytest.raises(InstrumentError, match=words):
        command(pump)


def test_an_acknowledgement_carries_its_own_time_and_not_that_of_what_is_read_back_after_it() -> None:
    with pump_on(radio_pairs("bolus 2.35 U on a 723")) as (pump, bench):
        pump.open()
        pump.bolus(2.35)
        assert pump.acknowledged_ns == bench.link.last_rx_ns - READ_BACK_NS


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (lambda pump: pump.bolus(1.025), "bolus of 1.025 U"),
        (lambda pump: pump.bolus(25.1), "beyond the pump"),
        (lambda pump: pump.bolus(0.0), "bolus of 0 U"),
        (lambda pump: pump.set_temp_basal(1.03, 60), "basal rate of 1.03 U/h"),
        (lambda pump: pump.set_temp_basal(1.0, 45), "multiple of 30 min"),
        (lambda pump: pump.set_temp_basal_percent(201, 60), "201 %"),
        (lambda pump: pump.set_profile([BasalEntry(1, 1.0)]), "profile"),
        (lambda pump: pump.set_profile([BasalEntry(0, 1.01)]), "basal rate of 1.01 U/h"),
    ],
)
def test_what_a_pump_cannot_be_told_exactly_is_refused_before_any_byte(command: Command, words: str) -> None:
    with pump_in("723 awake") as pump:
        pump.wake()
        with pytest.raises(ScenarioError, match=words):
            command(pump)


def test_steps_are_those_of_the_pumps_family() -> None:
    with pump_in("522 awake") as pump:
        pump.wake()
        with pytest.raises(ScenarioError, match=r"multiple of 0\.1 U"):
            pump.bolus(1.75)


def test_every_error_is_one_line() -> None:
    with pump_in("out of range") as pump:
        with pytest.raises(RigError) as caught:
            pump.status()
        assert "\n" not in str(caught.value)
