"""Figures over run time: three truths and their difference, start-up, blank."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reports.blocks import Figure
from reports.figures import marks, style
from reports.figures.quality_marks import draw_excluded
from reports.formatting import as_number, general
from reports.reading import mapping, rows, series, text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

MOST_PANELS = 6
MOST_MARKERS = 200


def cumulative(document: dict[str, Any], curves: dict[str, Any]) -> Figure | None:
    """Volume over time, programmed, reported and measured, with the difference from the programme below."""
    source = curves.get("cumulative")
    t_h, set_u, measured_u, residual_u = series(source, "t_h", "set_u", "measured_u", "residual_u")
    reported = series(mapping(source).get("reported"), "t_h", "u")
    if not t_h or not (set_u or measured_u):
        return None
    band_u = _band(source, len(t_h))
    origin_s = _origin_s(document, mapping(source))

    def paint(canvas: Canvas) -> None:
        panels = canvas.subplots(2, 1, sharex=True, height_ratios=(2.4, 1.3)) if residual_u else [canvas.subplots()]
        _three_truths(panels[0], t_h, set_u, reported, measured_u)
        draw_excluded(panels[0], curves)
        if residual_u:
            _residual(panels[1], t_h, residual_u, band_u)
        for axes in panels:
            marks.mark_gaps(axes, document, origin_s, (t_h[0], t_h[-1]))
        style.legend_above(canvas, panels, 3)
        panels[-1].set_xlabel("Time since start of delivery (h)")
        panels[-1].set_xlim(*marks.reach(document, origin_s, t_h))

    alt = f"Cumulative volume over {general(t_h[-1], 3)} h: programmed (SET)"
    alt += ", reported (REP)" if reported[0] else ""
    alt += f" and measured (MEAS); the last measured value is {_last(measured_u)} U of {_last(set_u)} U programmed."
    return style.draw("cumulative", alt, 4.3 if residual_u else 3.0, paint)


def _band(source: Any, length: int) -> list[float]:
    """Return the expanded uncertainty along the residual, where it is stored."""
    (band_u,) = series(source, "expanded_uncertainty_u")
    return band_u if len(band_u) == length else []


def _last(values: list[float]) -> str:
    """Return the last known value of a series as text."""
    held = style.known(values)
    return general(held[-1], 4) if held else "unknown"


def _three_truths(
    axes: Axes, t_h: list[float], set_u: list[float], reported: tuple[list[float], ...], measured_u: list[float]
) -> None:
    """Draw the three cumulative curves so that each stays visible where they lie on each other."""
    if measured_u:
        axes.plot(*style.thin(t_h, measured_u), color=style.MEASURED, linewidth=2.6, alpha=0.75, label="MEAS, weighed")
    if reported[0]:
        axes.plot(
            *style.thin(reported[0], reported[1]),
            color=style.REPORTED,
            linewidth=1.1,
            linestyle="-.",
            marker="o" if len(reported[0]) <= MOST_MARKERS else "",
            markersize=3.0,
            markerfacecolor="none",
            label="REP, reservoir reading",
        )
    if set_u:
        axes.plot(*style.thin(t_h, set_u), color=style.SET, linewidth=1.0, linestyle="--", label="SET, programmed")
    axes.set_ylabel("Delivered volume (U)")


def _residual(axes: Axes, t_h: list[float], residual_u: list[float], band_u: list[float]) -> None:
    """Draw measured minus programmed volume, with its expanded uncertainty where it is stored."""
    if band_u:
        low = [value - spread for value, spread in zip(residual_u, band_u, strict=True)]
        high = [value + spread for value, spread in zip(residual_u, band_u, strict=True)]
        x, bottom, top = style.stride(t_h), style.stride(low), style.stride(high)
        axes.fill_between(x, bottom, top, color=style.MEASURED, alpha=0.18, linewidth=0, label="± U (k = 2)")
    axes.axhline(0.0, color=style.SET, linewidth=0.9, linestyle="--")
    axes.plot(*style.thin(t_h, residual_u), color=style.MEASURED, linewidth=1.0)
    axes.set_ylabel("MEAS − SET (U)")


def _origin_s(document: dict[str, Any], source: dict[str, Any]) -> float:
    """Return the run time at which the curves begin: as stored with them, else the start of the first delivery."""
    stored = as_number(source.get("from_s"))
    if stored is not None:
        return stored
    starts = (as_number(delivery.get("start_s")) for delivery in rows(document.get("deliveries")))
    return min((start for start in starts if start is not None), default=0.0)


def startup(document: dict[str, Any], curves: dict[str, Any]) -> Figure | None:
    """Flow over time from the first reading (the start-up graph of IEC 60601-2-24), one panel per rate."""
    panels = [item for item in rows(curves.get("startup")) if series(item, "t_h", "rate_u_per_h")[1]][:MOST_PANELS]
    if not panels:
        return None

    def paint(canvas: Canvas) -> None:
        drawn = canvas.subplots(len(panels), 1, squeeze=False)[:, 0]
        for axes, item in zip(drawn, panels, strict=True):
            _startup_panel(axes, document, item, titled=len(panels) > 1)
        drawn[-1].set_xlabel("Time since start of delivery (h)")
        style.legend_above(canvas, list(drawn), 2)

    labels = "; ".join(f"{text(item.get('label')) or 'basal'}" for item in panels)
    alt = f"Start-up graph: flow in U/h against time in hours, with the programmed rate, for {labels}."
    return style.draw("startup", alt, 1.0 + 1.75 * len(panels), paint)


def _startup_panel(axes: Axes, document: dict[str, Any], item: dict[str, Any], *, titled: bool) -> None:
    """Draw one start-up graph."""
    t_h, rate = series(item, "t_h", "rate_u_per_h")
    axes.plot(*style.thin(t_h, rate), color=style.MEASURED, linewidth=1.0, label="MEAS, flow")
    (set_rates,) = series(item, "set_u_per_h")
    constant = as_number(item.get("set_u_per_h"))
    if len(set_rates) == len(t_h):
        axes.step(t_h, set_rates, where="post", color=style.SET, linewidth=1.0, linestyle="--", label="SET, rate")
    elif constant is not None:
        axes.axhline(constant, color=style.SET, linewidth=1.0, linestyle="--", label="SET, rate")
    axes.set_ylabel("Flow (U/h)")
    held = style.known(rate)
    if held and min(held) >= 0.0:
        axes.set_ylim(bottom=0.0)
    origin_s = as_number(item.get("from_s"))
    axes.set_xlim(t_h[0], t_h[-1] if t_h[-1] > t_h[0] else t_h[0] + 1.0)
    if origin_s is not None:
        marks.mark_gaps(axes, document, origin_s, (t_h[0], t_h[-1]))
        axes.set_xlim(*marks.reach(document, origin_s, t_h))
    if titled:
        axes.set_title(text(item.get("label"))[:60], loc="right", color=style.MUTED)


def blank(document: dict[str, Any], curves: dict[str, Any]) -> Figure | None:
    """Balance reading with the pump stopped: noise, drift and evaporation of the bench itself."""
    source = mapping(curves.get("blank"))
    parts = [
        (label, part) for label, part in (("before", source.get("before")), ("after", source.get("after"))) if part
    ] or [("", source)]
    parts = [(label, part) for label, part in parts if series(part, "t_h", "mass_mg")[1]]
    if not parts:
        return None

    def paint(canvas: Canvas) -> None:
        drawn = canvas.subplots(1, len(parts), squeeze=False)[0]
        for axes, (label, part) in zip(drawn, parts, strict=True):
            t_h, mass_mg = series(part, "t_h", "mass_mg")
            axes.plot(*style.thin(t_h, mass_mg), color=style.MEASURED, linewidth=0.9)
            origin_s = as_number(part.get("from_s"))
            if origin_s is not None and marks.mark_gaps(axes, document, origin_s, (t_h[0], t_h[-1])):
                axes.set_xlim(*marks.reach(document, origin_s, t_h))
                axes.legend(loc="lower right")
            axes.set_xlabel("Time (h)")
            axes.ticklabel_format(axis="y", useOffset=False)
            if label:
                axes.set_title(f"Blank {label}")
        drawn[0].set_ylabel("Change of reading (mg)")

    alt = "Balance reading in mg over time in hours while the pump was stopped (blank run)."
    return style.draw("blank", alt, 2.4, paint)
