"""Reads the dialogues of supplies and meters; what the files may say stands in README.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.transcripts.notation import Pair, Reply, load

FILES = (
    "keysight_e36.toml", "rigol_dp.toml", "siglent_spd.toml", "scpi_supply.toml", "dmm_34461a.toml", "sdm3055.toml",
)  # fmt: skip
PAUSE_MS = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """One message of the host and the answer to it; ``like``: digits may differ, the first value may not by much."""

    what: str
    send: bytes
    receive: bytes
    after_ms: float
    pause_ms: float
    like: bool
    near: float
    within: float


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One dialogue: ``given`` is what the device was told before; ``judges`` is driver, simulator or both."""

    name: str
    model: str
    given: tuple[bytes, ...]
    judges: str
    steps: tuple[Step, ...]

    def pairs(self) -> list[Pair]:
        """Return the dialogue as what is written in one piece and what comes back."""
        return [
            Pair(step.send, (Reply(step.receive, step.after_ms),) if step.receive else (), step.what)
            for step in self.steps
        ]


@cache
def dialogues(file: str) -> Mapping[str, Dialogue]:
    """Return the dialogues of one file by name."""
    data = load(file)
    pause_ms = data.get("pause_ms", PAUSE_MS)
    return {entry["name"]: _dialogue(entry, pause_ms) for entry in data["dialogue"]}


def instrument_pairs(file: str, *names: str) -> list[Pair]:
    """Return dialogues as pairs of bytes, one after the other."""
    return [pair for name in names for pair in dialogues(file)[name].pairs()]


def _dialogue(entry: dict[str, Any], pause_ms: float) -> Dialogue:
    given = tuple(text.encode("ascii") for text in entry.get("given", []))
    steps = tuple(_step(step, pause_ms) for step in entry["step"])
    return Dialogue(entry["name"], entry.get("model", ""), given, entry.get("for", "both"), steps)


def _step(step: dict[str, Any], pause_ms: float) -> Step:
    return Step(
        step["what"],
        step["send"].encode("ascii"),
        "".join(step.get("receive", [])).encode("ascii"),
        step.get("after_ms", 0.0),
        step.get("pause_ms", pause_ms),
        step.get("like", False),
        step.get("near", 0.0),
        step.get("within", 0.0),
    )
