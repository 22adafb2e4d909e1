"""Checks of what reads the lines of balances: a weight is what stands in its columns, cut here by position."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from rig.errors import InstrumentError, MalformedReply
from rig.wire import mt_sics
from rig.wire.balances import a_and_d, kern, ohaus, radwag, recognise, sbi
from rig.wire.weights import UnitMemory, Weight
from tests.fuzz.independent import accepted

BOTH = (MalformedReply, InstrumentError)
FACTORS = {"g": 1000, "mg": 1}
DIGITS = frozenset("0123456789.")


class Shown(NamedTuple):
    """What the columns of a line hold; ``unit`` empty where the line has none."""

    sign: str
    number: str
    unit: str
    stable: bool


def and_lines(data: bytes) -> None:
    """A&D: header, comma, sign, eight characters, a unit of three."""

    def cut(line: str) -> Shown:
        assert len(line) == 17
        assert line[2] == ","
        return Shown(line[3], line[4:12], line[12:15].lstrip(), line[:2] == "ST")

    _each(data, (b"", b"ST,+", b"US,-"), a_and_d.parse_weight, a_and_d.take_weight, cut)
    for header in ("SN", "TN"):
        text = accepted(a_and_d.take_text, bytearray(data), header, refuses=BOTH)
        assert text is None or f"{header},".encode() in data


def sbi_lines(data: bytes) -> None:
    """SBI: sign, nine characters, a blank, a unit of three or none; with N and five blanks in front of it, or not."""

    def cut(line: str) -> Shown:
        body = line[6:] if len(line) == 22 else line
        assert len(body) == 16
        assert len(line) == 16 or line[:6] == "N     "
        unit = body[11:14].rstrip()
        return Shown(body[0], body[1:10], unit, bool(unit))

    units = _memory(4 if b"." in data else 0, known=len(data) % 2 == 0)
    parse, take = partial(sbi.parse_weight, units=units), partial(sbi.take_weight, units=units)
    _each(data, (b"", b"+ ", b"N     -"), parse, take, cut)
    text = accepted(sbi.parse_text, data, refuses=BOTH)
    assert text is None or not sbi.is_data_line(data)


def kern_lines(data: bytes) -> None:
    """KERN, older set: a blank, sign, ten characters, a blank, a unit of three; without a unit also cut off there."""

    def cut(line: str) -> Shown:
        assert len(line) in (15, 18)
        assert line[0] == " "
        unit = line[13:16].rstrip("\r\n ")
        return Shown(line[1], line[2:12], unit, bool(unit))

    units = _memory(4, known=len(data) % 2 == 0)
    parse, take = partial(kern.parse_weight, units=units), partial(kern.take_weight, units=units)
    _each(data, (b"", b"  ", b" - "), parse, take, cut)


def kcp_lines(data: bytes) -> None:
    """KCP: as MT-SICS, with a value of eight to twelve characters."""

    def cut(line: str) -> Shown:
        value, _, unit = line[4:-2].rpartition(" ")
        number = value.strip()
        assert 8 <= len(value) <= 12
        return Shown("-" if number[0] == "-" else " ", number.removeprefix("-"), unit, line[:4] == "S S ")

    def parse(line: bytes) -> Weight | None:
        return mt_sics.take_kcp_weight(bytearray(line)) if line.find(b"\n") == len(line) - 1 else None

    _each(data, (b"", b"S S ", b"S D "), parse, mt_sics.take_kcp_weight, cut)


def radwag_lines(data: bytes) -> None:
    """Radwag: command of three, stability, a blank, sign, nine characters, a blank, a unit of three."""

    def cut(line: str) -> Shown:
        assert len(line) == 21
        assert line[:3] in ("S  ", "SI ", "C1 ")
        assert line[3] in " ?"
        return Shown(line[5], line[6:15], line[16:19].rstrip(), line[3] == " ")

    _each(data, (b"", b"SI   ", b"S  ? -"), radwag.parse_weight, radwag.take_weight, cut)
    text = accepted(radwag.take_text, bytearray(data), "NB", refuses=BOTH)
    assert text is None or data.startswith(b"NB ")
    digit = accepted(radwag.take_digit, bytearray(data), "FIG", refuses=BOTH)
    assert digit is None or data[:4] + data[5:10] == b"FIG  OK\r\n"


def ohaus_lines(data: bytes) -> None:
    """Ohaus: words; a number, a unit, and ``?`` for a load that moves."""

    def cut(line: str) -> Shown:
        words = line.split()
        assert len(words) in (2, 3)
        number = words[0]
        return Shown("-" if number[0] == "-" else " ", number.removeprefix("-"), words[1].rstrip("?"), "?" not in line)

    _each(data, (b"", b"   "), ohaus.parse_weight, ohaus.take_weight, cut)
    inbox = bytearray(data)
    text = accepted(ohaus.take_text, inbox, refuses=BOTH)
    if text is not None:  # an identity is never a weight: it brings requests and answers back in step
        assert accepted(ohaus.parse_weight, text.encode("latin-1") + b"\r\n", refuses=BOTH) is None


def _each(
    data: bytes,
    heads: tuple[bytes, ...],
    parse: Callable[[bytes], Weight | None],
    take: Callable[[bytearray], Weight | None],
    cut: Callable[[str], Shown],
) -> None:
    """Read ``data`` as a line, with heads and an end put to it, and as whatever stands in an inbox."""
    for line in (data, *(head + data + b"\r\n" for head in heads)):
        weight = accepted(parse, line, refuses=BOTH)
        if weight is not None:
            _same(line, weight, cut(line.decode("ascii")))
    if data[-1:] == b"\n":
        assert recognise.protocol_of(data) in ("", *recognise.MAKES)
    inbox, before = bytearray(data), -1
    while len(inbox) != before:
        before = len(inbox)
        found = accepted(take, inbox, refuses=BOTH)
        assert found is None or len(inbox) < before


def _same(line: bytes, weight: Weight, shown: Shown) -> None:
    number = shown.number.strip(" ")
    assert line[-2:] == b"\r\n"
    assert shown.sign in "+- "
    assert set(number) <= DIGITS, line
    assert number.count(".") <= 1
    factor = FACTORS[shown.unit or "g"]
    exact = Decimal(number) * factor * (-1 if shown.sign == "-" else 1)
    assert weight.mass_mg == float(exact), line
    assert weight.resolution_mg == float(Decimal((0, (1,), -len(number.partition(".")[2]))) * factor)
    assert weight.stable == shown.stable, line
    assert abs(weight.mass_mg) < 1e13
    assert number in weight.text or number.lstrip("0") in weight.text


def _memory(decimals: int, *, known: bool) -> UnitMemory:
    """Return a memory that knows grams with so many decimals, or nothing."""
    units = UnitMemory()
    if known:
        units.stable(b"0." + b"0" * decimals if decimals else b"0", b"g", b"")
    return units
