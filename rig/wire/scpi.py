"""Answers of instruments that speak SCPI or a dialect of it, strictly: the whole answer or an error.

Numbers come as ``+1.50000000E+00``, ``1.500`` or ``-2.1E-04``; 9.9E37 is what SCPI says in place of a number: infinity,
here an overload. Source: SCPI 1999 volume 1, 7.2.1 (numbers) and 21.8 (error queue); visa-instruments 2 and 3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from rig.errors import MalformedReply

_NUMBER: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_ERROR: Final = re.compile(r'(?P<code>[+-]?[0-9]{1,5})(,\s*"(?P<quoted>[^"]{0,255})"|\s+(?P<plain>[^",]{1,255}))')
_STATUS: Final = re.compile(r"0[xX][0-9a-fA-F]{1,8}")
OVERLOAD: Final = 9.0e37  # SCPI writes 9.9E37; nothing on a bench comes near
MOST_VALUES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Identity:
    """An answer to ``*IDN?``: maker, model, serial number, firmware (some add a field for the board)."""

    maker: str
    model: str
    serial: str
    firmware: str


@dataclass(frozen=True, slots=True)
class QueuedError:
    """One entry of the error queue; code 0 says that it is empty."""

    code: int
    message: str

    def __str__(self) -> str:
        """Return code and message."""
        return f"{self.code} {self.message}"


def number(text: str, where: str, asked: str) -> float:
    """Return a number that is none of SCPI's stand-ins; raises `MalformedReply` for these and for anything else."""
    value = number_or_overload(text, where, asked)
    if value is None:
        raise _malformed(text, where, asked, "a number, and not that of an overload")
    return value


def number_or_overload(text: str, where: str, asked: str) -> float | None:
    """Return a number, or None where it stands for an overload (9.9E37, either sign) or for none (9.91E37)."""
    if _NUMBER.fullmatch(text) is None:
        raise _malformed(text, where, asked, "a number such as +1.500E+00")
    value = float(text)
    return None if abs(value) >= OVERLOAD else value


def numbers(text: str, where: str, asked: str) -> list[float | None]:
    """Return numbers that are separated by commas; None stands for an overload. No number at all is refused."""
    parts = text.split(",")
    if len(parts) > MOST_VALUES:
        raise _malformed(text, where, asked, f"at most {MOST_VALUES} numbers")
    return [number_or_overload(part, where, asked) for part in parts]


def block(text: str, where: str, asked: str) -> list[float | None]:
    """Return the numbers in a definite-length block, ``#279+1.23...``; ``#10`` holds none.

    IEEE 488.2, 8.7.9: ``#``, one digit that says how many digits follow, these digits, and so many characters.
    """
    match = re.match(r"#([1-9])", text)
    digits = int(match[1]) if match else 0
    length = text[2 : 2 + digits]
    if match is None or not re.fullmatch(r"[0-9]+", length) or len(length) != digits:
        raise _malformed(text, where, asked, "a block such as #216 and 16 characters")
    body = text[2 + digits :]
    if len(body) != int(length):
        raise _malformed(text, where, asked, f"a block of {int(length)} characters, and not of {len(body)}")
    return numbers(body, where, asked) if body else []


def switch(text: str, where: str, asked: str) -> bool:
    """Return whether something is on: ``1`` or ``ON``, ``0`` or ``OFF``."""
    return _word(text, {"1": True, "ON": True, "0": False, "OFF": False}, where, asked)


def yes(text: str, where: str, asked: str) -> bool:
    """Return what ``YES`` or ``1``, ``NO`` or ``0`` says."""
    return _word(text, {"YES": True, "1": True, "NO": False, "0": False}, where, asked)


def status_word(text: str, where: str, asked: str) -> int:
    """Return a word of status bits such as ``0x0014``."""
    if _STATUS.fullmatch(text) is None:
        raise _malformed(text, where, asked, "a status such as 0x0014")
    return int(text, 16)


def queued_error(text: str, where: str, asked: str) -> QueuedError:
    """Return an entry of the error queue: ``-113,"Undefined header"``, or ``0 No Error`` as Siglent writes it."""
    match = _ERROR.fullmatch(text)
    if match is None:
        raise _malformed(text, where, asked, 'an error such as 0,"No error"')
    return QueuedError(int(match["code"]), match["quoted"] if match["plain"] is None else match["plain"].strip())


def identity(text: str, where: str) -> Identity:
    """Return who answers ``*IDN?``; raises `MalformedReply` for an answer of fewer than four fields or an empty one."""
    fields = [field.strip() for field in text.split(",")]
    if not 4 <= len(fields) <= 6 or not all(fields[:4]):
        raise _malformed(text, where, "*IDN?", "'<maker>,<model>,<serial>,<firmware>'")
    return Identity(fields[0], fields[1], fields[2], ",".join(fields[3:]))


def written(value: float) -> str:
    """Return a number as it is sent: up to seven decimals, no exponent, no trailing zero."""
    text = f"{value:.7f}".rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text


def _word(text: str, words: dict[str, bool], where: str, asked: str) -> bool:
    if text not in words:
        raise _malformed(text, where, asked, " or ".join(words))
    return words[text]


def _malformed(text: str, where: str, asked: str, expected: str) -> MalformedReply:
    return MalformedReply(where, text[:80].encode("latin-1", "replace"), asked=asked, expected=expected)
