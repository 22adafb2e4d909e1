"""One look for every figure, and drawing that gives the same bytes each time.

Colours are those of Okabe and Ito (2008), told apart under every common colour blindness; line style or marker repeats
what a colour says. Every hue has a fixed code so that the HTML page can swap it for its light or dark counterpart.
"""

from __future__ import annotations

import io
import logging
import math
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from reports.blocks import Figure
from reports.formatting import MINUS, as_number
from reports.late import late

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

INK = "#1b1b1b"
MUTED = "#6a6a6a"
GRID = "#dddddd"
SET = "#1b1b1c"
REPORTED = "#d55e00"
MEASURED = "#0072b2"
SECOND = "#009e73"
THIRD = "#cc79a7"
LIMIT = "#8a1538"
SHADE = "#9a9a9a"
GAP = "#e6b800"
SERIES = (MEASURED, REPORTED, SECOND, THIRD, "#56b4e9", "#a67c00")
MARKERS = ("o", "s", "^", "D", "v", "P")
OUTCOME = {
    "PASS": "#00785a",
    "FAIL": "#b3261e",
    "INCONCLUSIVE": "#8f5b00",
    "INVALID": "#7b3fa0",
    "REPORT_ONLY": "#4a6076",
}

WIDTH_IN = 5.9
MOST_POINTS = 1600
SETTINGS: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9.5,
    "text.parse_math": False,
    "axes.unicode_minus": True,
    "axes.labelsize": 9.5,
    "axes.titlesize": 10.0,
    "axes.titlelocation": "left",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 9.0,
    "ytick.labelsize": 9.0,
    "legend.frameon": False,
    "legend.fontsize": 9.0,
    "lines.linewidth": 1.4,
    "text.color": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "svg.fonttype": "none",
    "path.simplify": True,
    "path.simplify_threshold": 0.2,
}


def draw(name: str, alt: str, height_in: float, paint: Callable[[Canvas], None]) -> Figure:
    """Return the figure that ``paint`` makes on an empty canvas of full width."""
    logging.getLogger("matplotlib").setLevel(logging.WARNING)
    mpl = late("matplotlib")
    with mpl.rc_context({**SETTINGS, "svg.hashsalt": f"report-{name}"}), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a glyph missing from one font is drawn from another
        canvas = late("matplotlib.figure").Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
        paint(canvas)
        page = io.StringIO()
        canvas.savefig(page, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return Figure(name, page.getvalue(), alt)


def thin(x: Sequence[float], y: Sequence[float], most: int = MOST_POINTS) -> tuple[list[float], list[float]]:
    """Return at most about ``most`` points that keep every visible peak: least and greatest of each bin, in order."""
    count = len(x)
    if count <= most:
        return list(x), list(y)
    bins = most // 2
    kept = {0, count - 1}
    for index in range(bins):
        inside = range(index * count // bins, (index + 1) * count // bins)
        known = [position for position in inside if not math.isnan(y[position])]
        if known:
            kept.add(min(known, key=y.__getitem__))
            kept.add(max(known, key=y.__getitem__))
        if len(known) < len(inside):  # keep the break in the line
            kept.add(next(position for position in inside if math.isnan(y[position])))
    order = sorted(kept)
    return [x[position] for position in order], [y[position] for position in order]


def known(values: Sequence[float]) -> list[float]:
    """Return the values that are known."""
    return [value for value in values if not math.isnan(value)]


def limit_lines(axes: Axes, lower: Any, upper: Any, *, label: str = "limit") -> None:
    """Draw the limits that exist, as dashed lines with one legend entry."""
    for value in (as_number(lower), as_number(upper)):
        if value is not None:
            axes.axhline(value, color=LIMIT, linestyle=(0, (5, 3)), linewidth=1.1, label=label)
            label = "_nolegend_"


def percent_ticks(axes: Axes, which: str = "y") -> None:
    """Print signed percentages on an axis."""
    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_formatter(lambda value, _position: signed(value))


def signed(value: float) -> str:
    """Return a number with its sign and no needless digits."""
    return "0" if abs(value) < 1e-9 else f"{value:+.6g}".replace("-", MINUS)


def legend_above(canvas: Canvas, panels: Sequence[Axes], columns: int) -> None:
    """Put one legend for all panels above them, where it covers no data."""
    entries: dict[str, Any] = {}
    for axes in panels:
        handles, labels = axes.get_legend_handles_labels()
        entries |= {label: handle for label, handle in zip(labels, handles, strict=True) if label not in entries}
    if entries:
        canvas.legend(entries.values(), entries.keys(), loc="outside upper left", ncols=columns, borderaxespad=0.2)


def stride(values: Sequence[float], most: int = MOST_POINTS) -> list[float]:
    """Return every n-th value so that at most ``most`` are left, the last one included."""
    step = max(1, -(-len(values) // most))
    kept = list(values[::step])
    return kept if (len(values) - 1) % step == 0 else [*kept, values[-1]]
