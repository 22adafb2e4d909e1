"""Answers and numbers of a Harvard pump, taken whole or not at all."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.errors import MalformedReply, UsageError
from rig.wire import harvard
from rig.wire.harvard import Answer, Prompt, Refusal
from tests.transcripts.notation import expand, load

TRANSCRIPT = load("harvard.toml")
XON = b"\x11"


def answer_of(entry: dict[str, Any]) -> Answer:
    return Answer(tuple(entry["lines"]), Prompt(entry["prompt"]), entry.get("leaked", False))


@pytest.mark.parametrize("entry", TRANSCRIPT["request"], ids=lambda entry: entry["what"])
def test_every_published_request_is_built_to_the_byte(entry: dict[str, Any]) -> None:
    built = harvard.request(entry["text"], entry["address"], colon=entry.get("colon", False))
    assert built == expand(entry["bytes"])


@pytest.mark.parametrize("entry", TRANSCRIPT["answer"], ids=lambda entry: entry["what"])
def test_every_published_answer_is_read(entry: dict[str, Any]) -> None:
    assert harvard.parse_answer(expand(entry["bytes"]), entry["address"]) == answer_of(entry)


@pytest.mark.parametrize("entry", TRANSCRIPT["answer"], ids=lambda entry: entry["what"])
def test_an_answer_with_its_xon_is_taken_byte_by_byte(entry: dict[str, Any]) -> None:
    inbox = bytearray()
    for byte in expand(entry["bytes"]):
        inbox.append(byte)
        assert harvard.take_answer(inbox, entry["address"]) is None
    inbox += XON + b"\n"
    assert harvard.take_answer(inbox, entry["address"]) == answer_of(entry)
    assert inbox == b"\n"


@pytest.mark.parametrize("text", TRANSCRIPT["malformed"]["texts"])
def test_what_breaks_the_layout_is_an_error_and_never_a_state(text: str) -> None:
    with pytest.raises(MalformedReply) as caught:
        harvard.parse_answer(text.encode("latin-1"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"\n:", b"\n13:", b"\n12", b"\n12:5 ul\r\n13:", b"\n5 ul\r\n12:", b"\n012:"])
def test_an_answer_of_another_pump_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedReply, match="pump 12"):
        harvard.parse_answer(data, 12)


def test_an_echo_is_named_together_with_what_to_do() -> None:
    with pytest.raises(MalformedReply, match="echo off"):
        harvard.parse_answer(b"irate\r\n5 ul/min\r\n:")


def test_what_is_unreadable_is_taken_away_with_its_xon() -> None:
    inbox = bytearray(b"\xff\xff:" + XON + b"\n:" + XON)
    with pytest.raises(MalformedReply):
        harvard.take_answer(inbox)
    assert harvard.take_answer(inbox) == Answer((), Prompt.IDLE)


def test_endless_bytes_without_an_xon_are_refused() -> None:
    inbox = bytearray(b"U" * 5000)
    with pytest.raises(MalformedReply, match="XON"):
        harvard.take_answer(inbox)
    assert not inbox


def test_an_answer_longer_than_any_is_refused_even_with_its_xon_and_taken_away() -> None:
    inbox = bytearray(b"\n" + b"U" * 5000 + b"\r\n:" + XON + b"\n:" + XON)
    with pytest.raises(MalformedReply):
        harvard.take_answer(inbox)
    assert harvard.take_answer(inbox) == Answer((), Prompt.IDLE)


@pytest.mark.parametrize("digits", [30, 400, 4000])
def test_an_amount_of_endless_digits_is_refused_and_never_infinite(digits: int) -> None:
    nines = "9" * digits
    for parse, text in (
        (harvard.parse_volume, f"{nines} ml"),
        (harvard.parse_rate, f"{nines} ml/min"),
        (harvard.parse_diameter, f"{nines} mm"),
        (harvard.parse_status, f"{nines} 0 0 i...I."),
        (harvard.parse_status, f"0 0 {nines} i...I."),
    ):
        with pytest.raises(MalformedReply):
            parse(text)


@pytest.mark.parametrize("entry", TRANSCRIPT["refusal"], ids=lambda entry: entry["kind"])
def test_errors_are_told_apart(entry: dict[str, Any]) -> None:
    refusal = harvard.refusal_of(Answer(tuple(entry["lines"]), Prompt.IDLE))
    assert refusal == Refusal(entry["kind"], entry.get("argument", ""), entry["message"])


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("5 ul/min",),
        ("Command error:",),
        ("Command error:", "Unknown command"),
        ("a", "   b"),
        ("Argument error: 5", "   x", "   y"),
    ],
)
def test_what_is_no_error_is_not_taken_for_one(lines: tuple[str, ...]) -> None:
    assert harvard.refusal_of(Answer(lines, Prompt.IDLE)) is None


@pytest.mark.parametrize("entry", TRANSCRIPT["rate"], ids=lambda entry: entry["text"])
def test_rates_are_read_in_every_unit(entry: dict[str, Any]) -> None:
    assert harvard.parse_rate(entry["text"]) == (entry["rate_ul_per_h"], entry["step_ul_per_h"], entry["text"])


@pytest.mark.parametrize("text", TRANSCRIPT["no_rate"]["texts"])
def test_a_rate_without_number_or_unit_is_refused(text: str) -> None:
    with pytest.raises(MalformedReply, match="irate"):
        harvard.parse_rate(text)


@pytest.mark.parametrize("entry", TRANSCRIPT["volume"], ids=lambda entry: entry["text"])
def test_volumes_are_read_in_every_unit(entry: dict[str, Any]) -> None:
    assert harvard.parse_volume(entry["text"]) == (entry["volume_ul"], entry["step_ul"], entry["text"])


@pytest.mark.parametrize("text", TRANSCRIPT["no_volume"]["texts"])
def test_a_volume_without_number_or_unit_is_refused(text: str) -> None:
    with pytest.raises(MalformedReply):
        harvard.parse_volume(text)


def test_the_diameter_is_read() -> None:
    entry = TRANSCRIPT["diameter"]
    assert harvard.parse_diameter(entry["text"]) == (entry["diameter_mm"], 0.0001, entry["text"])
    for text in ("14.4270", "14.4270mm", "14.4270 in", "mm"):
        with pytest.raises(MalformedReply):
            harvard.parse_diameter(text)


def test_the_limits_are_read() -> None:
    entry = TRANSCRIPT["limits"]
    lowest, highest = harvard.parse_limits(entry["text"])
    assert (lowest.value, highest.value) == (entry["lowest_ul_per_h"], entry["highest_ul_per_h"])
    for text in ("17.29 nl/min", "17.29 nl/min to", "17.29 nl/min - 17.95 ml/min", "17.29 to 17.95 ml/min"):
        with pytest.raises(MalformedReply):
            harvard.parse_limits(text)


def test_the_rate_of_a_moving_pump_is_read() -> None:
    entry = TRANSCRIPT["moving_rate"]
    assert harvard.parse_moving(entry["text"]).value == entry["rate_ul_per_h"]
    for text in ("5 ul/min", "Infusing", "infusing at 5 ul/min"):
        with pytest.raises(MalformedReply):
            harvard.parse_moving(text)


@pytest.mark.parametrize("entry", TRANSCRIPT["version"], ids=lambda entry: entry["text"])
def test_model_and_firmware_are_read(entry: dict[str, Any]) -> None:
    assert harvard.parse_version(entry["text"]) == (entry["model"], entry["firmware"])


@pytest.mark.parametrize("text", ["", "3.0.4", " 3.0.4", "11 Elite", "11 Elite 3", "11 Elite 3.0.4 x"])
def test_a_version_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(MalformedReply):
        harvard.parse_version(text)


@pytest.mark.parametrize("entry", TRANSCRIPT["status"], ids=lambda entry: entry["text"])
def test_a_status_line_is_read(entry: dict[str, Any]) -> None:
    line = harvard.parse_status(entry["text"])
    assert (line.rate_ul_per_h, line.volume_ul) == (entry["rate_ul_per_h"], entry["volume_ul"])
    assert (line.stalled, line.target_reached) == (entry["stalled"], entry["target_reached"])


@pytest.mark.parametrize("text", TRANSCRIPT["no_status"]["texts"])
def test_a_status_line_that_breaks_its_layout_is_refused(text: str) -> None:
    with pytest.raises(MalformedReply, match="status"):
        harvard.parse_status(text)


@pytest.mark.parametrize(
    ("rate_ul_per_h", "written"),
    [(500.0, "500 u/h"), (300, "300 u/h"), (499.98, "499.98 u/h"), (1_077_000.0, "17950 u/m"), (0.00006, "0.06 n/h")],
)
def test_a_rate_is_written_in_the_first_unit_that_holds_it(rate_ul_per_h: float, written: str) -> None:
    assert harvard.rate(rate_ul_per_h) == written


@pytest.mark.parametrize("rate_ul_per_h", [500.123456, 1e15, 0.0, -5.0, float("nan"), float("inf")])
def test_a_rate_that_six_digits_do_not_hold_is_refused(rate_ul_per_h: float) -> None:
    with pytest.raises(UsageError, match="cannot be set"):
        harvard.rate(rate_ul_per_h)


def test_diameters_and_volumes_are_written_without_needless_zeros() -> None:
    assert harvard.diameter(14.427) == "14.427"
    assert harvard.diameter(20.0) == "20"
    assert harvard.volume(250.0) == "250 u"
    assert harvard.volume(0.25) == "0.25 u"
    with pytest.raises(UsageError, match=r"14\.427"):
        harvard.diameter(14.42701)


@pytest.mark.parametrize("address", [-1, 100])
def test_there_are_a_hundred_addresses(address: int) -> None:
    assert harvard.check_address(0) == 0
    with pytest.raises(UsageError):
        harvard.check_address(address)


@given(st.floats(1e-6, 1e10))
def test_what_is_written_is_what_was_wanted_or_is_refused(rate_ul_per_h: float) -> None:
    try:
        number, unit = harvard.rate(rate_ul_per_h).split(" ")
    except UsageError:
        return
    assert float(number) * float(harvard.RATE_UNITS[unit]) == pytest.approx(rate_ul_per_h, rel=1e-8)


lines = st.lists(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=12), max_size=4)


@given(lines, st.sampled_from(Prompt), st.integers(0, 99))
def test_every_answer_of_the_right_pump_reads_back_exactly(texts: list[str], prompt: Prompt, address: int) -> None:
    head = f"{address:02d}" if address else ""
    told = "".join(f"\n{head}{':' if head else ''}{text}\r" for text in texts) + f"\n{head}{prompt.value}"
    assert harvard.parse_answer(told.encode(), address) == Answer(tuple(texts), prompt)


@given(st.lists(st.one_of(st.binary(max_size=20), st.sampled_from([b"\n", b":", XON, b"T*", b"\r", b"12:"]))))
def test_no_bytes_crash_the_decoder_or_keep_it_for_ever(pieces: list[bytes]) -> None:
    inbox = bytearray(b"".join(pieces))
    for address in (0, 12):
        left = bytearray(inbox)
        for _ in range(len(inbox) + 1):
            before = len(left)
            with suppress(MalformedReply):
                if harvard.take_answer(left, address) is None:
                    break
            assert len(left) < before


@given(st.text(max_size=20))
def test_no_text_crashes_the_number_decoders(text: str) -> None:
    for parse in (
        harvard.parse_diameter,
        harvard.parse_rate,
        harvard.parse_limits,
        harvard.parse_moving,
        harvard.parse_volume,
        harvard.parse_status,
        harvard.parse_version,
    ):
        with suppress(MalformedReply):
            parse(text)
