"""Reads the dialogues of syringe pumps; a third, deliberately plain writing of the safe packet keeps them readable."""

from __future__ import annotations

from binascii import crc_hqx
from functools import cache
from typing import Any

from tests.transcripts.notation import Pair, Reply, expand, load

STX, ETX = b"\x02", b"\x03"
ANSWER_MS = 20.0


def safe_packet(text: str) -> bytes:
    """Return STX, length, ``text``, CRC (polynomial 1021, initial value 0000), ETX."""
    body = text.encode("ascii")
    return STX + bytes([len(body) + 4]) + body + crc_hqx(body, 0).to_bytes(2, "big") + ETX


def new_era_answer(text: str, *, safe: bool = False) -> bytes:
    """Return an answer of a New Era pump in the frame of its mode."""
    return safe_packet(text) if safe else STX + text.encode("ascii") + ETX


def new_era_pairs(*names: str) -> list[Pair]:
    """Return dialogues of ``new_era_dialogues.toml`` as bytes, included ones first."""
    pairs = []
    for name in names:
        dialogue = _dialogues("new_era_dialogues.toml")[name]
        pairs += new_era_pairs(*dialogue.get("include", []))
        pairs += [_new_era_pair(step, safe=dialogue.get("safe", False)) for step in dialogue["step"]]
    return pairs


def _new_era_pair(step: dict[str, Any], *, safe: bool) -> Pair:
    out, back = step.get("safe_out", safe), step.get("safe_back", safe)
    sent = safe_packet(step["say"]) if out else step["say"].encode("ascii") + b"\r"
    answers = [new_era_answer(text, safe=back) for text in step.get("hear", [])]
    if "raw" in step:
        answers = [expand(step["raw"])]
    first_ms, every_ms = step.get("after_ms", ANSWER_MS), step.get("every_ms", 0.0)
    replies = tuple(Reply(answer, first_ms + number * every_ms) for number, answer in enumerate(answers))
    return Pair(sent, replies, step["what"])


def harvard_pairs(*names: str) -> list[Pair]:
    """Return dialogues of ``harvard_dialogues.toml`` as bytes, included ones first."""
    pairs = []
    for name in names:
        dialogue = _dialogues("harvard_dialogues.toml")[name]
        pairs += harvard_pairs(*dialogue.get("include", []))
        pairs += [_harvard_pair(step) for step in dialogue["step"]]
    return pairs


def _harvard_pair(step: dict[str, Any]) -> Pair:
    sent = step["say"].encode("ascii") + b"\r"
    heard = [step["hear"].encode("latin-1")] if "hear" in step else []
    replies = tuple(Reply(answer, step.get("after_ms", ANSWER_MS)) for answer in heard)
    return Pair(sent, replies, step["what"])


@cache
def _dialogues(file: str) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in load(file)["dialogue"]}
