"""Every dialogue of the transcripts, said to the simulated instruments."""

from __future__ import annotations

import re

import pytest

from tests.sim.instruments.kit import Desk
from tests.transcripts.instrument_notation import Dialogue, Step, dialogues

FIRST = {
    "keysight_e36.toml": "e36312a",
    "rigol_dp.toml": "dp832",
    "siglent_spd.toml": "spd3303x",
    "scpi_supply.toml": "scpi",
    "dmm_34461a.toml": "34461a",
    "sdm3055.toml": "sdm3055",
}
GIVEN_S = 0.06
ANSWER_S = 0.02
CASES = [
    pytest.param(file, dialogue, id=f"{file[:-5]}: {dialogue.name}")
    for file in FIRST
    for dialogue in dialogues(file).values()
    if dialogue.judges != "driver"
]


@pytest.mark.parametrize(("file", "dialogue"), CASES)
def test_the_simulator_says_what_the_transcript_has(file: str, dialogue: Dialogue) -> None:
    desk = Desk(dialogue.model.lower() or FIRST[file])
    for message in dialogue.given:
        desk.say(message, GIVEN_S)
    for step in dialogue.steps:
        heard = desk.say(step.send, max(step.pause_ms / 1e3, step.after_ms / 1e3 + ANSWER_S if step.receive else 0.0))
        assert matches(step, heard), (step, heard)


def matches(step: Step, heard: bytes) -> bool:
    """Say whether an answer is the step's, or has its form and a first value that is near enough."""
    if not step.like:
        return heard == step.receive
    return form(heard) == form(step.receive) and abs(first_value(heard) - step.near) <= step.within


def form(answer: bytes) -> bytes:
    """Return an answer with all digits alike and without signs."""
    return re.sub(rb"[+-]", b"", re.sub(rb"[0-9]", b"0", answer))


def first_value(answer: bytes) -> float:
    """Return the first value of an answer, or of a block with two digits of length."""
    return float(re.sub(rb"^#2[0-9]{2}", b"", answer).split(b",")[0])
