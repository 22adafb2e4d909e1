"""Headers, messages and parameters, and what no message can break."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.sim.instruments import scpi
from rig.sim.instruments.models import METERS, SUPPLIES
from tests.sim.instruments.kit import Desk

MODELS = [*SUPPLIES, *METERS]
LEVEL = "[:SOURce]:VOLTage[:LEVel][:IMMediate][:AMPLitude]"


@pytest.mark.parametrize(
    "header", [":VOLT", ":VOLTAGE", ":SOUR:VOLT", ":SOURCE:VOLTAGE:LEVEL:IMMEDIATE:AMPLITUDE", ":VOLT:AMPL"]
)
def test_a_header_is_known_in_short_and_long_form_with_and_without_what_may_be_left_out(header: str) -> None:
    assert scpi.compiled(LEVEL).fullmatch(header)


@pytest.mark.parametrize("header", [":VOL", ":VOLTA", ":VOLTAGES", ":LEV", ":SOUR", "VOLT", ":SOURC:VOLT"])
def test_a_header_in_between_is_unknown(header: str) -> None:
    assert scpi.compiled(LEVEL).fullmatch(header) is None


def test_a_number_behind_a_mnemonic_is_read() -> None:
    match = scpi.compiled("[:CH<n>]:VOLTage").fullmatch(":CH2:VOLT")
    assert match is not None
    assert match.groups() == ("2",)


def test_joined_commands_go_on_from_the_path_of_the_one_before() -> None:
    found = scpi.units("VOLT:PROT 1.8,(@1);PROT? (@1);:OUTP? (@1,2);*OPC?;STAT ON")
    assert [(unit.header, unit.is_query) for unit in found] == [
        (":VOLT:PROT", False),
        (":VOLT:PROT", True),
        (":OUTP", True),
        ("*OPC", True),
        (":STAT", False),
    ]
    assert found[0].parameters == ("1.8", "(@1)")
    assert found[2].parameters == ("(@1,2)",)


def test_separators_inside_quotes_and_parentheses_separate_nothing() -> None:
    assert scpi.units('FUNC "VOLT;X,Y"')[0].parameters == ('"VOLT;X,Y"',)


@pytest.mark.parametrize(
    ("text", "value"), [("1.5", 1.5), ("+1.5E-1", 0.15), ("500 mV", 0.5), ("20mA", 0.02), (".5", 0.5), ("MIN", -1.0)]
)
def test_a_number_is_read_with_its_unit_or_by_its_word(text: str, value: float) -> None:
    assert scpi.number(text, {"MINimum": -1.0}) == pytest.approx(value)


@pytest.mark.parametrize(("text", "code"), [("one", -104), ("1 kg", -131), ("", -104), ("1e", -131), ("nan", -104)])
def test_what_is_no_number_is_an_error(text: str, code: int) -> None:
    with pytest.raises(scpi.ScpiError) as raised:
        scpi.number(text)
    assert raised.value.code == code


@pytest.mark.parametrize("text", ["(@0)", "(@4)", "(@)", "(1)", "(@1:)", "(@3:1)", "(@1:9)"])
def test_a_channel_there_is_none_of_is_an_error(text: str) -> None:
    if text == "(@1:)":
        assert scpi.channel_list(text, 3) == (1,)
        return
    with pytest.raises(scpi.ScpiError):
        scpi.channel_list(text, 3)


@pytest.mark.parametrize("model", MODELS)
@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=30),
            st.sampled_from(
                [b"VOLT", b"MEAS:CURR? ", b"OUTP ", b"READ?", b"(@1", b"CH1,", b";", b"\n", b"#", b"R? -1\n"]
            ),
        ),
        max_size=12,
    )
)
def test_no_bytes_bring_an_instrument_down(model: str, pieces: list[bytes]) -> None:
    desk = Desk(model)
    desk.say(b"".join(pieces), 0.1)
    desk.say(b"\n*CLS\n", 3.0)
    desk.links.pause(0.1)
    assert b"," in desk.say(b"*IDN?\n", 0.1)


def test_errors_come_out_first_in_first_out_and_the_last_of_too_many_is_an_overflow() -> None:
    desk = Desk("scpi")
    desk.say(b"VOLT 99\n")
    for _ in range(30):
        desk.say(b"NONSENSE\n")
    errors = [desk.ask("SYST:ERR?") for _ in range(22)]
    assert errors[0] == '-222,"Data out of range"'
    assert errors[1:19] == ['-113,"Undefined header"'] * 18
    assert errors[19:] == ['-350,"Queue overflow"', '0,"No error"', '0,"No error"']


def test_a_question_that_brings_no_answer_is_unterminated_when_it_is_read() -> None:
    desk = Desk("scpi")
    assert desk.say(b"FOO?\n", 1.0) == b""
    assert [desk.ask("SYST:ERR?") for _ in range(3)] == [
        '-113,"Undefined header"',
        '-420,"Query UNTERMINATED"',
        '0,"No error"',
    ]
    assert desk.ask("*ESR?") == str(128 + 32 + 4)


def test_after_a_command_error_the_rest_of_a_message_is_not_done_and_after_an_execution_error_it_is() -> None:
    desk = Desk("scpi")
    desk.say(b"NONSENSE;:VOLT 1\n")
    assert desk.ask("VOLT?") == "0.0000"
    desk.say(b"VOLT 99;:CURR 1\n")
    assert desk.ask("CURR?") == "1.0000"


def test_the_status_byte_sums_up_queue_and_events() -> None:
    desk = Desk("scpi")
    desk.say(b"*ESR?\n")
    desk.say(b"*ESE 32;*SRE 36\n")
    assert desk.ask("*STB?;*ESE?;*SRE?") == "0;32;36"
    desk.say(b"NONSENSE\n")
    assert desk.ask("*STB?") == str(64 + 32 + 4)


def test_two_clients_share_the_settings_and_each_hears_its_own_answers() -> None:
    desk = Desk("e36312a")
    second = desk.another()
    desk.link.write(b"VOLT 1.5,(@1);VOLT? (@1)\n")
    second.write(b"VOLT? (@1);*IDN?\n")
    desk.links.pause(0.05)
    assert desk.link.discard_input() == b"+1.50000000E+00\n"
    assert second.discard_input().startswith(b"+1.50000000E+00;Keysight")
