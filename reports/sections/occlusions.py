"""Occlusions: instants, what was missed and released, and the figure of their course."""

from __future__ import annotations

from typing import Any

from reports.blocks import Block, Facts, Heading, Paragraph, Picture
from reports.formatting import UNKNOWN, amount, as_number, elapsed, general, plus_minus
from reports.reading import mapping, rows, text, texts

COURSE = (
    "Weighed less programmed insulin since the clamp closed, and the release beside it. An alarm stops the pump, so "
    "nothing is programmed from it on."
)
QUANTITIES = (
    ("time_to_alarm", "Time to alarm"),
    ("came_out", "Came out of the clamped tube"),
    ("missed", "Missed"),
    ("missed_by_rate", "Missed by rate x time, as labels quote it"),
    ("leaked_after_alarm", "Came out between alarm and opening"),
    ("released", "Released"),
    ("released_in_60_s", "Released in the first 60 s"),
    ("released_share", "Released / missed"),
    ("time_constant", "Time constant of the release"),
)


def occlusion_blocks(document: dict[str, Any]) -> list[Block]:
    """Return all that is known of the occlusions; nothing when the run has none."""
    held = rows(mapping(document.get("analysis")).get("occlusions"))
    blocks: list[Block] = []
    for item in held:
        blocks.append(Heading(f"Occlusion in {text(item.get('label'))}"))
        blocks.append(Facts(tuple(fact for fact in _facts(item) if fact[1] != UNKNOWN)))
        if item.get("why_not"):
            blocks.append(Paragraph(f"It is not evaluated: {text(item['why_not'])}.", "muted"))
        blocks += [Paragraph(f"{note[:1].upper()}{note[1:]}.", "muted") for note in texts(item.get("notes"))]
    return [*blocks, Picture("occlusion", COURSE)] if held else []


def _facts(item: dict[str, Any]) -> list[tuple[str, str]]:
    alarm, opened = as_number(item.get("alarm_s")), as_number(item.get("opened_s"))
    facts = [
        ("Clamp closed (run time)", elapsed(item.get("closed_s"))),
        ("Alarm seen", "none while the tube was clamped" if alarm is None else elapsed(alarm)),
        ("Clamp opened", "not within the run" if opened is None else elapsed(opened)),
    ]
    facts += [(words, _value(mapping(item.get(key)))) for key, words in QUANTITIES]
    clamp = mapping(item.get("clamp"))
    if clamp:
        moved = f"{amount(clamp.get('closing_u'))} U out when closing, {amount(clamp.get('opening_u'))} U when opening"
        facts.append(("The clamp itself", f"{moved}; {general(clamp.get('count'))} trials, taken off"))
    return facts


def _value(value: dict[str, Any]) -> str:
    if not value:
        return UNKNOWN
    unit = text(value.get("unit"))
    shown = plus_minus(value.get("value"), value.get("expanded_uncertainty"))
    return f"{shown} {unit} (k = 2)" if unit != "1" else f"{shown} (k = 2)"
