r"""Byte transcripts: what was written to a device and what came back, as a plug-in keeps them beside its code.

A TOML file, each table a situation of the suite, each exchange what the host writes in one piece, and the replies::

    model = "ACME-1"
    serial = "512001"

    [asleep]
    exchanges = [
        { ask = "512001 ?WHO\r", replies = [{ after_ms = 40, say = "512001 =WHO ACME-1 2.04\r" }] },
    ]

``ask`` and ``say`` are ASCII text, or bytes after ``hex:``. An exchange without ``ask`` is said at the start.
``resolution_mg`` is a balance's last digit. A driver follows a transcript to the byte: what is asked in other bytes or
another order fails, and so does what is left over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from rig.errors import ConfigError
from rig.plugins.spec import Scene
from rig.profiles.strict import ListOf, Nested, Number, Origin, Text, read_table, read_toml
from rig.transport.virtual import Port

NS_PER_MS = 1_000_000
_BYTES = Text(r"hex:( ?[0-9A-Fa-f]{2}){1,500}|(?!hex:)[\x00-\x7f]{1,500}", "ASCII text, or bytes such as 'hex:AA 55'")
_HEAD = {"model": str, "serial": str, "resolution_mg": float}


@dataclass(frozen=True, slots=True)
class Reply:
    """What comes back."""

    say: Annotated[str, _BYTES, "the bytes"]
    after_ms: Annotated[float, Number(0, 600_000, "ms"), "how long after the question, in ms"] = 0.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """What is asked, and what comes back."""

    ask: Annotated[str, _BYTES, "what the host writes in one piece; left out: said at the start"] = ""
    replies: Annotated[tuple[Reply, ...], ListOf(Nested(Reply), 0, 100), "what comes back"] = ()


@dataclass(frozen=True, slots=True)
class _Situation:
    exchanges: Annotated[tuple[Exchange, ...], ListOf(Nested(Exchange), 0, 1000), "the dialogue, in order"]


@dataclass(frozen=True, slots=True)
class Transcript:
    """One file: who the device is, and a dialogue for each situation."""

    model: str
    serial: str
    resolution_mg: float
    situations: dict[str, tuple[Exchange, ...]]

    def scene(self, situation: str) -> Scene | None:
        """Return a device that follows the transcript in this situation; None where it has none."""
        exchanges = self.situations.get(situation)
        if exchanges is None:
            return None
        return Scene(Follower(exchanges), self.serial, self.model, resolution_mg=self.resolution_mg)


def read_transcript(path: Path, situations: Sequence[str]) -> Transcript:
    """Return a transcript; raises `ConfigError` with file, line and the nearest valid word."""
    data, text = read_toml(path)
    origin = Origin(path.name, text)
    head = {key: _head(key, kind, data.pop(key, None), origin) for key, kind in _HEAD.items()}
    unknown = next((key for key in data if key not in situations), None)
    if unknown is not None:
        raise ConfigError(
            f"unknown situation '{unknown}'", where=str(origin.child(unknown)), expected=" or ".join(situations)
        )
    found = {key: read_table(_Situation, table, origin.child(key)).exchanges for key, table in data.items()}
    return Transcript(**head, situations=found)


class Follower:
    """A device that follows a transcript to the byte; `finish` says what was never asked."""

    def __init__(self, exchanges: Sequence[Exchange]) -> None:
        self._unasked = [each for each in exchanges if not each.ask]
        self._expected = [each for each in exchanges if each.ask]
        self._port: Port | None = None
        self.wrong = ""

    def attach(self, port: Port) -> None:
        """Learn the wire, and say what comes unasked."""
        self._port = port
        for exchange in self._unasked:
            self._answer(exchange, 0)

    def receive(self, data: bytes, now_ns: int) -> None:
        """Compare what was asked with the next exchange, and answer as it says; nothing after the first difference."""
        if self.wrong:
            return
        if not self._expected:
            self.wrong = f"the transcript was at its end, and {data!r} was asked"
            return
        exchange = self._expected.pop(0)
        wanted = as_bytes(exchange.ask)
        if data != wanted:
            self.wrong = f"{data!r} was asked, and the transcript has {wanted!r}"
            return
        self._answer(exchange, now_ns)

    def finish(self) -> str:
        """Return what differed from the transcript; empty when nothing did."""
        if not self.wrong and self._expected:
            return f"never asked: {as_bytes(self._expected[0].ask)!r}"
        return self.wrong

    def _answer(self, exchange: Exchange, now_ns: int) -> None:
        if self._port is None:
            raise RuntimeError("a transcript was asked before it was attached")
        for reply in exchange.replies:
            self._port.send(as_bytes(reply.say), now_ns + round(reply.after_ms * NS_PER_MS))


def as_bytes(text: str) -> bytes:
    """Return bytes that are written as ASCII text, or in hexadecimal after ``hex:``."""
    return bytes.fromhex(text[4:]) if text.startswith("hex:") else text.encode("ascii")


def _head(key: str, kind: type, value: Any, origin: Origin) -> Any:
    if value is None:
        return kind()
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind):
        raise ConfigError(f"{value!r} cannot be used", where=str(origin.child(key)), expected=f"a {kind.__name__}")
    return value
