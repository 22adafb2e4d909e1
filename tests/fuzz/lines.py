"""Checks of what reads lines: MT-SICS balances, New Era and Harvard syringe pumps."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from rig.errors import InstrumentError, MalformedReply
from rig.wire import harvard, mt_sics, new_era
from rig.wire.shown import Shown
from tests.fuzz.independent import accepted, check_words, xmodem

BOTH = (MalformedReply, InstrumentError)
DIGITS = frozenset("0123456789.")
LONG_LINE = 12
SICS_COMMANDS = ("S", "TA", "I2", "I4", "M02", "I0")


def sics(data: bytes) -> None:
    """MT-SICS: a weight is what the ten characters in front of its unit say; every line is taken once, in order."""
    inbox, taken = bytearray(data), 0
    while (line := accepted(mt_sics.take_line, inbox, refuses=MalformedReply)) is not None:
        assert line.endswith(b"\n")
        assert line == data[taken : taken + len(line)]
        assert len(line) <= 256
        taken += len(line)
        if taken == len(line) or len(line) > LONG_LINE:  # not each of the many empty ones
            _sics_line(line)
    assert b"\n" not in inbox or data.find(b"\n", taken) >= taken + 256
    inbox, before = bytearray(data), -1
    while len(inbox) != before:
        before = len(inbox)
        weight = accepted(mt_sics.take_weight, inbox, refuses=BOTH)
        assert weight is None or len(inbox) < before


def sics_weights(data: bytes) -> None:
    """MT-SICS, weights alone: the line as it stands, with an end, and with a head and an end put to it."""
    for line in (data, data + b"\r\n", b"S S " + data[:10].rjust(10) + b" " + data[10:14] + b"\r\n"):
        weight = accepted(mt_sics.parse_weight, line, refuses=BOTH)
        if weight is not None:
            _weight(line, weight)


def _sics_line(line: bytes) -> None:
    weight = accepted(mt_sics.parse_weight, line, refuses=BOTH)
    assert weight is None or mt_sics.is_weight_line(line)
    if weight is not None:
        _weight(line, weight)
    for command in {"S", SICS_COMMANDS[len(line) % len(SICS_COMMANDS)], line[:2].decode("latin-1")}:
        reply = accepted(mt_sics.parse_reply, line, command, refuses=BOTH)
        if reply is not None:
            head = f"{command} {reply.status}"
            assert reply.status in "AB"
            assert line in ((head + end).encode("latin-1") for end in ("\r\n", f" {reply.text}\r\n"))
            assert mt_sics.refusal_of(line, command) is None
        text = accepted(mt_sics.parse_text, line, command, refuses=BOTH)
        if text is not None:
            assert line[-3:] == b'"\r\n'
            assert line.startswith(command.encode() + b" ")
            assert text.replace('"', '\\"').encode("latin-1") in line or '"' in text
    tare = accepted(mt_sics.parse_tare, line, refuses=BOTH)
    if tare is not None:
        unit = line[5:-2].lstrip(b" -0123456789.")
        number = line[5:-2].removesuffix(unit).strip(b" ")
        assert tare == float(Decimal(number.decode()) * {b"g": 1000, b"mg": 1}[unit])
        assert abs(tare) < 1e13


def _weight(line: bytes, weight: mt_sics.Weight) -> None:
    field, unit = line[4:14].decode(), line[15:-2].decode()
    factor = {"g": 1000, "mg": 1}[unit]
    number = field.strip(" ")
    assert line[:4] in (b"S S ", b"S D ")
    assert line[14:15] == b" "
    assert line[-2:] == b"\r\n"
    assert set(number.removeprefix("-")) <= DIGITS
    assert weight.mass_mg == float(Decimal(number) * factor)
    assert weight.resolution_mg == float(Decimal((0, (1,), -len(number.partition(".")[2]))) * factor)
    assert weight.stable == (line[2:3] == b"S")
    assert weight.text == f"{field} {unit}".strip()
    assert abs(weight.mass_mg) < 1e13


def new_era_answers(data: bytes) -> None:
    """New Era: a safe packet with a right CRC, or a basic frame; and what an answer says are its bytes."""
    _frames(data)
    _frames(b"\x02" + data[:40] + b"\x03")
    body = data[:40]
    _frames(b"\x02" + bytes((len(body) + 4,)) + body + xmodem(body).to_bytes(2, "big") + b"\x03")


def _frames(data: bytes) -> None:
    inbox, at = bytearray(data), 0
    while inbox:
        before = len(inbox)
        try:
            answer = new_era.take_answer(inbox)
        except MalformedReply as refusal:
            assert len(inbox) < before, "what is unreadable was not taken away"
            check_words(refusal)
            at = len(data) - len(inbox)
            continue
        if answer is None:
            assert len(inbox) == before <= 256
            return
        assert answer.safe or len(answer.text) <= 40
        frame, at = data[at : len(data) - len(inbox)], len(data) - len(inbox)
        _new_era_answer(frame, answer)


def _new_era_answer(frame: bytes, answer: new_era.Answer) -> None:
    assert frame[:1] == b"\x02"
    assert frame[-1:] == b"\x03"
    if answer.safe:
        assert frame[1] == len(frame) - 1
        assert int.from_bytes(frame[-3:-1], "big") == xmodem(frame[2:-3])
    text = frame[2:-3] if answer.safe else frame[1:-1]
    told = f"A?{answer.alarm.value}" if answer.alarm else ""
    if answer.status is not None:
        told = answer.status.value + (f"?{answer.fault.value}" if answer.fault else answer.data)
    assert f"{answer.address:02d}{told}".encode("ascii") == text == answer.text
    assert (answer.alarm is None) != (answer.status is None)


def new_era_numbers(data: bytes) -> None:
    """Numbers of the New Era pump: exactly what is written, in the unit that is written."""
    text = data.decode("latin-1")
    _number(new_era.parse_diameter, text, {"": 1})
    _number(new_era.parse_rate, text, {"UH": 1, "UM": 60, "MH": 1000, "MM": 60_000})
    _number(new_era.parse_volume, text, {"UL": 1, "ML": 1000})
    both = accepted(new_era.parse_dispensed, text, refuses=MalformedReply)
    if both is not None:
        infused, _, withdrawn = text[1:].partition("W")
        unit = {"UL": 1, "ML": 1000}[text[-2:]]
        assert text[0] == "I"
        assert both.infused_ul.value == float(Decimal(infused) * unit)
        assert both.withdrawn_ul.value == float(Decimal(withdrawn[:-2]) * unit)
    direction = accepted(new_era.parse_direction, text, refuses=MalformedReply)
    assert direction == {"INF": True, "WDR": False}.get(text)
    version = accepted(new_era.parse_version, text, refuses=MalformedReply)
    assert version is None or f"{version.model}V{version.firmware}" == text
    unit_of = accepted(new_era.rate_unit, text, refuses=MalformedReply)
    assert unit_of is None or text.endswith(unit_of)


def harvard_answers(data: bytes) -> None:
    """Harvard: whole answers up to an XON, of the pump that was asked; what they say are their bytes."""
    for address in (0, 12):
        inbox, taken = bytearray(data), 0
        while inbox:
            before = len(inbox)
            try:
                answer = harvard.take_answer(inbox, address)
            except MalformedReply as refusal:
                assert len(inbox) < before, "what is unreadable was not taken away"
                check_words(refusal)
                taken = len(data) - len(inbox)
                continue
            if answer is None:
                assert len(inbox) == before
                assert 0x11 not in inbox
                break
            frame, taken = data[taken : len(data) - len(inbox)], len(data) - len(inbox)
            _harvard_answer(frame, answer, address)


def _harvard_answer(frame: bytes, answer: harvard.Answer, address: int) -> None:
    mine = f"{address:02d}" if address else ""
    head = f"{mine}:" if mine else ""
    lines = "".join(f"\n{head}{line}\r" for line in answer.lines)
    leaked = f"{mine}T*" if answer.leaked else ""
    assert frame == f"{leaked}{lines}\n{mine}{answer.prompt.value}\x11".encode("latin-1")
    refusal = harvard.refusal_of(answer)
    if refusal is not None:
        assert len(answer.lines) == 2
        assert refusal.kind in ("command", "argument")
        assert "error:" in answer.lines[0]
        assert refusal.message in answer.lines[1]


VOLUMES = {"ml": Decimal(1000), "ul": Decimal(1), "nl": Decimal("0.001"), "pl": Decimal("0.000001")}
TIMES = {"hr": 1, "h": 1, "min": 60, "sec": 3600, "s": 3600}
RATES = {f" {volume}/{time}": worth * per for volume, worth in VOLUMES.items() for time, per in TIMES.items()}


def harvard_numbers(data: bytes) -> None:
    """Numbers of the Harvard pump: exactly what is written, in the unit that is written."""
    text = data.decode("latin-1")
    _number(harvard.parse_diameter, text, {" mm": 1})
    _number(harvard.parse_rate, text, RATES)
    _number(harvard.parse_volume, text, {f" {unit}": worth for unit, worth in VOLUMES.items()})
    moving = accepted(harvard.parse_moving, text, refuses=MalformedReply)
    assert moving is None or text.partition(" at ")[2] == moving.text
    limits = accepted(harvard.parse_limits, text, refuses=MalformedReply)
    assert limits is None or f"{limits[0].text} to {limits[1].text}" == text
    status = accepted(harvard.parse_status, text, refuses=MalformedReply)
    if status is not None:
        rate, _, volume, flags = text.split(" ")
        assert max(status.rate_ul_per_h, status.volume_ul) < 1e12
        assert status.rate_ul_per_h == float(Decimal(rate) * 3600 / 10**9)
        assert status.volume_ul == float(Decimal(volume) / 10**9)
        assert (status.stalled, status.target_reached) == (flags[2] == "S", flags[5:] == "T")
    version = accepted(harvard.parse_version, text, refuses=MalformedReply)
    assert version is None or (version.model in text and text.endswith(version.firmware))


def _number(parse: Callable[[str], Any], text: str, units: dict[str, Any]) -> None:
    found: Shown | None = accepted(parse, text, refuses=MalformedReply)
    if found is None:
        return
    unit = next(each for each in sorted(units, key=len, reverse=True) if text.endswith(each))
    number = text.removesuffix(unit)
    assert set(number) <= DIGITS, text
    assert number.count(".") <= 1
    decimals = len(number.partition(".")[2])
    assert found.value == float(Decimal(number) * units[unit])
    assert found.step == float(Decimal((0, (1,), -decimals)) * units[unit])
    assert 0 <= found.value < 1e30
