"""The pump's supply: what it did, and what supply and meter read; a part of the section on the environment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reports.blocks import Block, Heading, Paragraph, Picture, Section, Table, cells, columns
from reports.figures.electrical import NAME
from reports.formatting import as_number, elapsed, general, with_unit
from reports.reading import mapping, rows, text

MOST_DEEDS = 40


def with_supply(section: Section, document: dict[str, Any]) -> Section:
    """Return the section with the pump's supply at its end, where the run had one."""
    held = mapping(mapping(document.get("analysis")).get("electrical"))
    if not held:
        return section
    blocks: list[Block] = [*section.blocks, Heading("The pump's supply"), *_readings(held), *_deeds(held)]
    low = mapping(held.get("battery_low"))
    if low:
        before, after = with_unit(general(low.get("not_low_at_v")), "V"), with_unit(general(low.get("low_at_v")), "V")
        blocks.append(Paragraph(f"The pump called its battery low between {before} and {after}."))
    blocks.append(Picture(NAME, "Voltage and current of the pump's supply, as they were read."))
    return replace(section, blocks=tuple(blocks))


def _readings(held: dict[str, Any]) -> list[Block]:
    body = []
    for name in ("supply", "meter"):
        part = mapping(held.get(name))
        for key, label, unit, factor in (("voltage_v", "voltage", "V", 1.0), ("current_a", "current", "mA", 1000.0)):
            found = mapping(part.get(key))
            if found:
                values = [_scaled(found.get(which), factor, unit) for which in ("min", "mean", "max")]
                count, over = text(part.get("readings")), text(part.get("overloads"))
                body.append(cells(f"{name.capitalize()}, {label}", count, over, *values))
    if not body:
        return []
    head = columns("*Read by", ">Readings", ">Overloads", ">Smallest", ">Mean", ">Largest")
    note = "Read one at a time after weighings: what the pump draws between two readings is not seen."
    return [Table(head, tuple(body), "Readings of the pump's supply", note)]


def _deeds(held: dict[str, Any]) -> list[Block]:
    deeds = rows(held.get("deeds"))
    if not deeds:
        return []
    body = tuple(cells(elapsed(deed.get("at_s")), text(deed.get("what"))) for deed in deeds[:MOST_DEEDS])
    left = len(deeds) - len(body)
    note = f"{left} more are in the record." if left > 0 else ""
    return [Table(columns(">At", "*The supply"), body, "What the supply did", note)]


def _scaled(value: Any, factor: float, unit: str) -> str:
    found = as_number(value)
    return with_unit(general(None if found is None else found * factor, 4), unit)
