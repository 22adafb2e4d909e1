"""The course of occlusions: what was weighed less what was programmed, the whole and its release beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reports.blocks import Figure
from reports.figures import style
from reports.formatting import as_number, general, plus_minus
from reports.reading import mapping, rows, series, text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

MOST_PANELS = 6
MINUTE_S = 60.0
HOUR_S = 3600.0
EVENTS = (("closed_s", "clamp closed", "--"), ("alarm_s", "alarm", "-."), ("opened_s", "clamp opened", ":"))


def course(document: dict[str, Any], curves: dict[str, Any]) -> Figure | None:
    """Measured less programmed insulin around each occlusion, its events marked, missed and released as arrows."""
    pairs = list(zip(rows(document.get("occlusions")), rows(curves.get("occlusions")), strict=False))
    held = [(item, curve) for item, curve in pairs if series(curve, "t_s", "difference_u")[1]]
    if not held:
        return None
    shown = held[:MOST_PANELS]
    released = any(curve.get("release") for _, curve in shown)

    def paint(canvas: Canvas) -> None:
        panels = canvas.subplots(
            len(shown), 2 if released else 1, squeeze=False, width_ratios=(1.5, 1.0) if released else None
        )
        for number, (line, (item, curve)) in enumerate(zip(panels, shown, strict=True), 1):
            _whole(line[0], item, curve)
            if released:
                _release(line[1], item, curve)
            if len(shown) > 1:
                line[0].set_title(f"Occlusion {number}", color=style.MUTED)
        style.legend_above(canvas, [axes for line in panels for axes in line], 3)

    return style.draw("occlusion", _alt(shown, len(held)), 0.7 + 2.6 * len(shown), paint)


def _alt(shown: list[tuple[dict[str, Any], dict[str, Any]]], count: int) -> str:
    """Return the figure in words."""
    told = [
        f"missed {_told(item, 'missed')}"
        + (f", released {_told(item, 'released')}" if item.get("released") else ", never opened")
        for item, _ in shown
    ]
    rest = f" {count - len(shown)} further occlusions are not drawn." if count > len(shown) else ""
    return f"Weighed less programmed insulin in U around each of {count} occlusions: {'; '.join(told)}.{rest}"


def _told(item: dict[str, Any], key: str) -> str:
    """Return a measured volume in words."""
    value = mapping(item.get(key))
    spread = value.get("expanded_uncertainty")
    shown = general(value.get("value"), 4) if as_number(spread) is None else plus_minus(value.get("value"), spread)
    return f"{shown} {text(value.get('unit'))}"


def _whole(axes: Axes, item: dict[str, Any], curve: dict[str, Any]) -> None:
    """Draw everything from before the closing to the end of the release."""
    t_s, less_u = series(curve, "t_s", "difference_u")
    per, unit = (HOUR_S, "h") if t_s[-1] > 3.0 * HOUR_S else (MINUTE_S, "min")
    axes.plot(*style.thin([t / per for t in t_s], less_u), color=style.MEASURED, linewidth=1.2, label="MEAS − SET")
    axes.axhline(0.0, color=style.SET, linewidth=0.8, linestyle="--")
    for key, words, dashes in EVENTS:
        at_s = 0.0 if key == "closed_s" else as_number(curve.get(key))
        if at_s is not None:
            axes.axvline(at_s / per, color=style.MUTED, linewidth=1.0, linestyle=dashes, label=words)
    end_s = as_number(curve.get("alarm_s")) or as_number(curve.get("opened_s")) or t_s[-1]
    rest_s = (as_number(curve.get("opened_s")) or t_s[-1]) - end_s
    # Left of the falling curve, or above its rest where the clamp long stayed closed after the alarm.
    at_s = end_s + 0.1 * rest_s if rest_s > end_s else 0.07 * end_s
    _missed(axes, item, at_s / per, end_s / per)
    axes.set_xlabel(f"Time since the clamp closed ({unit})")
    axes.set_ylabel("MEAS − SET (U)")


def _missed(axes: Axes, item: dict[str, Any], at: float, end: float) -> None:
    """Mark the missed volume below zero."""
    missed = as_number(mapping(item.get("missed")).get("value"))
    if missed is None or missed <= 0.0:
        return
    axes.hlines(-missed, 0.0, max(at, end), color=style.REPORTED, linewidth=0.9, linestyle=(0, (1, 2)))
    _arrow(axes, at, (-missed, 0.0), f"missed\n{_told(item, 'missed')}", -0.8 * missed)


def _arrow(axes: Axes, at: float, ends: tuple[float, float], words: str, text_at: float) -> None:
    """Draw an upright arrow with its words to the right."""
    for tip, tail in (ends, ends[::-1]):
        arrow = {"arrowstyle": "-|>", "color": style.REPORTED, "shrinkA": 0.0, "shrinkB": 0.0}
        axes.annotate("", (at, tip), (at, tail), arrowprops=arrow)
    beside: dict[str, Any] = {
        "textcoords": "offset points",
        "color": style.REPORTED,
        "va": "center",
        "ha": "left",
        "fontsize": 9.0,
    }
    axes.annotate(words, (at, text_at), (4.0, 0.0), **beside)


def _release(axes: Axes, item: dict[str, Any], curve: dict[str, Any]) -> None:
    """Draw the release by the second."""
    t_s, less_u = series(mapping(curve.get("release")), "t_s", "difference_u")
    released = as_number(mapping(item.get("released")).get("value"))
    if not t_s or released is None:
        axes.set_axis_off()
        return
    axes.plot(*style.thin(t_s, less_u), color=style.MEASURED, linewidth=1.2)
    axes.axvline(0.0, color=style.MUTED, linewidth=1.0, linestyle=":")
    end_s = as_number(curve.get("collected_s")) or t_s[-1]
    axes.axvspan(0.0, end_s, color=style.SECOND, alpha=0.12, linewidth=0, label="release collected")
    before = [u for t, u in zip(t_s, less_u, strict=True) if t < 0.0]
    base = sum(before) / len(before) if before else less_u[0]
    words = f"released\n{_told(item, 'released')}"
    _arrow(axes, 0.4 * end_s, (base, base + released), words, base + 0.35 * released)
    axes.set_xlim(t_s[0], min(t_s[-1], 1.5 * end_s))
    axes.set_xlabel("Time since it opened (s)")
