"""Annexes: what a reviewer looks up but does not read through. Nothing that section 9 shortens is lost."""

from __future__ import annotations

from typing import Any

from reports.blocks import Block, Heading, Section
from reports.reading import rows, text
from reports.sections.bolus import every_bolus
from reports.sections.items import all_items, are_many
from reports.sections.record import event_blocks, is_long_timeline
from reports.sections.truths import truth_annex
from reports.sections.walk_back import walk_back_blocks


def annexes(document: dict[str, Any]) -> tuple[Section, ...]:
    """Return the annexes that have anything to show, lettered in order."""
    parts = (
        ("annex-way", "From raw readings to the result", walk_back_blocks(document)),
        ("annex-events", "Every item, event and bolus", _every(document)),
        ("annex-timeline", "Timeline in full", event_blocks(document) if is_long_timeline(document) else []),
    )
    held = [part for part in parts if part[2]]
    return tuple(
        Section(letter, anchor, title, tuple(blocks))
        for letter, (anchor, title, blocks) in zip("ABC", held, strict=False)
    )


def _every(document: dict[str, Any]) -> list[Block]:
    blocks: list[Block] = []
    for place, check in enumerate(rows(document.get("checks"))):
        if are_many(check):
            blocks += [Heading(f"Items of {text(check.get('id'))}", "", f"items-{place}"), all_items(check)]
    return [*blocks, *truth_annex(document), *every_bolus(document)]
