"""Part 13: the uncertainty of every result side by side, the principal budget drawn, every budget in full."""

from __future__ import annotations

import math
from typing import Any

from reports.blocks import Block, Column, Heading, Paragraph, Picture, Section, See, Table, cells, columns
from reports.figures.gallery import principal_check
from reports.formatting import NBSP, UNKNOWN, as_number, fixed, general, unit_text, with_unit
from reports.reading import rows, text
from reports.sections.front import shown_value
from reports.sections.items import shown_item

LEAST_SHARE = 0.01  # of the variance: components below it are joined beside a check


def budget(document: dict[str, Any]) -> Section:
    """Return part 13."""
    checks = rows(document.get("checks"))
    blocks: list[Block] = [
        Paragraph(
            "The standard uncertainty u of a result is the root of the sum of squares of its components' contributions "
            "(GUM, JCGM 100:2008, 5.1.2); the expanded uncertainty is U = k·u with k = 2."
        )
    ]
    if checks:
        head = columns("*Check", ">Value and U", ">Components", "*Largest component", ">Its contribution (u)")
        blocks.append(Table(head, tuple(_summary(check) for check in checks), "Uncertainty of the results"))
    index = principal_check(document)
    if index is not None:
        name = text(checks[index].get("id"))
        blocks.append(Picture("budget", f"Components of the standard uncertainty of {name}, largest first."))
    for place, check in enumerate(checks):
        if lines := rows(check.get("budget")):
            blocks += [
                Heading(f"Budget of {budget_of(check)}", "", f"budget-{place}"),
                See((("The result", f"check-{place}"), ("From raw readings to it", f"way-{place}"))),
                full_table(lines, text(check.get("unit"))),
            ]
    return Section(13, "budget", "Uncertainty budget", tuple(blocks))


def _summary(check: dict[str, Any]) -> tuple[Any, ...]:
    lines = [line for line in rows(check.get("budget")) if as_number(line.get("contribution")) is not None]
    largest = max(lines, key=lambda line: abs(float(line["contribution"])), default=None)
    unit = text(check.get("unit"))
    return cells(
        text(check.get("id")),
        shown_value(check),
        len(lines) or UNKNOWN,
        text(largest.get("name")) if largest else UNKNOWN,
        with_unit(general(largest.get("contribution"), 3), unit) if largest else UNKNOWN,
    )


def budget_of(check: dict[str, Any]) -> str:
    """Return what a budget belongs to: of an "each" check, the item furthest from zero, which is its value."""
    name, shown = text(check.get("id")), shown_item(check)
    label = text(shown.get("label")) if shown else ""
    return f"{name}, {label}" if label else name


def compact_table(check: dict[str, Any]) -> Table | None:
    """Return the budget of a check's value in short: components below 1 % of the variance are joined."""
    lines = [(line, as_number(line.get("contribution"))) for line in rows(check.get("budget"))]
    held = sorted(((line, abs(value)) for line, value in lines if value is not None), key=lambda pair: -pair[1])
    total = math.hypot(*(value for _, value in held))
    if total <= 0.0:
        return None
    shown = [pair for pair in held if pair[1] ** 2 >= LEAST_SHARE * total**2]
    rest = [value for _, value in held[len(shown) :]]
    body = [
        cells(text(line.get("name")), text(line.get("evaluation")), general(value, 3), _share(value, total))
        for line, value in shown
    ]
    if rest:
        left = math.hypot(*rest)
        body.append(cells(f"others, together ({len(rest)})", "", general(left, 3), _share(left, total)))
    body.append(cells("all: standard uncertainty u", "", general(total, 3), "100"))
    unit = unit_text(text(check.get("unit"))) or "1"
    head = columns("*Component", "^Type", f">Contribution ({unit})", ">Share of u² (%)")
    return Table(head, tuple(body), f"Uncertainty budget of {budget_of(check)}", dense=True)


def _share(value: float, total: float) -> str:
    share = 100.0 * value**2 / total**2
    return fixed(share, 1) if share >= 0.05 else "< 0.1"


def full_table(lines: list[dict[str, Any]], unit: str, caption: str = "") -> Table:
    """Return an uncertainty budget (GUM): one row per component, contributions in the result's unit."""
    head = (
        Column("Component", stretch=5),
        *columns("Evaluation", ">u", ">Sensitivity", f">Contribution ({unit_text(unit) or '1'})"),
        Column("Source", stretch=6),
    )
    body = tuple(
        cells(
            text(line.get("name")),
            f",{NBSP}".join(each for each in (text(line.get("evaluation")), text(line.get("distribution"))) if each),
            with_unit(general(line.get("standard_uncertainty"), 3), text(line.get("unit"))),
            general(line.get("sensitivity"), 3),
            general(line.get("contribution"), 3),
            text(line.get("source")),
        )
        for line in lines
    )
    return Table(head, body, caption, dense=True)
