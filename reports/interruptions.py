"""Where a run was interrupted, and in what words a reader is told: on the first page and in every figure over time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from reports.formatting import as_number, elapsed
from reports.reading import mapping, rows, text

WORDS = {"interrupted": "cut off", "": "reason unknown"}
TOLD_ON_FIRST_PAGE = ("void", "shift-in-gap", "clock-unsynchronised")


@dataclass(frozen=True, slots=True)
class Interruption:
    """One interruption, in s of run time; ``reason`` in a few words; ``repeated``: a step began anew after it."""

    start_s: float
    end_s: float
    segment: int
    reason: str
    repeated: bool


def interruptions(document: dict[str, Any]) -> tuple[Interruption, ...]:
    """Return every interruption of a run: where one segment ended and the next began."""
    found = []
    for before, after in pairwise(rows(document.get("segments"))):
        start_s, end_s = as_number(before.get("to_s")), as_number(after.get("from_s"))
        if start_s is None or end_s is None:
            continue
        gap = _gap(document, start_s, end_s)
        if gap is not None:
            start_s, end_s = gap
        repeated = after.get("mode") != "reattach"
        why = text(before.get("end_reason")).replace("_", " ")
        reason = f"interrupted ({WORDS.get(why, why)})" if repeated else "runner lost, re-attached"
        found.append(Interruption(start_s, end_s, int(as_number(after.get("number")) or 0), reason, repeated))
    return tuple(found)


def _gap(document: dict[str, Any], start_s: float, end_s: float) -> tuple[float, float] | None:
    """Return the gap in the readings that an interruption made, the widest one that holds it."""
    held = []
    for gap in rows(document.get("gaps")):
        low, high = as_number(gap.get("start_s")), as_number(gap.get("end_s"))
        if low is not None and high is not None and low <= max(end_s, start_s) and high >= min(start_s, end_s):
            held.append((low, high))
    return max(held, key=lambda gap: gap[1] - gap[0], default=None)


def is_interruption(document: dict[str, Any], gap: dict[str, Any]) -> bool:
    """Say whether a gap in the readings is one that an interruption made."""
    edges = (as_number(gap.get("start_s")), as_number(gap.get("end_s")))
    return any(edges == (each.start_s, each.end_s) for each in interruptions(document))


def notices(document: dict[str, Any]) -> tuple[str, ...]:
    """Return what the first page says at once: interruptions, what the figures show, a void, a shift nobody saw."""
    found = []
    for each in interruptions(document):
        how = (
            f"a step was repeated from its beginning in segment {each.segment}, from {elapsed(each.end_s)} on"
            if each.repeated
            else f"the pump ran on, and nothing was weighed until {elapsed(each.end_s)} (segment {each.segment})"
        )
        found.append(f"{each.reason[:1].upper()}{each.reason[1:]} at {elapsed(each.start_s)} run time: {how}.")
    shown = shown_stretch(document)
    if shown is not None:
        found.append(
            f"Figures and tables show stretch {text(shown.get('number'))}, the latest, from "
            f"{elapsed(shown.get('from_s'))} to {elapsed(shown.get('to_s'))}; section 10 lists the others."
        )
    for finding in rows(document.get("findings")):
        if finding.get("id") in TOLD_ON_FIRST_PAGE:
            words = text(finding.get("text"))
            found.append(f"{words[:1].upper()}{words[1:]}.")
    return tuple(found)


def stretches(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the stretches of a run that was interrupted and repeated; none for any other run."""
    return rows(mapping(document.get("analysis")).get("stretches"))


def shown_stretch(document: dict[str, Any]) -> dict[str, Any] | None:
    """Return the stretch that tables and figures show, where a run has several."""
    return next((each for each in stretches(document) if each.get("shown")), None)
