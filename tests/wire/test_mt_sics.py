"""MT-SICS lines, taken whole or not at all."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.errors import MalformedReply
from rig.wire import mt_sics
from rig.wire.mt_sics import BalanceRefused, Condition, Weight
from tests.transcripts.notation import expand, load

TRANSCRIPT = load("mt_sics.toml")
WEIGHTS = TRANSCRIPT["weight"]


def line_of(text: str) -> bytes:
    return text.encode("latin-1") + b"\r\n"


def weight_of(entry: dict[str, Any]) -> Weight:
    return Weight(entry["mass_mg"], entry["resolution_mg"], entry["stable"], entry["shown"])


@pytest.mark.parametrize("entry", WEIGHTS, ids=lambda entry: entry["what"])
def test_every_published_weight_is_read(entry: dict[str, Any]) -> None:
    assert expand(entry["hex"]) == line_of(entry["text"])
    assert mt_sics.parse_weight(line_of(entry["text"])) == weight_of(entry)


@pytest.mark.parametrize("entry", WEIGHTS, ids=lambda entry: entry["what"])
def test_a_weight_is_taken_byte_by_byte(entry: dict[str, Any]) -> None:
    inbox = bytearray()
    *head, last = expand(entry["hex"])
    for byte in head:
        inbox.append(byte)
        assert mt_sics.take_weight(inbox) is None
    inbox.append(last)
    assert mt_sics.take_weight(inbox) == weight_of(entry)
    assert not inbox


@pytest.mark.parametrize("entry", WEIGHTS, ids=lambda entry: entry["what"])
def test_what_follows_a_weight_stays_in_the_inbox(entry: dict[str, Any]) -> None:
    inbox = bytearray(expand(entry["hex"]) + b"S S   ")
    assert mt_sics.take_weight(inbox) == weight_of(entry)
    assert inbox == b"S S   "


@pytest.mark.parametrize("entry", TRANSCRIPT["no_weight"], ids=lambda entry: entry["text"])
def test_lines_without_a_weight_are_told_apart(entry: dict[str, str]) -> None:
    with pytest.raises(BalanceRefused) as caught:
        mt_sics.parse_weight(line_of(entry["text"]))
    assert caught.value.condition is Condition[entry["condition"]]
    assert "\n" not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("text", TRANSCRIPT["malformed"]["texts"])
def test_a_line_that_breaks_the_layout_is_an_error_and_never_a_number(text: str) -> None:
    with pytest.raises(MalformedReply) as caught:
        mt_sics.parse_weight(line_of(text))
    assert caught.value.received == line_of(text)


@pytest.mark.parametrize(
    "line", [b"S S    12.3456 g\n", b"S S    12.3456 g\r", b"S S    12.3456 g", b"S S    12.3456 g\n\r"]
)
def test_a_weight_without_its_line_end_is_no_weight(line: bytes) -> None:
    with pytest.raises(MalformedReply):
        mt_sics.parse_weight(line)


def test_a_wrong_unit_is_named_together_with_what_to_set() -> None:
    with pytest.raises(BalanceRefused, match=r"'kg'.*expected g or mg.*M21 0 0"):
        mt_sics.parse_weight(line_of("S S     0.0123 kg"))


def test_top_bits_that_are_set_hint_at_the_parity() -> None:
    with pytest.raises(MalformedReply, match="parity"):
        mt_sics.parse_weight(bytes(byte | 0x80 for byte in b"S S    12.3456 g") + b"\r\n")


def test_negative_zero_is_zero_and_keeps_its_text() -> None:
    weight = mt_sics.parse_weight(line_of("S S    -0.0000 g"))
    assert str(weight.mass_mg) == "0.0"
    assert weight.text == "-0.0000 g"


def test_pressed_keys_are_passed_over() -> None:
    inbox = bytearray(b"K C 3\r\nK A 1\r\nS S    12.3456 g\r\n")
    assert mt_sics.take_weight(inbox) == Weight(12345.6, 0.1, stable=True, text="12.3456 g")


@pytest.mark.parametrize("entry", TRANSCRIPT["text"], ids=lambda entry: entry["line"])
def test_quoted_texts_are_read(entry: dict[str, str]) -> None:
    assert mt_sics.parse_text(line_of(entry["line"]), entry["command"]) == entry["value"].replace('\\"', '"')


@pytest.mark.parametrize("entry", TRANSCRIPT["tare"], ids=lambda entry: entry["line"])
def test_the_tare_memory_is_read(entry: dict[str, Any]) -> None:
    assert expand(entry["hex"]) == line_of(entry["line"])
    assert mt_sics.parse_tare(line_of(entry["line"])) == entry["tare_mg"]


@pytest.mark.parametrize("text", ["TA A", "TA A 12", "TA A     5.0000", 'TA A "5.0 g"'])
def test_a_tare_without_value_or_unit_is_refused(text: str) -> None:
    with pytest.raises(MalformedReply):
        mt_sics.parse_tare(line_of(text))


def test_a_tare_in_another_unit_is_refused() -> None:
    with pytest.raises(BalanceRefused, match="'kg'"):
        mt_sics.parse_tare(line_of("TA A     5.0000 kg"))


def test_the_reply_to_another_command_is_refused() -> None:
    with pytest.raises(MalformedReply, match="a reply to M03, not to M02"):
        mt_sics.parse_reply(line_of("M02 A 2"), "M03")


def test_a_restart_is_recognised_between_replies() -> None:
    with pytest.raises(BalanceRefused) as caught:
        mt_sics.parse_reply(line_of('I4 A "B123"'), "M03")
    assert caught.value.condition is Condition.RESTARTED


@pytest.mark.parametrize(("text", "condition"), [("M03 I", "BUSY"), ("M03 L", "PARAMETER"), ("ES", "SYNTAX")])
def test_refused_settings_are_told_apart(text: str, condition: str) -> None:
    with pytest.raises(BalanceRefused) as caught:
        mt_sics.parse_reply(line_of(text), "M03")
    assert caught.value.condition is Condition[condition]


def test_endless_bytes_without_a_line_end_are_refused() -> None:
    with pytest.raises(MalformedReply):
        mt_sics.take_line(bytearray(b"U" * 300))


def test_a_line_longer_than_any_is_refused_even_with_its_end_and_taken_away() -> None:
    inbox = bytearray(b"S S   Error " + b"1" * 5000 + b"b\r\nS S    12.3456 g\r\n")
    with pytest.raises(MalformedReply, match="256 characters"):
        mt_sics.take_weight(inbox)
    assert mt_sics.take_weight(inbox) == mt_sics.parse_weight(line_of("S S    12.3456 g"))


def test_a_tare_of_two_hundred_digits_is_refused() -> None:
    with pytest.raises(MalformedReply):
        mt_sics.parse_tare(line_of(f"TA A {'9' * 200} g"))


@given(st.decimals(min_value=-9999, max_value=99999, places=4), st.booleans(), st.sampled_from(["g", "mg"]))
def test_every_weight_that_fits_the_field_reads_back_exactly(value: Decimal, stable: bool, unit: str) -> None:
    text = f"{value:10.4f}"
    weight = mt_sics.parse_weight(line_of(f"S {'S' if stable else 'D'} {text} {unit}"))
    scale = 1000 if unit == "g" else 1
    assert weight.mass_mg == float(value * scale)
    assert weight.stable is stable
    assert weight.resolution_mg == pytest.approx(0.0001 * scale)


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_weight_decoder(noise: bytes) -> None:
    inbox = bytearray(noise)
    with suppress(BalanceRefused, MalformedReply):
        while mt_sics.take_weight(inbox) is not None:
            pass


@given(st.binary(max_size=40), st.sampled_from(["I0", "I2", "M03", "TA"]))
def test_no_line_crashes_the_reply_decoders(noise: bytes, command: str) -> None:
    for parse in (lambda: mt_sics.parse_text(noise + b"\r\n", command), lambda: mt_sics.parse_tare(noise + b"\r\n")):
        with suppress(BalanceRefused, MalformedReply):
            parse()


@given(st.from_regex(r"S [SD] [ 0-9.\-]{10} (g|mg|kg)", fullmatch=True).filter(lambda text: text.isascii()))
def test_a_line_that_nearly_fits_is_read_exactly_or_refused(text: str) -> None:
    try:
        weight = mt_sics.parse_weight(line_of(text))
    except (BalanceRefused, MalformedReply):
        return
    shown, unit = text[4:14], text[15:]
    assert weight.mass_mg == float(Decimal(shown.strip()) * (1000 if unit == "g" else 1))
