"""Reads the transcripts of this folder; a third, deliberately plain writing of the line code keeps them readable."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
NOTHING_HEARD = b"\xaa\x00"
RSSI_AND_COUNTER = b"\x50\x07"

_SIX_BITS = {
    "0": "010101",
    "1": "110001",
    "2": "110010",
    "3": "100011",
    "4": "110100",
    "5": "100101",
    "6": "100110",
    "7": "010110",
    "8": "011010",
    "9": "011001",
    "A": "101010",
    "B": "001011",
    "C": "101100",
    "D": "001101",
    "E": "001110",
    "F": "011100",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """Bytes that a device sends ``after_ms`` after it was asked."""

    data: bytes
    after_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Pair:
    """What the host writes in one piece, and what comes back; an empty ``sent`` speaks unasked, at the start."""

    sent: bytes
    replies: tuple[Reply, ...]
    what: str = ""


def expand(text: str) -> bytes:
    """Turn ``"A7 00*3 01"`` into bytes."""
    out = bytearray()
    for part in text.split():
        byte, _, count = part.partition("*")
        out += bytes.fromhex(byte) * int(count or 1)
    return bytes(out)


def four_b_six_b(packet: bytes) -> bytes:
    """Return ``packet`` in the line code, filled up with 0101 as the pump does."""
    bits = "".join(_SIX_BITS[digit] for digit in packet.hex().upper())
    bits += "0101" if len(bits) % 8 else ""
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))


def from_four_b_six_b(encoded: bytes) -> bytes:
    """Return the packet behind a whole number of codes; a group that is no code raises KeyError."""
    digits = {code: digit for digit, code in _SIX_BITS.items()}
    bits = "".join(f"{byte:08b}" for byte in encoded)
    text = "".join(digits[bits[at : at + 6]] for at in range(0, len(bits) - 5, 6))
    return bytes.fromhex(text[: len(text) // 2 * 2])


def load(file: str) -> dict[str, Any]:
    """Read one transcript file."""
    return tomllib.loads((FOLDER / file).read_text(encoding="utf-8"))


@cache
def packets() -> dict[str, bytes]:
    """Return the decoded packets of ``minimed_packets.toml`` by name."""
    return {entry["what"]: expand(entry["decoded"]) for entry in load("minimed_packets.toml")["packet"]}


def packet(name_or_hex: str) -> bytes:
    """Return a decoded packet by name, or from its bytes."""
    return packets().get(name_or_hex) or expand(name_or_hex)


def asked(decoded: bytes, listen_ms: int = 500) -> bytes:
    """Return the stick's command that sends a packet once and listens."""
    return b"\x05" + bytes(4) + listen_ms.to_bytes(4, "big") + b"\x00" + four_b_six_b(decoded) + b"\x00"


def heard(decoded: bytes) -> bytes:
    """Return the stick's response when it heard a packet."""
    return RSSI_AND_COUNTER + four_b_six_b(decoded) + b"\x00"


def listening(listen_ms: int) -> bytes:
    """Return the stick's command that only listens."""
    return b"\x03\x00" + listen_ms.to_bytes(4, "big")


def radio_pairs(name: str) -> list[Pair]:
    """Return a dialogue of ``minimed_dialogues.toml`` as bytes, included ones first."""
    dialogue = _dialogues("minimed_dialogues.toml")[name]
    pairs = [pair for included in dialogue.get("include", []) for pair in radio_pairs(included)]
    return pairs + [_radio_pair(step) for step in dialogue["step"]]


def _radio_pair(step: dict[str, Any]) -> Pair:
    what = step["what"]
    if "send" in step:
        replies = (Reply(expand(step["receive"])),) if "receive" in step else ()
        return Pair(expand(step["send"]), replies, what)
    listen_ms = step.get("listen_ms", 500)
    sent = asked(packet(step["ask"]), listen_ms) if "ask" in step else listening(listen_ms)
    if step["hear"] == "nothing":
        return Pair(sent, (Reply(NOTHING_HEARD, listen_ms),), what)
    return Pair(sent, (Reply(heard(packet(step["hear"])), 90),), what)


def line_pairs(name: str) -> list[Pair]:
    """Return a dialogue of ``mt_sics_dialogues.toml`` as bytes, included ones first."""
    dialogue = _dialogues("mt_sics_dialogues.toml")[name]
    pairs = [pair for included in dialogue.get("include", []) for pair in line_pairs(included)]
    return pairs + [
        Pair(
            step["send"].encode("latin-1"),
            tuple(
                Reply(line.encode("latin-1"), step.get("after_ms", 60) + number * step.get("every_ms", 20))
                for number, line in enumerate(step.get("receive", []))
            ),
            step["what"],
        )
        for step in dialogue["step"]
    ]


@cache
def _dialogues(file: str) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in load(file)["dialogue"]}
