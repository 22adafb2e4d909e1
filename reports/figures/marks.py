"""What every figure over run time marks: gaps in the readings, and interruptions of the run with their reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reports.figures import style
from reports.figures.quality_marks import mark_quality
from reports.formatting import as_number
from reports.interruptions import Interruption, interruptions, is_interruption
from reports.reading import rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

S_PER_H = 3600.0
NEAR_S = 60.0  # a delivery that began so shortly before what is shown is what is shown
MARGIN = 0.03  # of the axis: where an interruption before its beginning is drawn
EDGE_H = 1e-6
GREY: dict[str, Any] = {"facecolor": style.SHADE, "edgecolor": style.MUTED, "hatch": "////"}
NO_LEGEND = "_nolegend_"


def mark_gaps(
    axes: Axes, document: dict[str, Any], origin_s: float, shown_h: tuple[float, float], offset_h: float = 0.0
) -> bool:
    """Draw gaps, interruptions and marks of quality within ``shown_h`` (hours after ``origin_s``); return whether any.

    One that came before what is shown is a band at the left edge; `reach` leaves room for it.
    """
    labels: set[str] = set()

    def shade(left: float, right: float, look: dict[str, Any], label: str) -> None:
        shown = NO_LEGEND if label in labels else label
        axes.axvspan(left + offset_h, right + offset_h, alpha=0.5, linewidth=1.0, label=shown, **look)
        labels.add(label)

    def shade_within(start_s: float, end_s: float, look: dict[str, Any], label: str) -> None:
        left, right = (start_s - origin_s) / S_PER_H, (end_s - origin_s) / S_PER_H
        if right > shown_h[0] + EDGE_H and left < shown_h[1] - EDGE_H:
            shade(max(left, shown_h[0]), min(right, shown_h[1]), look, label)

    for gap in rows(document.get("gaps")):
        start, end = as_number(gap.get("start_s")), as_number(gap.get("end_s"))
        if start is None or end is None or is_interruption(document, gap):
            continue
        shade_within(start, end, {"color": style.GAP}, "gap in readings")
    for each in interruptions(document):
        shade_within(each.start_s, each.end_s, GREY, each.reason)
    before = _just_before(document, origin_s)
    if before is not None:
        shade(shown_h[0] - MARGIN * _width(shown_h), shown_h[0], GREY, before.reason)
    quality = mark_quality(axes, document, origin_s, shown_h, offset_h)
    return bool(labels) or quality


def reach(document: dict[str, Any], origin_s: float, t_h: list[float]) -> tuple[float, float]:
    """Return the limits of a time axis, with room for an interruption before it."""
    low, high = t_h[0], t_h[-1] if t_h[-1] > t_h[0] else t_h[0] + 1.0
    return (low - MARGIN * (high - low) if _just_before(document, origin_s) is not None else low), high


def _just_before(document: dict[str, Any], origin_s: float) -> Interruption | None:
    """Return the interruption after which what is shown came first: nothing was delivered between them."""
    earlier = [each for each in interruptions(document) if each.repeated and each.end_s <= origin_s]
    if not earlier:
        return None
    starts = (as_number(delivery.get("start_s")) for delivery in rows(document.get("deliveries")))
    between = any(earlier[-1].end_s < start < origin_s - NEAR_S for start in starts if start is not None)
    return None if between else earlier[-1]


def _width(shown_h: tuple[float, float]) -> float:
    return shown_h[1] - shown_h[0] if shown_h[1] > shown_h[0] else 1.0
