"""Figures of basal accuracy: trumpet curve and one-hour windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reports.blocks import Figure
from reports.figures import marks, style
from reports.formatting import as_number, fixed, general
from reports.late import late
from reports.reading import mapping, numbers, rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

LIMIT_MEASURE = "basal.overall_error"


def trumpet(document: dict[str, Any], basal: dict[str, Any], name: str) -> Figure | None:
    """Largest and smallest error against observation window (IEC 60601-2-24, ambulatory windows)."""
    points = [point for point in rows(basal.get("trumpet")) if as_number(point.get("window_min"))]
    drawable = [point for point in points if as_number(point.get("max_pct")) is not None]
    if not drawable:
        return None
    overall = as_number(basal.get("overall_error_pct"))

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        _ideal(axes, points)
        windows = _column(points, "window_min")
        axes.plot(windows, _column(points, "max_pct"), color=style.MEASURED, marker="^", label="largest error")
        axes.plot(
            windows,
            _column(points, "min_pct"),
            color=style.MEASURED,
            marker="v",
            linestyle="-.",
            label="smallest error",
        )
        if overall is not None:
            axes.axhline(
                overall,
                color=style.REPORTED,
                linewidth=1.2,
                linestyle=":",
                label=f"overall error A = {fixed(overall, 2, signed=True)} %",
            )
        axes.axhline(0.0, color=style.SET, linewidth=0.8)
        style.limit_lines(axes, *_limits(document), label="limit on A")
        _window_axis(axes, windows)
        axes.set_ylabel("Percentage error (%)")
        style.percent_ticks(axes)
        style.legend_above(canvas, [axes], 3)

    ends = ", ".join(
        f"{general(point['window_min'])} min: {fixed(point.get('min_pct'), 2, signed=True)} to "
        f"{fixed(point.get('max_pct'), 2, signed=True)} %"
        for point in drawable
    )
    return style.draw(
        name, f"Trumpet curve, smallest and largest percentage error against window length. {ends}.", 3.4, paint
    )


def _column(points: list[dict[str, Any]], key: str) -> list[float]:
    """Return one column of the trumpet table as a series."""
    return numbers([point.get(key) for point in points])


def _ideal(axes: Axes, points: list[dict[str, Any]]) -> None:
    """Shade what a pump with perfect, equal pulses would show in windows of unknown phase."""
    held = [
        (as_number(point["window_min"]), as_number(point.get("ideal_min_pct")), as_number(point.get("ideal_max_pct")))
        for point in points
    ]
    whole = [(window, low, high) for window, low, high in held if window and low is not None and high is not None]
    if len(whole) < 2:
        return
    windows, low, high = ([item[index] for item in whole] for index in range(3))
    axes.fill_between(windows, low, high, color=style.SHADE, alpha=0.3, linewidth=0, label="ideal pulses")


def _limits(document: dict[str, Any]) -> tuple[Any, Any]:
    """Return the limits of the overall basal error where exactly one pair was judged."""
    pairs = {
        (check.get("lower_limit"), check.get("upper_limit"))
        for check in rows(document.get("checks"))
        if check.get("measure") == LIMIT_MEASURE and check.get("limit_source")
    }
    return pairs.pop() if len(pairs) == 1 else (None, None)


def _window_axis(axes: Axes, windows: list[float]) -> None:
    """Set a logarithmic axis with a tick at each observation window."""
    ticker = late("matplotlib.ticker")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(ticker.FixedLocator(windows))
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _position: f"{value:.4g}")
    axes.set_xlim(min(windows) * 0.88, max(windows) * 1.14)
    axes.set_xlabel("Observation window (min)")


def windows_1h(document: dict[str, Any], basal: dict[str, Any], name: str) -> Figure | None:
    """Error of each full hour in order, and how the hours are distributed."""
    held = mapping(basal.get("windows_1h"))
    errors = numbers(held.get("errors_pct"))
    if len(style.known(errors)) < 2:
        return None
    mean = as_number(held.get("mean_pct"))
    hours = numbers(held.get("hours"))
    hours = hours if len(hours) == len(errors) else [float(hour) for hour in range(1, len(errors) + 1)]
    origin_s = as_number(basal.get("from_s"))

    def paint(canvas: Canvas) -> None:
        strip, histogram = canvas.subplots(1, 2, sharey=True, width_ratios=(2.6, 1.0))
        strip.axhspan(-15.0, 15.0, color=style.SHADE, alpha=0.14, linewidth=0, label="± 15 %")
        strip.axhspan(-5.0, 5.0, color=style.SHADE, alpha=0.26, linewidth=0, label="± 5 %")
        strip.plot(
            hours,
            errors,
            linestyle="none",
            marker="o",
            markersize=4.0,
            color=style.MEASURED,
            label="1-h window",
        )
        histogram.hist(
            style.known(errors), bins=_bins(errors), orientation="horizontal", color=style.MEASURED, alpha=0.75
        )
        for axes in (strip, histogram):
            axes.axhline(0.0, color=style.SET, linewidth=0.8)
            if mean is not None:
                axes.axhline(
                    mean,
                    color=style.REPORTED,
                    linestyle=":",
                    linewidth=1.3,
                    label=f"mean {fixed(mean, 2, signed=True)} %",
                )
        if origin_s is not None:  # the k-th hour is drawn at k: half an hour after its middle
            marks.mark_gaps(strip, document, origin_s, (hours[0] - 1.0, hours[-1]), 0.5)
        strip.set_xlabel("Hour of the record")
        strip.set_ylabel("Error of the hour (%)")
        histogram.set_xlabel("Number of hours")
        histogram.locator_params(axis="x", integer=True)
        reach = max(6.0, 1.15 * max(abs(value) for value in style.known(errors)))
        strip.set_ylim(-reach, reach)
        style.percent_ticks(strip)
        style.legend_above(canvas, [strip], 4)

    alt = (
        f"Percentage error of {len(errors)} one-hour windows in order and as a histogram; "
        f"mean {fixed(mean, 2, signed=True)} %, smallest {fixed(min(style.known(errors)), 2, signed=True)} %, "
        f"largest {fixed(max(style.known(errors)), 2, signed=True)} %."
    )
    return style.draw(name, alt, 2.9, paint)


def _bins(errors: list[float]) -> list[float]:
    """Return bin edges centred on zero: 1 % wide, or wider so that no more than about forty are needed."""
    reach = max(abs(value) for value in style.known(errors))
    width = next((step for step in (1.0, 2.0, 5.0, 10.0, 25.0, 50.0) if reach / step <= 20.0), reach / 20.0)
    count = int(reach / width) + 1
    return [width * (index - 0.5) for index in range(-count, count + 2)]
