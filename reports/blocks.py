"""What a report is made of, before it is HTML or PDF: sections of blocks, every number already text.

Both templates draw the same blocks, so the two forms of a report cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

LONG_TABLE = 30
SPECS = (">", "^", "*")


@dataclass(frozen=True, slots=True)
class Cell:
    """One table cell; ``tone`` is empty or an outcome that colours it (never colour alone: the text says it too)."""

    text: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A table column: head, alignment ("left", "right", "center"), and its share of free width (0 = as needed)."""

    title: str
    align: str = "left"
    stretch: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """A table with caption and note; a row of one cell is a heading that spans the columns; ``dense``: set closer."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    note: str = ""
    dense: bool = False
    kind: str = "table"

    @property
    def is_long(self) -> bool:
        """Return whether the table is set smaller and may be folded away on a screen."""
        return len(self.rows) > LONG_TABLE


@dataclass(frozen=True, slots=True)
class Facts:
    """Label and value pairs."""

    rows: tuple[tuple[str, str], ...]
    kind: str = "facts"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text; ``tone`` is empty, "muted" or an outcome for a marked note."""

    text: str
    tone: str = ""
    kind: str = "paragraph"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a section, with an outcome beside it where it is a check's; ``number`` is given when built."""

    text: str
    outcome: str = ""
    anchor: str = ""
    number: str = ""
    kind: str = "heading"


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure by name; left out when there was nothing to draw."""

    name: str
    caption: str
    number: int = 0
    kind: str = "figure"


@dataclass(frozen=True, slots=True)
class See:
    """Where more stands: words and the anchor of a heading or section; ``places`` are filled in when built."""

    rows: tuple[tuple[str, str], ...]
    places: tuple[str, ...] = ()
    kind: str = "see"


@dataclass(frozen=True, slots=True)
class Signatures:
    """Lines to sign on: role and meaning of each signature."""

    rows: tuple[tuple[str, str], ...]
    kind: str = "signatures"


Block = Table | Facts | Paragraph | Heading | Picture | See | Signatures


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report, or an annex, whose number is a letter."""

    number: int | str
    anchor: str
    title: str
    blocks: tuple[Block, ...]

    @property
    def is_annex(self) -> bool:
        """Return whether this is an annex."""
        return isinstance(self.number, str)

    @property
    def heading(self) -> str:
        """Return number and title as they stand at its head."""
        return f"Annex {self.number}: {self.title}" if self.is_annex else f"{self.number} {self.title}"


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawn figure: SVG text as drawn, and the words for who cannot see it."""

    name: str
    svg: str
    alt: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The first page: outcome, what it is about, the checks in short, what was counted, what must be seen at once."""

    outcome: str
    sentence: str
    facts: tuple[tuple[str, str], ...]
    checks: Table
    counts: tuple[tuple[str, str], ...]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report, ready for a template."""

    title: str
    subtitle: str
    run_id: str
    stamps: tuple[str, ...]
    date_utc: tuple[int, int, int, int, int, int]
    verdict: Verdict
    sections: tuple[Section, ...]
    figures: dict[str, Figure] = field(default_factory=dict)


def cells(*texts: Any) -> tuple[Cell, ...]:
    """Return plain cells for one row."""
    return tuple(Cell(str(text)) for text in texts)


def outcome_cell(outcome: str) -> Cell:
    """Return a cell that shows an outcome."""
    return Cell(outcome.replace("_", " "), outcome)


def columns(*specs: str) -> tuple[Column, ...]:
    """Return columns from short specs: ``"Title"`` left, ``">Title"`` right, ``"^Title"`` centre, ``"*Title"`` wide."""
    made = []
    for spec in specs:
        align = {">": "right", "^": "center"}.get(spec[:1], "left")
        stretch = 1 if spec.startswith("*") else 0
        made.append(Column(spec[1:] if spec[:1] in SPECS else spec, align, stretch))
    return tuple(made)
