"""Tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.formatting import MINUS

SIGNS = f"+-<> {MINUS}"


def text_table(head: Sequence[str], lines: Iterable[Sequence[str]], title: str) -> list[str]:
    """Return a table with right-aligned columns, nothing but a title without a colon where there are no rows."""
    body = list(lines)
    if not body:
        return [f"  {title}", ""] if ":" in title else []
    widths = [max(len(row[column]) for row in [head, *body]) for column in range(len(head))]
    words = [not any(row[column].lstrip(SIGNS)[:1].isdigit() for row in body) for column in range(len(head))]

    def line(row: Sequence[str]) -> str:
        cells = [
            cell.ljust(width) if word else cell.rjust(width)
            for cell, width, word in zip(row, widths, words, strict=True)
        ]
        return f"    {'  '.join(cells)}".rstrip()

    return [f"  {title}", line(head), *(line(row) for row in body), ""]
