"""Every figure that a document has the data for, by name."""

from __future__ import annotations

from typing import Any

from reports.blocks import Figure
from reports.figures import basal, bolus, checks, occlusion, time
from reports.figures.doses import draw_doses
from reports.figures.electrical import draw_supply
from reports.reading import mapping, rows


def draw_all(document: dict[str, Any], curves: dict[str, Any]) -> dict[str, Figure]:
    """Return the figures that can be drawn; the keys are the names that `reports.blocks.Picture` refers to."""
    drawn: list[Figure | None] = [
        checks.overview(document),
        time.cumulative(document, curves),
        time.startup(document, curves),
        time.blank(document, curves),
        draw_supply(curves),
        bolus.errors(document),
        bolus.shapes(curves),
        occlusion.course(mapping(document.get("analysis")), curves),
    ]
    for index, item in enumerate(rows(mapping(document.get("analysis")).get("basal"))):
        drawn.append(basal.trumpet(document, item, f"trumpet-{index}"))
        drawn.append(basal.windows_1h(document, item, f"windows-{index}"))
    drawn += draw_doses(document, curves)
    for index, check in enumerate(rows(document.get("checks"))):
        if index == principal_check(document):
            drawn.append(checks.budget(check, "budget"))
    return {figure.name: figure for figure in drawn if figure is not None}


def principal_check(document: dict[str, Any]) -> int | None:
    """Return the index of the first check that has a budget of two lines or more."""
    for index, check in enumerate(rows(document.get("checks"))):
        if len(rows(check.get("budget"))) >= 2:
            return index
    return None
