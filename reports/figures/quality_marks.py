"""Marks of data quality in figures over run time: one look for each kind, whatever the figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reports.figures import style
from reports.formatting import as_number
from reports.reading import mapping, rows, series, text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

S_PER_H = 3600.0
NARROW = 0.004  # of the axis: a mark narrower than that is drawn as a line, so that it can be seen
NO_LEGEND = "_nolegend_"


@dataclass(frozen=True, slots=True)
class Look:
    """How a kind of mark is drawn: colour, hatch of a band, dashes of a line, and its words in the legend."""

    label: str
    colour: str
    hatch: str
    dashes: Any


STILL = Look("display still", style.THIRD, "..", (0, (1, 1)))
LOOKS = {
    "Q-REPEAT": STILL,
    "Q-ZERO": STILL,
    "Q-SPIKE": Look("Q-SPIKE, left out", style.MUTED, "xx", (0, (1, 2))),
    "Q-BUMP": Look("Q-BUMP, fall", style.LIMIT, "\\\\", (0, (4, 2))),
    "Q-STEP": Look("Q-STEP, unscheduled", style.REPORTED, "//", "-"),
    "Q-NOISE": Look("Q-NOISE, burst", style.SECOND, "--", (0, (3, 1, 1, 1))),
    "Q-DROP": Look("Q-DROP, drops", style.SERIES[5], "oo", (0, (5, 1))),
    "Q-DRIFT": Look("Q-DRIFT, bench", style.SERIES[4], "||", (0, (2, 2))),
    "Q-SMEAR": Look("Q-SMEAR, slow filter", style.INK, "++", (0, (6, 2, 1, 2))),
}


def quality_marks(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the stored marks that are drawn; gaps have their own look."""
    held = rows(mapping(mapping(document.get("analysis")).get("quality")).get("marks"))
    return [mark for mark in held if text(mark.get("rule")) in LOOKS]


def mark_quality(
    axes: Axes, document: dict[str, Any], origin_s: float, shown_h: tuple[float, float], offset_h: float = 0.0
) -> bool:
    """Draw the marks within ``shown_h`` (hours after ``origin_s``); return whether any is drawn."""
    told: set[str] = set()
    for mark in quality_marks(document):
        start_s, end_s = as_number(mark.get("from_s")), as_number(mark.get("to_s"))
        if start_s is None or end_s is None:
            continue
        left, right = (start_s - origin_s) / S_PER_H, (end_s - origin_s) / S_PER_H
        if right < shown_h[0] or left > shown_h[1]:
            continue
        look = LOOKS[text(mark.get("rule"))]
        label = NO_LEGEND if look.label in told else look.label
        told.add(look.label)
        left, right = max(left, shown_h[0]) + offset_h, min(right, shown_h[1]) + offset_h
        if right - left < NARROW * (shown_h[1] - shown_h[0]):
            axes.axvline((left + right) / 2.0, color=look.colour, linestyle=look.dashes, linewidth=1.2, label=label)
        else:
            band: dict[str, Any] = {"facecolor": "none", "edgecolor": look.colour, "hatch": look.hatch}
            axes.axvspan(left, right, alpha=0.45, linewidth=0.8, label=label, **band)
    return bool(told)


def draw_excluded(axes: Axes, curves: dict[str, Any]) -> None:
    """Draw the readings that were left out where they were read, as crosses."""
    t_h, measured_u = series(curves.get("excluded"), "t_h", "measured_u")
    if t_h and measured_u:
        low, high = axes.get_ylim()
        axes.plot(
            t_h,
            measured_u,
            linestyle="",
            marker="x",
            markersize=3.5,
            color=style.MUTED,
            label="reading left out",
        )
        axes.set_ylim(low, high)  # a knock of grams must not flatten the curve
