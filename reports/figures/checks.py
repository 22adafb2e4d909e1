"""Figures of decisions: every check against its limits, and what makes up an uncertainty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reports.blocks import Figure
from reports.figures import style
from reports.formatting import as_number, unit_text
from reports.reading import rows, text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

MOST_BARS = 30
REACH = 2.6


def overview(document: dict[str, Any]) -> Figure | None:
    """Value and U of each two-sided check on one scale, on which every lower limit is -1 and every upper limit +1."""
    held = [place for place in map(_placed, rows(document.get("checks"))) if place][:MOST_BARS]
    if not held:
        return None

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        axes.axvspan(-1.0, 1.0, color=style.SHADE, alpha=0.18, linewidth=0)
        for edge in (-1.0, 1.0):
            axes.axvline(edge, color=style.LIMIT, linestyle=(0, (5, 3)), linewidth=1.1)
        axes.axvline(0.0, color=style.SET, linewidth=0.7)
        for row, (label, outcome, centre, spread) in enumerate(held):
            _bar(axes, row, outcome, centre, spread)
            axes.text(-REACH - 0.08, row, label, ha="right", va="center", fontsize=9.0)
            axes.text(
                REACH + 0.08,
                row,
                outcome,
                ha="left",
                va="center",
                fontsize=8.0,
                color=style.OUTCOME.get(outcome, style.INK),
            )
        axes.set_ylim(len(held) - 0.4, -0.6)
        axes.set_xlim(-REACH, REACH)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xticks([-2, -1, 0, 1, 2], ["−2", "lower limit", "centre", "upper limit", "+2"])
        axes.set_xlabel("Value with expanded uncertainty U, in half-widths of the limits")

    told = "; ".join(f"{label} {outcome}" for label, outcome, _, _ in held)
    alt = f"Each check's value and expanded uncertainty between its limits: {told}."
    return style.draw("checks", alt, 0.75 + 0.3 * len(held), paint)


def _placed(check: dict[str, Any]) -> tuple[str, str, float, float] | None:
    """Return label, outcome, position and spread of a check on the common scale; None where it has no two limits."""
    low, high, value = (as_number(check.get(key)) for key in ("lower_limit", "upper_limit", "value"))
    if low is None or high is None or value is None or high <= low:
        return None
    half = (high - low) / 2.0
    spread = as_number(check.get("expanded_uncertainty")) or 0.0
    return text(check.get("id"))[:28], text(check.get("outcome")), (value - (low + high) / 2.0) / half, spread / half


def _bar(axes: Axes, row: int, outcome: str, centre: float, spread: float) -> None:
    """Draw one value with its U; what lies beyond the scale is an arrow at its edge."""
    colour = style.OUTCOME.get(outcome, style.INK)
    if abs(centre) > REACH:
        side = 1.0 if centre > 0 else -1.0
        axes.plot(
            [side * (REACH - 0.06)], [row], marker=">" if side > 0 else "<", color=colour, markersize=7, clip_on=False
        )
        return
    axes.errorbar([centre], [row], xerr=[spread], fmt="o", color=colour, markersize=4.5, elinewidth=1.6, capsize=3)


def budget(check: dict[str, Any], name: str) -> Figure | None:
    """Contributions to the standard uncertainty of one result, largest first."""
    lines = [
        (text(line.get("name")), value)
        for line in rows(check.get("budget"))
        if (value := as_number(line.get("contribution"))) is not None and value > 0.0
    ]
    lines.sort(key=lambda line: -line[1])
    lines = lines[:12]
    if len(lines) < 2:
        return None

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        axes.barh(range(len(lines)), [value for _, value in lines], color=style.MEASURED, height=0.62)
        axes.set_yticks(range(len(lines)), [label if len(label) < 44 else f"{label[:42]}…" for label, _ in lines])
        axes.set_ylim(len(lines) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(f"Contribution to the standard uncertainty ({unit_text(text(check.get('unit'))) or '1'})")

    alt = f"Contributions to the standard uncertainty of {text(check.get('id'))}, largest first: "
    alt += ", ".join(label for label, _ in lines) + "."
    return style.draw(name, alt, 0.7 + 0.24 * len(lines), paint)
