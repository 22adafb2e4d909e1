"""Figures of bolus accuracy and of delivery shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reports.blocks import Figure
from reports.figures import style
from reports.formatting import amount, as_number, fixed
from reports.reading import mapping, rows, series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

EACH_MEASURE = "bolus.each_error"


def errors(document: dict[str, Any]) -> Figure | None:
    """Error of every bolus with its U, one panel per size so that small sizes do not squeeze the large."""
    groups = bolus_groups(document)
    if not groups:
        return None
    limits = _each_limits(document)

    def paint(canvas: Canvas) -> None:
        panels = canvas.subplots(1, len(groups), squeeze=False, width_ratios=[max(8, len(held)) for _, held in groups])[
            0
        ]
        for position, (axes, (set_u, held)) in enumerate(zip(panels, groups, strict=True)):
            _group(axes, set_u, held, position, limits.get(set_u, (None, None)))
        panels[0].set_ylabel("Bolus error (%)")

    told = "; ".join(
        f"{amount(set_u)} U: {len(held)} boluses, {fixed(min(_errors(held)), 1, signed=True)} to "
        f"{fixed(max(_errors(held)), 1, signed=True)} %"
        for set_u, held in groups
    )
    alt = f"Percentage error of each bolus with its expanded uncertainty, by programmed size. {told}."
    return style.draw("bolus-errors", alt, 3.1, paint)


def bolus_groups(document: dict[str, Any]) -> list[tuple[float, list[dict[str, Any]]]]:
    """Return the boluses that have an error, by programmed size, smallest first."""
    groups: dict[float, list[dict[str, Any]]] = {}
    for item in rows(mapping(mapping(document.get("analysis")).get("boluses")).get("items")):
        set_u = as_number(item.get("set_u"))
        if set_u is not None and as_number(item.get("error_pct")) is not None:
            groups.setdefault(set_u, []).append(item)
    return sorted(groups.items())


def _errors(held: list[dict[str, Any]]) -> list[float]:
    """Return the errors of one group."""
    return [float(item["error_pct"]) for item in held]


def _group(axes: Axes, set_u: float, held: list[dict[str, Any]], position: int, limits: tuple[Any, Any]) -> None:
    """Draw one size of bolus: dots in order of delivery with their U bars."""
    numbers = range(1, len(held) + 1)
    spreads = [as_number(item.get("expanded_uncertainty_pct")) or 0.0 for item in held]
    axes.axhline(0.0, color=style.SET, linewidth=0.8)
    style.limit_lines(axes, *limits)
    axes.errorbar(
        numbers,
        _errors(held),
        yerr=spreads if any(spreads) else None,
        fmt=style.MARKERS[position % len(style.MARKERS)],
        markersize=3.6,
        color=style.SERIES[position % len(style.SERIES)],
        elinewidth=0.8,
        capsize=1.6,
        capthick=0.8,
    )
    axes.set_title(f"{amount(set_u)} U (n = {len(held)})")
    axes.set_xlabel("Bolus number")
    axes.locator_params(axis="x", integer=True, nbins=5)
    axes.set_xlim(0.0, len(held) + 1.0)
    style.percent_ticks(axes)


def _each_limits(document: dict[str, Any]) -> dict[float, tuple[Any, Any]]:
    """Return the limits in percent of the "each" checks, by programmed size."""
    found: dict[float, tuple[Any, Any]] = {}
    for check in rows(document.get("checks")):
        if check.get("measure") != EACH_MEASURE or not check.get("limit_source"):
            continue
        for item in rows(check.get("items")):
            set_u = as_number(item.get("set_u"))
            if set_u is not None:
                own = {"lower_limit", "upper_limit"} & item.keys()
                source = item if own else check
                found[set_u] = (source.get("lower_limit"), source.get("upper_limit"))
    return found


def shapes(curves: dict[str, Any]) -> Figure | None:
    """Delivered share over time of one bolus of each size: duration and tail."""
    held = [(item, series(item, "t_s", "delivered_u")) for item in rows(curves.get("bolus_shape"))]
    held = [(item, pair) for item, pair in held if all(pair) and as_number(item.get("set_u"))][:4]
    if not held:
        return None

    def paint(canvas: Canvas) -> None:
        panels = canvas.subplots(1, len(held), squeeze=False)[0]
        for position, (axes, (item, (t_s, delivered_u))) in enumerate(zip(panels, held, strict=True)):
            colour = style.SERIES[position % len(style.SERIES)]
            axes.axhline(float(item["set_u"]), color=style.SET, linestyle="--", linewidth=0.9, label="SET")
            axes.plot(*style.thin(t_s, delivered_u), color=colour, linewidth=1.4, label="MEAS")
            axes.set_title(f"{amount(item['set_u'])} U")
            axes.set_xlabel("Time since start (s)")
            axes.set_xlim(t_s[0], t_s[-1] if t_s[-1] > t_s[0] else t_s[0] + 1.0)
        panels[0].set_ylabel("Delivered volume (U)")
        panels[-1].legend(loc="lower right")

    sizes = ", ".join(f"{amount(item['set_u'])} U" for item, _ in held)
    alt = f"Delivered volume in U over time in seconds for one bolus each of {sizes}, with the programmed amount."
    return style.draw("bolus-shape", alt, 2.6, paint)
