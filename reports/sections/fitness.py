"""Part 8: what the bench itself contributed, and whether that leaves room to decide."""

from __future__ import annotations

from typing import Any

from reports.blocks import Block, Cell, Heading, Paragraph, Section, Table, cells, columns
from reports.formatting import UNKNOWN, as_number, general, with_unit
from reports.reading import mapping, rows, text
from reports.sections import bench

HALF_PCT = 50.0
SPLIT = 12  # checks of which each has its own heading; beyond, the table of all of them stays


def fitness(document: dict[str, Any]) -> Section:
    """Return part 8: in one line, every gate, every check's share of its limit, then the blanks themselves."""
    blanks = bench.fitness(document)
    held = mapping(document.get("fitness"))
    if not held:
        return blanks
    blocks: list[Block] = [Paragraph(_sentence(held), "" if held.get("fit") else "INVALID")]
    gates, checks = rows(held.get("gates")), rows(held.get("checks"))
    if gates:
        blocks.append(_gates(gates))
    for check in checks[:SPLIT]:
        blocks += [Heading(text(check.get("id"))), _check(check)]
    if len(checks) > SPLIT:
        blocks.append(Paragraph(f"{len(checks) - SPLIT} more checks stand in result.json, part fitness.", "muted"))
    return Section(8, blanks.anchor, blanks.title, (*blocks, Heading("Blanks"), *blanks.blocks))


def fitness_line(document: dict[str, Any]) -> str:
    """Return what the bench contributed in one line for a terminal; empty for a result without it."""
    return text(mapping(document.get("fitness")).get("line"))


def _sentence(held: dict[str, Any]) -> str:
    line = text(held.get("line"))
    return f"{line[:1].upper()}{line[1:]}." if line else "Nothing of the bench's fitness was recorded."


def _fit(value: Any) -> Cell:
    """Return fit, unfit or not shown: in words, for fitness is no outcome."""
    return Cell("not shown" if value is None else "fit" if value else "NOT fit")


def _gates(gates: list[dict[str, Any]]) -> Table:
    body = tuple(
        (
            *cells(text(row.get("gate")), text(row.get("found")) or UNKNOWN, text(row.get("limit")) or UNKNOWN),
            _fit(row.get("fit")),
        )
        for row in gates
    )
    note = "Not shown: nobody looked, or there was nothing to look at; a finding says so where it matters."
    return Table(columns("Gate", "*Found", "*Needed", "Fit"), body, "What was looked at, from arming to the end", note)


def _check(check: dict[str, Any]) -> Table:
    unit = text(check.get("unit"))
    parts = rows(check.get("components"))
    own = [part for part in parts if part.get("of_the_bench")]
    other = [part for part in parts if not part.get("of_the_bench")]
    body = [_row(text(part.get("name")), part.get("expanded_uncertainty"), part.get("share"), unit) for part in own]
    share, size = check.get("share"), check.get("own_expanded_uncertainty")
    whole = cells("the bench, together", _size(size, unit), _share(share))
    body.append((*whole, _fit(check.get("fit"))))
    body += [_row(text(part.get("name")), part.get("expanded_uncertainty"), part.get("share"), unit) for part in other]
    limit = with_unit(general(check.get("limit"), 4), unit)
    note = f"Fit: at most {HALF_PCT:g} % of the limit of {limit}. Components add up as the root of the sum of squares."
    unfit, items = as_number(check.get("items_unfit")) or 0, as_number(check.get("items")) or 0
    if items:
        note += f" Shown is the item that is the check's value; {unfit:.0f} of {items:.0f} items are unfit."
    head = columns("Component", ">U", ">Share of the limit", "Fit")
    return Table(head, tuple(body), f"Contribution of the bench: {text(check.get('title')) or unit}", note)


def _row(name: str, size: Any, share: Any, unit: str) -> tuple[Cell, ...]:
    return cells(name, _size(size, unit), _share(share), "")


def _size(value: Any, unit: str) -> str:
    return with_unit(general(value, 2), unit)


def _share(value: Any) -> str:
    number = as_number(value)
    return UNKNOWN if number is None else with_unit(general(100.0 * number, 2), "%")
