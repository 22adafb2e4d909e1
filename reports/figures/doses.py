"""Figures of single doses: size against number with its distribution, and the intervals between doses."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from reports.blocks import Figure
from reports.figures import style
from reports.formatting import as_number, fixed, general
from reports.reading import mapping, numbers, rows, text

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

LEAST_DOSES = 3


def draw_doses(document: dict[str, Any], curves: dict[str, Any]) -> list[Figure | None]:
    """Return the figures of every stretch of doses, named by its place in ``analysis.doses``."""
    tables = rows(mapping(document.get("analysis")).get("doses"))
    held = curves.get("doses")
    series = [mapping(each) for each in held] if isinstance(held, list) else []
    drawn: list[Figure | None] = []
    for index, (table, curve) in enumerate(zip(tables, series, strict=False)):
        drawn += [_sizes(table, curve, f"doses-{index}"), _intervals(table, curve, f"dose-intervals-{index}")]
    return drawn


def _sizes(table: dict[str, Any], curve: dict[str, Any], name: str) -> Figure | None:
    """Error of each dose in order, and how the doses are distributed."""
    number, errors = numbers(curve.get("number")), numbers(curve.get("error_pct"))
    if len(number) != len(errors) or len(style.known(errors)) < LEAST_DOSES:
        return None
    mean = as_number(mapping(table.get("sizes")).get("mean_pct"))
    limit = as_number(curve.get("detection_limit_pct"))

    def paint(canvas: Canvas) -> None:
        strip, histogram = canvas.subplots(1, 2, sharey=True, width_ratios=(2.6, 1.0))
        strip.axhspan(-15.0, 15.0, color=style.SHADE, alpha=0.18, linewidth=0, label="± 15 %")
        strip.plot(
            *style.thin(number, errors),
            linestyle="none",
            marker="o",
            markersize=2.6 if len(number) > 200 else 4.0,
            color=style.MEASURED,
            label="one dose",
        )
        _bars(histogram, mapping(curve.get("sizes")), horizontal=True)
        for axes in (strip, histogram):
            axes.axhline(0.0, color=style.SET, linewidth=0.8)
            if mean is not None:
                label = f"mean {fixed(mean, 2, signed=True)} %"
                axes.axhline(mean, color=style.REPORTED, linestyle=":", linewidth=1.3, label=label)
            if limit is not None:
                floor = limit - 100.0
                axes.axhline(floor, color=style.LIMIT, linestyle=(0, (5, 3)), linewidth=1.0, label="detection limit")
        strip.set_xlabel("Number of the dose")
        strip.set_ylabel("Error of the dose (%)")
        histogram.set_xlabel("Doses")
        histogram.locator_params(axis="x", integer=True, nbins=4)
        style.percent_ticks(strip)
        style.legend_above(canvas, [strip], 4)

    known = style.known(errors)
    alt = (
        f"Error of {len(known)} single doses, {text(table.get('label'))}, in order and as a histogram: mean "
        f"{fixed(mean, 2, signed=True)} %, smallest {fixed(min(known), 1, signed=True)} %, "
        f"largest {fixed(max(known), 1, signed=True)} %."
    )
    return style.draw(name, alt, 2.9, paint)


def _intervals(table: dict[str, Any], curve: dict[str, Any], name: str) -> Figure | None:
    """Distribution of the time between consecutive doses."""
    held, stats = mapping(curve.get("intervals")), mapping(table.get("intervals"))
    if not numbers(held.get("counts")):
        return None
    nominal = as_number(curve.get("interval_s"))

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        _bars(axes, held, horizontal=False)
        if nominal is not None:
            label = f"schedule, {general(nominal, 5)} s"
            axes.axvline(nominal, color=style.SET, linewidth=1.1, linestyle="--", label=label)
        axes.set_xlabel("Time between consecutive doses (s)")
        axes.set_ylabel("Intervals")
        axes.locator_params(axis="y", integer=True)
        style.legend_above(canvas, [axes], 2)

    alt = (
        f"Histogram of {general(stats.get('count'), 6)} intervals between doses: mean "
        f"{general(stats.get('mean_s'), 5)} s, SD {fixed(stats.get('sd_pct'), 1)} % of it."
    )
    return style.draw(name, alt, 2.2, paint)


def _bars(axes: Any, held: dict[str, Any], *, horizontal: bool) -> None:
    """Draw a stored histogram: ``edges`` has one entry more than ``counts``."""
    edges, counts = numbers(held.get("edges")), numbers(held.get("counts"))
    if len(edges) != len(counts) + 1:
        return
    widths = [high - low for low, high in pairwise(edges)]
    if horizontal:
        axes.barh(edges[:-1], counts, height=widths, align="edge", color=style.MEASURED, alpha=0.75)
    else:
        axes.bar(edges[:-1], counts, width=widths, align="edge", color=style.MEASURED, alpha=0.75)
