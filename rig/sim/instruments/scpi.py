"""SCPI as a device hears it: messages joined by ``;``, headers in short and long form, parameters.

A pattern is written as manuals write it, ``[:SOURce]:VOLTage[:LEVel]``: capitals are the short form, brackets what may
be left out, ``<n>`` a number that may follow (SCPI 1999 vol. 1, chapter 6; IEEE 488.2 chapter 7).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

MESSAGES = {
    -102: "Syntax error",
    -104: "Data type error",
    -108: "Parameter not allowed",
    -109: "Missing parameter",
    -113: "Undefined header",
    -131: "Invalid suffix",
    -200: "Execution error",
    -211: "Trigger ignored",
    -213: "Init ignored",
    -214: "Trigger deadlock",
    -221: "Settings conflict",
    -222: "Data out of range",
    -224: "Illegal parameter value",
    -230: "Data corrupt or stale",
    -241: "Hardware missing",
    -350: "Queue overflow",
    -363: "Input buffer overrun",
    -420: "Query UNTERMINATED",
}
_NODE = re.compile(r"(\[)?:?(\*?[A-Za-z]+)(<n>)?(\])?")
_NUMBER = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:E[+-]?[0-9]+)?) *([A-Z%]*)")
_SUFFIXES = {
    "": 1.0, "V": 1.0, "A": 1.0, "S": 1.0, "OHM": 1.0, "MV": 1e-3, "MA": 1e-3, "MS": 1e-3, "UA": 1e-6, "UV": 1e-6,
    "US": 1e-6,
}  # fmt: skip


class ScpiError(Exception):
    """What goes into the error queue; ``code`` is one of SCPI's."""

    def __init__(self, code: int) -> None:
        super().__init__(code, MESSAGES[code])
        self.code = code
        self.text = MESSAGES[code]


@dataclass(frozen=True, slots=True)
class Later:
    """An answer that takes its time: ``finish(link_ns)`` gives it, or a later time, from ``at_ns`` (link time) on."""

    at_ns: int
    finish: Callable[[int], str | Later]


@dataclass(frozen=True, slots=True)
class Call:
    """One command as it was understood: numbers behind mnemonics (None: left out), parameters, times."""

    numbers: tuple[int | None, ...]
    parameters: tuple[str, ...]
    link_ns: int
    rig_ns: int

    def only(self, most: int, least: int | None = None) -> tuple[str, ...]:
        """Return the parameters, or raise for too few (``least`` is ``most`` unless given) or too many."""
        if len(self.parameters) > most:
            raise ScpiError(-108)
        if len(self.parameters) < (most if least is None else least):
            raise ScpiError(-109)
        return self.parameters


Handler = Callable[[Call], "str | Later | None"]


@dataclass(frozen=True, slots=True)
class Command:
    """A pattern with what setting and asking do; None is an undefined header."""

    regex: re.Pattern[str]
    write: Handler | None
    query: Handler | None


@dataclass(slots=True)
class CommandTable:
    """The commands of one instrument, found by header."""

    _commands: list[Command] = field(default_factory=list)
    _found: dict[str, tuple[Command, tuple[int | None, ...]]] = field(default_factory=dict)

    def add(self, patterns: str | Iterable[str], write: Handler | None = None, query: Handler | None = None) -> None:
        """Teach the instrument a command under one or several patterns; earlier ones win."""
        for pattern in (patterns,) if isinstance(patterns, str) else patterns:
            self._commands.append(Command(compiled(pattern), write, query))

    def find(self, header: str) -> tuple[Command, tuple[int | None, ...]]:
        """Return the command of an absolute header such as ``:VOLT`` with its numbers; raises -113."""
        found = self._found.get(header)
        if found is None:
            found = self._found[header] = self._search(header)
            if len(self._found) > 1000:
                self._found.clear()
        return found

    def _search(self, header: str) -> tuple[Command, tuple[int | None, ...]]:
        for command in self._commands:
            match = command.regex.fullmatch(header)
            if match is not None:
                return command, tuple(int(group) if group else None for group in match.groups())
        raise ScpiError(-113)


def compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern as a regular expression over upper-case headers that begin with a colon or a star."""
    parts = []
    for match in _NODE.finditer(pattern):
        word = match[2]
        short = "".join(letter for letter in word if not letter.islower())
        rest = word.upper()[len(short) :]
        spelled = re.escape(short) + (f"(?:{rest})?" if rest else "") + ("([0-9]*)" if match[3] else "")
        node = spelled if word.startswith("*") else f":{spelled}"
        parts.append(f"(?:{node})?" if match[1] else node)
    return re.compile("".join(parts))


@dataclass(frozen=True, slots=True)
class Unit:
    """One command of a message: absolute header in capitals, whether it asks, parameters."""

    header: str
    is_query: bool
    parameters: tuple[str, ...]


def units(message: str) -> list[Unit]:
    """Split a message into its commands; a header without colon goes on from the path of the one before."""
    path = ""
    found = []
    for part in split(message, ";"):
        if not part:
            continue
        head, _, tail = part.partition(" ")
        header = head.upper()
        is_query = header.endswith("?")
        header = header.removesuffix("?")
        if not header.startswith("*"):
            header = header if header.startswith(":") else f"{path}:{header}"
            path = header.rpartition(":")[0]
        found.append(Unit(header, is_query, tuple(split(tail, ",")) if tail.strip() else ()))
    return found


def split(text: str, separator: str) -> list[str]:
    """Split at a separator outside quotes and parentheses; blanks around the parts go."""
    parts, depth, quote, begin = [], 0, "", 0
    for at, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "()":
            depth += 1 if letter == "(" else -1
        elif letter == separator and depth <= 0:
            parts.append(text[begin:at].strip())
            begin = at + 1
    parts.append(text[begin:].strip())
    return parts


def number(text: str, words: dict[str, float] | None = None) -> float:
    """Read a number with or without unit, or one of ``words`` such as MIN (short or long form); raises -104, -131."""
    upper = text.strip().upper()
    for word, meaning in (words or {}).items():
        if upper in (word.upper(), "".join(letter for letter in word if not letter.islower())):
            return meaning
    match = _NUMBER.fullmatch(upper)
    if match is None:
        raise ScpiError(-104)
    if match[2] not in _SUFFIXES:
        raise ScpiError(-131)
    return float(match[1]) * _SUFFIXES[match[2]]


def limited(text: str, low: float, high: float, default: float) -> float:
    """Read a number within limits, or MIN, MAX or DEF; raises -222 outside."""
    value = number(text, {"MINimum": low, "MAXimum": high, "DEFault": default})
    if not low - 1e-9 <= value <= high + 1e-9:
        raise ScpiError(-222)
    return value


def truth(text: str) -> bool:
    """Read ON, OFF or a number; raises -224."""
    upper = text.strip().upper()
    if upper in ("ON", "OFF"):
        return upper == "ON"
    if re.fullmatch(r"[0-9]+", upper):
        return int(upper) != 0
    raise ScpiError(-224)


def channel_list(text: str, most: int) -> tuple[int, ...]:
    """Read ``(@1)``, ``(@1,3)`` or ``(@1:3)``; raises -224 for channels there are none of."""
    match = re.fullmatch(r"\( *@ *([0-9:, ]+)\)", text)
    if match is None:
        raise ScpiError(-224)
    channels: list[int] = []
    for part in match[1].replace(" ", "").split(","):
        first, _, last = part.partition(":")
        if not first.isdigit() or (last and not last.isdigit()):
            raise ScpiError(-224)
        channels += range(int(first), int(last or first) + 1)
    if not channels or not all(1 <= channel <= most for channel in channels):
        raise ScpiError(-224)
    return tuple(channels)
