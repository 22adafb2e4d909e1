"""Lines of balances other than MT-SICS: taken whole or not at all, by the published bytes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.errors import MalformedReply
from rig.wire.balances import a_and_d, kern, ohaus, radwag, sbi
from rig.wire.weights import BalanceRefused, Condition, UnitMemory, Weight, line_hint
from tests.transcripts.balance_notation import lines

Parse = Callable[[bytes], Weight]


def knows_grams(number: bytes) -> UnitMemory:
    """Return the memory of a balance that showed grams with as many decimals as ``number`` has."""
    units = UnitMemory()
    units.stable(b"0." + b"0" * len(number.partition(b".")[2].strip()), b"g", b"")
    return units


def parser(protocol: str) -> Parse:
    if protocol == "sbi":
        return lambda line: sbi.parse_weight(line, knows_grams(line[-16:-5]))
    if protocol == "kern":
        return lambda line: kern.parse_weight(line, knows_grams(line[:12]))
    return {"and": a_and_d.parse_weight, "ohaus": ohaus.parse_weight, "radwag": radwag.parse_weight}[protocol]


PROTOCOLS = ("sbi", "and", "ohaus", "kern", "radwag")
STRICTER = {  # what a driver here refuses though it may be a weight, and why
    ("kern", "marked M"): "nobody has said what M means",
    ("sbi", "22 characters, gross"): "a run weighs net",
    ("sbi", "22 characters, tare"): "a run weighs net",
    ("radwag", "negative and unstable, in the current unit"): "only the base unit is asked for",
    ("radwag", "milligrams"): "only the base unit is asked for",
}
SAID_OTHERWISE = {("kern", "FAULT"): Condition.RANGE}  # its fault line does not tell an overload from a fault


def entries(kind: str) -> list[tuple[str, dict[str, Any]]]:
    return [(protocol, entry) for protocol in PROTOCOLS for entry in lines(protocol)[kind]]


def line_of(text: str) -> bytes:
    return text.encode("latin-1") + b"\r\n"


def named(case: object) -> str:
    return f"{case[0]}: {case[1]['what']}" if isinstance(case, tuple) else str(case)


@pytest.mark.parametrize("case", entries("weight"), ids=named)
def test_every_published_weight_is_read_or_refused_for_a_reason(case: tuple[str, dict[str, Any]]) -> None:
    protocol, entry = case
    parse, line = parser(protocol), line_of(entry["text"])
    if (protocol, entry["what"]) in STRICTER:
        with pytest.raises((BalanceRefused, MalformedReply)):
            parse(line)
        return
    found = parse(line)
    assert found[:3] == (entry["mass_mg"], entry["resolution_mg"], entry["stable"])
    assert found.text.split()[-1].strip("[]") in {"g", "mg"}


@pytest.mark.parametrize("case", entries("no_weight"), ids=named)
def test_lines_without_a_weight_are_told_apart(case: tuple[str, dict[str, Any]]) -> None:
    protocol, entry = case
    wanted = SAID_OTHERWISE.get((protocol, entry["condition"])) or Condition[entry["condition"]]
    with pytest.raises(BalanceRefused) as caught:
        parser(protocol)(line_of(entry["text"]))
    assert caught.value.condition is wanted
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_lines_that_only_look_like_a_weight_are_refused(protocol: str) -> None:
    parse = parser(protocol)
    for text in lines(protocol)["malformed"]["texts"]:
        with pytest.raises((BalanceRefused, MalformedReply)) as caught:
            parse(line_of(text))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_weight_of_another_make_is_refused(protocol: str) -> None:
    parse = parser(protocol)
    others = [entry for name, entry in entries("weight") if name != protocol]
    for entry in [*others, *lines("mt-sics")["weight"]]:
        if protocol == "ohaus" and entry["text"].startswith(" "):
            continue  # words at any width: a stable line of SBI or KERN without a sign is one of Ohaus, too
        with pytest.raises((BalanceRefused, MalformedReply)):
            parse(line_of(entry["text"]))


@pytest.mark.parametrize("case", entries("weight"), ids=named)
@pytest.mark.parametrize("bit", [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80])
def test_one_wrong_bit_is_an_error_or_another_digit_or_letter_but_no_other_shape(
    case: tuple[str, dict[str, Any]], bit: int
) -> None:
    """A parity bit is there to see these; here no flip may move the point, the sign's place or the unit's worth."""
    protocol, entry = case
    parse, line = parser(protocol), line_of(entry["text"])
    for at in range(len(line)):
        damaged = line[:at] + bytes([line[at] ^ bit]) + line[at + 1 :]
        with suppress(BalanceRefused, MalformedReply):
            found = parse(damaged)
            if protocol != "ohaus":  # words at any width: the flip of a last 0 makes it a blank
                assert found.resolution_mg == entry["resolution_mg"]
            assert abs(abs(found.mass_mg) - abs(entry["mass_mg"])) < 10 ** len(entry["text"]) * found.resolution_mg


@given(st.binary(max_size=40))
def test_noise_is_never_a_crash(noise: bytes) -> None:
    for protocol in PROTOCOLS:
        with suppress(BalanceRefused, MalformedReply):
            parser(protocol)(noise + b"\r\n")


@given(st.integers(-99_999_999, 99_999_999), st.integers(0, 4))
def test_every_weight_that_fits_is_read_exactly(counts: int, decimals: int) -> None:
    value = Decimal(counts).scaleb(-decimals)
    digits = f"{abs(value):.{decimals}f}"
    if len(digits) > 8:
        return
    sign = "-" if counts < 0 else " "
    made = {
        "sbi": f"{sign} {digits:>8} g  ",
        "kern": f" {sign}{digits:>10} g  ",
        "and": f"ST,{'-' if counts < 0 else '+'}{digits:0>8}  g",
        "ohaus": f"{('-' if counts < 0 else '') + digits:>10} g",
        "radwag": f"SI   {sign}{digits:>9} g  ",
    }
    for protocol, text in made.items():
        found = parser(protocol)(line_of(text))
        assert Decimal(repr(found.mass_mg)) == value * 1000, protocol
        assert found.stable


def test_a_line_without_a_unit_is_refused_until_one_has_told_it() -> None:
    units = UnitMemory()
    with pytest.raises(BalanceRefused, match="no line has told a unit") as caught:
        sbi.parse_weight(b"+  12.3456    \r\n", units)
    assert caught.value.condition is Condition.UNIT
    sbi.parse_weight(b"+  12.3456 g  \r\n", units)
    moving = sbi.parse_weight(b"+  12.3457    \r\n", units)
    assert (moving.mass_mg, moving.stable, moving.text) == (12345.7, False, "+  12.3457 [g]")


def test_a_unit_changed_while_the_load_moves_is_refused_and_not_read_as_grams() -> None:
    units = UnitMemory()
    sbi.parse_weight(b"+  12.3456 g  \r\n", units)
    with pytest.raises(BalanceRefused, match="other decimals") as caught:
        sbi.parse_weight(b"+  12345.7    \r\n", units)  # milligrams, and nothing says so
    assert caught.value.condition is Condition.UNIT


def test_of_a_block_the_net_line_is_the_answer() -> None:
    inbox = bytearray(b"G#    +  39.6497 g  \r\nT     +  27.3041 g  \r\nN     +  12.3456 g  \r\nG#    +  1")
    found = sbi.take_weight(inbox, UnitMemory())
    assert found is not None
    assert found.mass_mg == 12345.6
    assert bytes(inbox) == b"G#    +  1"


@pytest.mark.parametrize("acknowledged", [b"\x06", b"\x06\r\n", b"\x06\x06", b"\x06\r\n\x06\r\n"])
def test_an_acknowledgement_in_front_of_a_weight_is_passed_over(acknowledged: bytes) -> None:
    inbox = bytearray()
    for byte in acknowledged + b"ST,+012.3456  g\r":
        inbox.append(byte)
        assert a_and_d.take_weight(inbox) is None
    inbox += b"\n"
    found = a_and_d.take_weight(inbox)
    assert found is not None
    assert found.mass_mg == 12345.6


@pytest.mark.parametrize(
    ("line", "condition"),
    [
        (b"Stat High\r\n", Condition.OVERLOAD),
        (b"H\r\n", Condition.OVERLOAD),
        (b"Stat Cal. Ext.\r\n", Condition.BUSY),
        (b"APP. ERR\r\n", Condition.FAULT),
        (b"Stat ERR 101\r\n", Condition.FAULT),
    ],
)
def test_states_that_other_firmware_of_sartorius_writes_shorter_are_told_alike(
    line: bytes, condition: Condition
) -> None:
    with pytest.raises(BalanceRefused) as caught:
        sbi.parse_weight(line, UnitMemory())
    assert caught.value.condition is condition


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"SerNo.    0031801165\r\n", "0031801165"),
        (b"BAC:        00-39-21\r\n", "00-39-21"),
        (b"WZA8202-N\r\n", "WZA8202-N"),
    ],
)
def test_labels_in_front_of_an_identity_are_left_out(line: bytes, text: str) -> None:
    assert sbi.parse_text(line) == text


def test_that_a_command_was_accepted_is_no_weight() -> None:
    inbox = bytearray(b"S A\r\n")
    assert radwag.take_weight(inbox) is None
    inbox += b"S    -      8.5 g  \r\n"
    found = radwag.take_weight(inbox)
    assert found is not None
    assert found.mass_mg == -8500.0


def test_a_wrong_parity_and_a_wrong_baud_rate_have_their_hints() -> None:
    line = b"ST,+012.3456  g\r\n"
    even = bytes(byte | (byte.bit_count() % 2) << 7 for byte in line)
    assert "parity" in line_hint(even)
    assert "baud" in line_hint(b"\x00\xf8\x80\x1e\xe6\xfe\x00")
    assert line_hint(line) == ""


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b"WT   +123.45  g\r\n", "DP"),
        (b"+  123.45  g\r\n", "KF"),
        (b"S   123.45 g\r\n", "MT"),
        (b"+012345678\r\n", "NU"),
        (b"ST,+00123.45,  g\r\n", "CSV"),
    ],
)
def test_other_output_formats_of_a_and_d_are_named_with_what_to_set(line: bytes, name: str) -> None:
    with pytest.raises(BalanceRefused, match=f"format {name}") as caught:
        a_and_d.parse_weight(line)
    assert caught.value.condition is Condition.FORMAT
    assert "type 0" in str(caught.value)
