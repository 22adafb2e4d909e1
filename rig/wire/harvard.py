"""Harvard Apparatus Pump 11 Elite and PHD ULTRA: commands, answers with their prompt, numbers with their units.

An answer is LF line CR ... LF [aa] prompt. Byte by byte it has no certain end (the prompt of pump 12 at rest is what
each of its lines begins with), so the rig has ``poll on`` put an XON after each prompt and reads up to that. Source:
syringe-pump-protocols 2.2 to 2.5.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from typing import Final, NamedTuple

from rig.errors import MalformedReply, UsageError
from rig.wire.shown import Fit, Shown, fit, shown

DEVICE = "Harvard pump"
MAX_ANSWER = 4096  # `metrics`, the longest, has about 800 characters
HIGHEST_ADDRESS = 99
XON = 0x11
NO_TARGET = ("Target volume not set", "Target volume not set.")
# The digits that the pump takes are not published: these are those of its own answers, "14.4270 mm".
_DIGITS, _DECIMALS = 6, 4

RATE_UNITS: Final = {
    "u/h": Decimal(1),
    "u/m": Decimal(60),
    "m/h": Decimal(1000),
    "m/m": Decimal(60_000),
    "n/h": Decimal("0.001"),
    "n/m": Decimal("0.06"),
}
VOLUME_UNITS: Final = {"u": Decimal(1), "m": Decimal(1000), "n": Decimal("0.001")}
_MILLIMETRES: Final = {"": Decimal(1)}
_VOLUMES_UL = {"ml": Decimal(1000), "ul": Decimal(1), "nl": Decimal("0.001"), "pl": Decimal("0.000001")}
_PER_HOUR = {"hr": 1, "h": 1, "min": 60, "sec": 3600, "s": 3600}
_UL_PER_FL = Decimal("1e-9")


class Prompt(Enum):
    """What the pump is doing; the characters on the wire."""

    IDLE = ":"
    INFUSING = ">"
    WITHDRAWING = "<"
    STALLED = "*"
    TARGET_REACHED = "T*"


class Answer(NamedTuple):
    """One answer: its lines without the address, and the prompt; ``leaked`` is a T* in front of the first line."""

    lines: tuple[str, ...]
    prompt: Prompt
    leaked: bool = False


class Refusal(NamedTuple):
    """Why a command was not done; ``kind`` is ``command`` or ``argument``."""

    kind: str
    argument: str
    message: str


class StatusLine(NamedTuple):
    """The answer to ``status``; the time in it is left out, for the manuals disagree about its unit.

    ``moving`` is the case of the direction flag; False says nothing, for one manual knows small letters only.
    """

    rate_ul_per_h: float
    volume_ul: float
    moving: bool
    stalled: bool
    target_reached: bool
    text: str


class Version(NamedTuple):
    """Model and firmware."""

    model: str
    firmware: str


# Bounded, so that no answer is read as an infinite amount; 18 digits of femtolitres are a litre.
_NUMBER = r"([0-9]{1,18}(?:\.[0-9]{1,9})?)"
_VOLUME_UNIT = "(ml|ul|nl|pl)"
_RATE = rf"{_NUMBER} {_VOLUME_UNIT}/(hr|h|min|sec|s)"
_match_diameter = re.compile(rf"{_NUMBER} mm").fullmatch
_match_rate = re.compile(_RATE).fullmatch
_match_limits = re.compile(rf"({_RATE}) to ({_RATE})").fullmatch
_match_moving = re.compile(rf"(?:Infusing|Withdrawing) at ({_RATE})").fullmatch
_match_volume = re.compile(rf"{_NUMBER} {_VOLUME_UNIT}").fullmatch
_match_version = re.compile(r" *([^ ].*[^ ]|[^ ]) +v?([0-9]+(?:\.[0-9]+)+)").fullmatch
_match_status = re.compile(r"([0-9]{1,18}) ([0-9]{1,24}) ([0-9]{1,18}) ([iwIW][IW.][S.][T.][IW][T.]?)").fullmatch
_match_prompt = re.compile(r":|>|<|\*|T\*").fullmatch
_match_line = re.compile(r"[ -~]*").fullmatch


# --- what is sent


def request(text: str, address: int = 0, *, colon: bool = False) -> bytes:
    """Return a command as it goes on the wire; ``colon`` puts one after the address, as the PHD ULTRA's manual does.

    Address 0 is never sent.
    """
    head = f"{address}{':' if colon else ''}" if address else ""
    return f"{head}{text}\r".encode("ascii")


def check_address(address: int) -> int:
    """Return ``address``, or raise `UsageError`: pumps have 0 to 99."""
    if not 0 <= address <= HIGHEST_ADDRESS:
        raise UsageError(f"a Harvard pump has no address {address}", expected="0 to 99")
    return address


def diameter(diameter_mm: float) -> str:
    """Write an inside diameter in millimetres; `UsageError` for one that 4 decimals do not hold."""
    return _write(_exactly(fit(diameter_mm, _MILLIMETRES, _DIGITS, _DECIMALS), diameter_mm, "diameter", "mm"))


def rate(rate_ul_per_h: float) -> str:
    """Write a rate with its unit, such as ``500 u/h``; `UsageError` when 6 digits and 4 decimals do not hold it."""
    found = _exactly(fit(rate_ul_per_h, RATE_UNITS, _DIGITS, _DECIMALS), rate_ul_per_h, "rate", "uL/h")
    return f"{_write(found)} {found.unit}"


def volume(volume_ul: float) -> str:
    """Write a volume with its unit, such as ``250 u``; `UsageError` when 6 digits and 4 decimals do not hold it."""
    found = _exactly(fit(volume_ul, VOLUME_UNITS, _DIGITS, _DECIMALS), volume_ul, "volume", "uL")
    return f"{_write(found)} {found.unit}"


def _write(found: Fit) -> str:
    text = f"{found.number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _exactly(found: Fit | None, wanted: float, what: str, unit: str) -> Fit:
    if found is None:
        raise UsageError(f"a {what} of {wanted!r} {unit} cannot be set", expected="a number above 0, of 6 digits")
    if not found.exact:
        raise UsageError(
            f"a {what} of {wanted!r} {unit} cannot be set exactly",
            expected=f"at most 6 digits and 4 decimals in one of the pump's units; the nearest is {found.amount!r}",
        )
    return found


# --- what comes back


def take_answer(inbox: bytearray, address: int = 0) -> Answer | None:
    """Take one answer and its XON off the front of ``inbox``; None: more bytes, please. Raises `MalformedReply`."""
    end = inbox.find(XON)
    if (end if end >= 0 else len(inbox)) > MAX_ANSWER:
        start = bytes(inbox[:40])
        del inbox[: end + 1 if end >= 0 else len(inbox)]
        raise MalformedReply(DEVICE, start, expected="a prompt and XON", hint=_LINE_HINT)
    if end < 0:
        return None
    data = bytes(inbox[:end])
    del inbox[: end + 1]
    return parse_answer(data, address)


def parse_answer(data: bytes, address: int = 0) -> Answer:
    """Read one whole answer, without XON; raises `MalformedReply` for whatever breaks its grammar.

    A ``T*`` in front of the first LF is the prompt of a target that was just reached, and not of this answer.
    """
    leaked, first, rest = data.decode("latin-1").partition("\n")
    mine = f"{address:02d}" if address else ""
    if not first or leaked not in ("", f"{mine}T*"):
        raise _malformed(data, "LF first", hint=_ECHO_HINT if leaked else _LINE_HINT)
    *lines, prompt = rest.split("\n")
    if not prompt.startswith(mine) or not _match_prompt(prompt[len(mine) :]):
        raise _malformed(data, f"a prompt of {_whose(address)} at the end: {mine}: {mine}> {mine}< {mine}* or {mine}T*")
    return Answer(tuple(_line(line, mine, data, address) for line in lines), Prompt(prompt[len(mine) :]), bool(leaked))


def _line(line: str, mine: str, data: bytes, address: int) -> str:
    head = f"{mine}:" if mine else ""
    text = line[len(head) : -1]
    if not line.startswith(head) or not line.endswith("\r") or not _match_line(text):
        raise _malformed(data, f"lines of {_whose(address)} that end in CR")
    return text


def refusal_of(answer: Answer) -> Refusal | None:
    """Return why the command was not done, or None when the answer is no error."""
    if len(answer.lines) != 2:
        return None
    first, second = answer.lines
    kind, found, argument = first.partition(" error:")
    if not found or kind not in ("Command", "Argument") or not second.startswith("   "):
        return None
    return Refusal(kind.lower(), argument.strip(), second.strip())


def parse_diameter(text: str) -> Shown:
    """Read an inside diameter in millimetres, such as ``14.4270 mm``."""
    return shown(_matched(_match_diameter, text, "diameter", "a number and mm")[1], _MILLIMETRES[""], text)


def parse_rate(text: str) -> Shown:
    """Read a rate, in microlitres an hour. Check value: ``17.29 nl/min`` is 1.0374 uL/h in steps of 0.0006 uL/h."""
    match = _matched(_match_rate, text, "irate", "a number, ml, ul, nl or pl, / and hr, min or sec")
    return shown(match[1], _VOLUMES_UL[match[2]] * _PER_HOUR[match[3]], text)


def parse_limits(text: str) -> tuple[Shown, Shown]:
    """Read the lowest and highest rate of the syringe that is set, in microlitres an hour."""
    match = _matched(_match_limits, text, "irate lim", "a rate, 'to', a rate")
    return parse_rate(match[1]), parse_rate(match[5])


def parse_moving(text: str) -> Shown:
    """Read the answer to ``crate``, in microlitres an hour."""
    return parse_rate(_matched(_match_moving, text, "crate", "'Infusing at' and a rate")[1])


def parse_volume(text: str) -> Shown:
    """Read a volume, in microlitres, such as ``12.345 ul``."""
    match = _matched(_match_volume, text, "a volume", "a number and ml, ul, nl or pl")
    return shown(match[1], _VOLUMES_UL[match[2]], text)


def parse_status(text: str) -> StatusLine:
    """Read the answer to ``status``: femtolitres a second and femtolitres become microlitres."""
    match = _matched(_match_status, text, "status", "three whole numbers and five or six flags")
    flags = match[4]
    return StatusLine(
        rate_ul_per_h=float(Decimal(match[1]) * _UL_PER_FL * 3600),
        volume_ul=float(Decimal(match[3]) * _UL_PER_FL),
        moving=flags[0].isupper(),
        stalled=flags[2] == "S",
        target_reached=flags[5:] == "T",
        text=text,
    )


def parse_version(text: str) -> Version:
    """Read model and firmware, such as `` 11 Elite 3.0.4``."""
    match = _matched(_match_version, text, "ver", "a model and a version such as 11 Elite 3.0.4")
    return Version(match[1], match[2])


def _matched(match: Callable[[str], re.Match[str] | None], text: str, asked: str, expected: str) -> re.Match[str]:
    found = match(text)
    if found is None:
        raise MalformedReply(DEVICE, text.encode(), asked=asked, expected=expected)
    return found


def _whose(address: int) -> str:
    return f"pump {address}" if address else "the pump"


def _malformed(data: bytes, expected: str, *, hint: str = "") -> MalformedReply:
    return MalformedReply(DEVICE, data[:80], expected=expected, hint=hint or _LINE_HINT)


_LINE_HINT = "check the port, and the baud rate and address in the pump's menu"
_ECHO_HINT = "say 'echo off' to the pump on its USB port, and check that nothing else uses the port"
