r"""The text inside a record: one line for each thing that happened (design 4.4; docs/reference/record.md).

============  =========================================================================================
``R ...``     ``R <number> <hash>``: the heading of a block, with the SHA-256 of the block before in base64
``H json``    the header: run id, tool, bench, clock, start
``C ...``     ``C <time> <UTC> <yes|no|unknown> [<error s>]``: wall clock beside rig time
``> ...``     ``> <time> <link> <bytes>``: bytes sent
``< ...``     ``< <time> <link> <bytes>``: bytes received, as one chunk
``W ...``     ``W <balance> <S|D> <g> [<asked> [<answered>]]``: a parsed reading
``A json``    ambient conditions
``E ...``     ``E <time> <name> <json>``: an event
``P ...``     ``P <time> <supply|meter> <V> <A>``: electrical reading; ``-`` where not read, ``over`` for an overload
``Z json``    the end of the file: end reason
============  =========================================================================================

Times are rig time in nanoseconds: the first of a block as it is, each further one as ``+<ns>`` or ``-<ns>`` from the
line with a time before it. A reading says when it was asked and answered only where that differs from the last ``>``
and ``<`` of its own link in the block. Bytes are printable ASCII as they are, everything else (and the backslash) as
``\\``, ``\n``, ``\r``, ``\t`` or ``\xNN``. Codec 1, of earlier records, wrote out every time and the heading
``rig-record 1 block <number> previous <hash in hex>``; `BlockDecoder` reads both.
"""

from __future__ import annotations

import json
import math
import re
from base64 import b64decode, b64encode
from dataclasses import asdict
from typing import Any, Final, NamedTuple

from rig.readings import Ambient, Weighing

CODEC_VERSION: Final = 2
DECIMALS_OF_G: Final = {100.0: 1, 10.0: 2, 1.0: 3, 0.1: 4, 0.01: 5, 0.001: 6, 0.0001: 7}
"""Decimal places of a mass in g whose last digit is one step of so many mg."""
_NO_BLOCK: Final = "-"
_MOST: Final = 2**63 - 1  # nanoseconds, or what else has to fit eight bytes
_HASH_HEX: Final = 64
_ESCAPE: Final = re.compile(rb"\\(x[0-9a-f]{2}|[\\nrt])")
_LETTERS: Final = {b"\\": b"\\", b"n": b"\n", b"r": b"\r", b"t": b"\t"}


class Heading(NamedTuple):
    """The first line of a block; ``previous`` is the SHA-256 of the block before in hex, ``-`` in the first one."""

    version: int
    block: int
    previous: str


class Reading(NamedTuple):
    """A parsed reading as the record keeps it."""

    name: str
    asked_ns: int
    answered_ns: int
    mass_mg: float
    resolution_mg: float
    stable: bool


def encode_bytes(data: bytes) -> str:
    r"""Return ``data`` as printable text; `decode_bytes` gives it back."""
    text = repr(data)
    inner = text[2:-1]
    # Between single quotes repr() escapes the quote itself, which needs no escape here.
    return inner.replace("\\'", "'") if text[1] == "'" else inner


def decode_bytes(text: str) -> bytes:
    r"""Return the bytes of an escaped text; raise ValueError when it is not one."""
    data = _ESCAPE.sub(_unescaped, text.encode("ascii"))
    if encode_bytes(data) != text:
        raise ValueError(f"not an escaped text as the record writes it: {text[:60]!r}")
    return data


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes((int(code[1:], 16),)) if len(code) == 3 else _LETTERS.get(code, match[0])


def heading_line(block: int, previous: bytes | None) -> str:
    """Return the first line of a block; ``previous`` is the SHA-256 of the block before."""
    digest = _NO_BLOCK if previous is None else b64encode(previous).decode("ascii").rstrip("=")
    return f"R {block} {digest}\n"


def parse_heading(line: str) -> Heading | None:
    """Return what the first line of a block says, or None when it is no heading."""
    words = line.split(" ")
    try:
        if words[0] == "R" and len(words) == 3:
            digest = words[2]
            previous = digest if digest == _NO_BLOCK else b64decode(digest + "=", validate=True).hex()
            return _heading(2, int(words[1]), previous)
        if words[0] == "rig-record" and len(words) == 6:
            return _heading(1, int(words[3]), words[5])
    except ValueError:
        return None
    return None


def _heading(version: int, block: int, previous: str) -> Heading | None:
    known = previous == _NO_BLOCK or len(previous) == _HASH_HEX
    return Heading(version, block, previous) if known and 0 <= block <= _MOST else None


def parse_object(text: str) -> dict[str, Any]:
    """Return the JSON object in ``text``; raise ValueError when it is none, or holds NaN or infinity."""
    try:
        found = json.loads(text, parse_constant=_no_number, parse_float=parse_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError(f"no JSON object: {text[:60]!r}")  # noqa: TRY004 - what is read is wrong, not what was called
    return found


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number")


def parse_finite(word: str) -> float:
    """Return a finite number; raise ValueError for everything else."""
    value = float(word)
    if not math.isfinite(value):
        raise ValueError(f"{word[:60]} is beyond all numbers")
    return value


def compact_json(data: dict[str, Any]) -> str:
    """Return JSON on one line; NaN and infinity are refused."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False, ensure_ascii=True)


class BlockEncoder:
    """Turns what happened into the lines of one block; a block can be read without any other."""

    __slots__ = ("_last_ns", "_rx_ns", "_tx_ns")

    def __init__(self) -> None:
        self._last_ns: int | None = None
        self._tx_ns: dict[str, int] = {}
        self._rx_ns: dict[str, int] = {}

    def chunk(self, link: str, direction: str, at_ns: int, data: bytes) -> str:
        """Return the line for bytes sent (``>``) or received (``<``)."""
        (self._tx_ns if direction == ">" else self._rx_ns)[link] = at_ns
        return f"{direction} {self._time(at_ns)} {link} {encode_bytes(data)}\n"

    def weighing(self, name: str, weighing: Weighing) -> str:
        """Return the line for a parsed reading."""
        asked = _offset(weighing.asked_ns, self._tx_ns.get(name))
        answered = _offset(weighing.answered_ns, self._rx_ns.get(name))
        times = f" {asked or '+0'} {answered}" if answered else f" {asked}" if asked else ""
        return f"W {name} {'S' if weighing.stable else 'D'} {_mass(weighing)}{times}\n"

    def ambient(self, ambient: Ambient) -> str:
        """Return the line for ambient conditions."""
        return f"A {compact_json(asdict(ambient))}\n"

    def timed(self, kind: str, at_ns: int, rest: str) -> str:
        """Return a line of ``kind`` with a time: an event, a pair of clocks."""
        return f"{kind} {self._time(at_ns)} {rest}\n"

    def _time(self, at_ns: int) -> str:
        before_ns, self._last_ns = self._last_ns, at_ns
        return _absolute(at_ns) if before_ns is None else f"{at_ns - before_ns:+d}"


class BlockDecoder:
    """Reads the lines of one block back; ``version`` is that of its heading. Bad lines raise ValueError."""

    __slots__ = ("_last_ns", "_rx_ns", "_tx_ns", "_version")

    def __init__(self, version: int) -> None:
        self._version = version
        self._last_ns = 0
        self._tx_ns: dict[str, int] = {}
        self._rx_ns: dict[str, int] = {}

    def time(self, word: str) -> int:
        """Return the rig time of a line, in ns."""
        self._last_ns = _parse_time(word, self._last_ns)
        return self._last_ns

    def passed(self, line: str) -> None:
        """Note the time of a ``>`` or ``<`` line, which the lines after it rest on; its bytes are left alone."""
        if self._version > 1:
            direction, word, link, _ = line.split(" ", 3)
            (self._tx_ns if direction == ">" else self._rx_ns)[link] = self.time(word)

    def chunk(self, line: str) -> tuple[str, str, int, bytes]:
        """Return (link, direction, rig time in ns, bytes) of a ``>`` or ``<`` line."""
        direction, word, link, text = line.split(" ", 3)
        at_ns = self.time(word)
        (self._tx_ns if direction == ">" else self._rx_ns)[link] = at_ns
        return link, direction, at_ns, decode_bytes(text)

    def reading(self, line: str) -> Reading:
        """Return the reading of a ``W`` line."""
        if self._version == 1:
            _, answered, name, since_asked, state, mass, resolution = line.split(" ")
            answered_ns = int(answered)
            return _reading(
                name, answered_ns - int(since_asked), answered_ns, parse_finite(mass), parse_finite(resolution), state
            )
        _, name, state, mass, *rest = line.split(" ")
        if mass.endswith("mg"):
            mass_mg, resolution_mg = parse_finite(mass[:-2]), parse_finite(rest.pop(0).removesuffix("mg"))
        else:
            mass_mg, resolution_mg = parse_finite(f"{mass}e3"), parse_finite(f"1e{3 - len(mass.partition('.')[2])}")
        asked_ns = _parse_time(rest[0], self._tx_ns.get(name, 0)) if rest else self._tx_ns[name]
        answered_ns = _parse_time(rest[1], self._rx_ns.get(name, 0)) if len(rest) > 1 else self._rx_ns[name]
        return _reading(name, asked_ns, answered_ns, mass_mg, resolution_mg, state)


def _reading(  # the columns of a reading, as they stand in its line
    name: str, asked_ns: int, answered_ns: int, mass_mg: float, resolution_mg: float, state: str
) -> Reading:
    if state not in ("S", "D") or resolution_mg <= 0.0 or not -_MOST <= asked_ns <= _MOST >= abs(answered_ns):
        raise ValueError(f"no reading: {name} {state} {mass_mg} {resolution_mg} {asked_ns} {answered_ns}")
    return Reading(name, asked_ns, answered_ns, mass_mg, resolution_mg, state == "S")


def _mass(weighing: Weighing) -> str:
    """Return the mass in g down to the digit shown, as the display writes it; in mg with its step where that loses."""
    decimals = DECIMALS_OF_G.get(weighing.resolution_mg)
    if decimals is not None:
        text = f"{weighing.mass_mg / 1000.0:.{decimals}f}"
        if float(f"{text}e3") == weighing.mass_mg:
            return text
    return f"{weighing.mass_mg!r}mg {weighing.resolution_mg!r}mg"


def _offset(at_ns: int, from_ns: int | None) -> str:
    """Return ``at_ns`` as an offset, nothing when there is none; as it is where there is nothing to count from."""
    if from_ns is None:
        return _absolute(at_ns)
    return f"{at_ns - from_ns:+d}" if at_ns != from_ns else ""


def _absolute(at_ns: int) -> str:
    return str(at_ns) if at_ns >= 0 else f"@{at_ns}"


def _parse_time(word: str, from_ns: int) -> int:
    at_ns = from_ns + int(word) if word[0] in "+-" else int(word.removeprefix("@"))
    if abs(at_ns) > _MOST:
        raise ValueError(f"no time: {word[:60]}")
    return at_ns
