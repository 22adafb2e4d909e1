"""What somebody vouched for before a run: the arming checklist, as it stands in the record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from rig.record.reader import Event
from rig.results import Finding

CHECKLIST: Final = "checklist"
OPERATOR, BENCH_FILE, NOBODY = "operator", "bench file", "nobody"
NOBODY_VOUCHES: Final = (
    "nobody vouches for prime, tip, bubbles, vessel and lots: unattended, and no [checklist] in the bench file"
)


def checklists(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Return every checklist of a record, that of each resumption included, oldest first."""
    return [event.data for event in events if event.name == CHECKLIST]


def checklist_findings(events: Sequence[Event]) -> list[Finding]:
    """Return that nobody vouched, or what somebody saw that a result may suffer from."""
    found = []
    for told in checklists(events):
        if told.get("by") == NOBODY:
            found.append(Finding("nobody-vouches", NOBODY_VOUCHES))
        for row in told.get("answers", ()):
            if row.get("doubtful"):
                text = f"{row.get('question')} {row.get('answer')} ({told.get('name') or told.get('by')})"
                found.append(Finding("checklist", text))
    return list({(each.id, each.text): each for each in found}.values())
