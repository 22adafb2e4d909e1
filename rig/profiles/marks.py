"""Provenance marks: what kind of source a figure has, and which of them may ever decide.

**M** maker's document, **C** driver code that runs such pumps, **P** published bench study, **W** another page of the
web, **G** general knowledge, **R** recollection, **?** unknown (pump-specs section 0). Two more are no letters:
*declared for the twin* and *confirmed* (by a named person, with document and date, in a bench file).
"""

from __future__ import annotations

from rig.profiles.strict import Text

SOURCED = "MCPW"  # marks that must name where the figure stands
SOUND = "MCP"  # marks that a run may rest on; a claim needs more, see DECIDING
DECLARED = "declared for the twin"
CONFIRMED = "confirmed"
UNKNOWN_MARK = "?"
DECIDING = ("M", DECLARED, CONFIRMED)  # a mixture such as "M, G" is as weak as its weakest part
LETTERS = Text(r"[MCPGWR?](, [MCPGWR?])*", "provenance marks such as 'C' or 'C, P'")
CLAIM_MARK = Text(rf"[MCPGWR?](, ?[MCPGWR?])*|{DECLARED}|{CONFIRMED}", "a provenance mark such as 'M' or 'G'")
MEANINGS = {
    "M": "maker's manual or page",
    "C": "driver code that runs such pumps: what the pump accepts over its interface",
    "P": "published bench study",
    "W": "another page of the web: users, clinics, resellers",
    "G": "general knowledge, not looked up",
    "R": "recollection of a user guide, not verified",
    "?": "unknown",
}


def letters(mark: str) -> tuple[str, ...]:
    """Return the letters of a mark; none for a mark in words."""
    return () if mark in (DECLARED, CONFIRMED) else tuple(part.strip() for part in mark.split(","))


def weak(mark: str) -> bool:
    """Return whether any part of a mark is too weak to judge a pump by: neither maker, driver code nor study."""
    return any(letter not in SOUND for letter in letters(mark))


def combined(*marks: str) -> str:
    """Return the mark of several figures together: every letter once, in order of appearance."""
    return ", ".join(dict.fromkeys(letter for mark in marks for letter in letters(mark)))
