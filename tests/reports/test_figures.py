from __future__ import annotations

import math
import subprocess
import sys
import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from reports.figures import style
from reports.figures.gallery import draw_all
from reports.html import inline_svg
from tests.reports.sample import sample

SPECIAL = [
    "checks",
    "cumulative",
    "startup",
    "blank",
    "bolus-errors",
    "bolus-shape",
    "trumpet-0",
    "windows-0",
    "budget",
]


def test_every_figure_is_drawn_from_the_sample_and_is_well_formed() -> None:
    drawn = draw_all(*sample())
    assert list(drawn) == SPECIAL
    for figure in drawn.values():
        ET.fromstring(figure.svg)
        ET.fromstring(inline_svg(figure).replace("xlink:href", "href"))


def test_long_series_are_thinned_so_that_a_week_is_no_larger_than_a_day() -> None:
    document, curves = sample()
    t_h = [index / 360.0 for index in range(60_000)]
    wave = [math.sin(index / 50.0) for index in range(60_000)]
    curves["cumulative"] = {
        "t_h": t_h,
        "set_u": t_h,
        "measured_u": t_h,
        "residual_u": wave,
        "reported": {"t_h": t_h, "u": t_h},
    }
    assert len(draw_all(document, curves)["cumulative"].svg) < 200_000


def test_colours_of_figures_become_variables_of_the_page() -> None:
    figure = draw_all(*sample())["cumulative"]
    page = inline_svg(figure)
    assert style.MEASURED in figure.svg
    assert style.MEASURED not in page
    assert "var(--fig-measured)" in page
    assert "font-family: inherit" in page


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400), st.integers(4, 60))
def test_thinning_keeps_ends_and_extremes_in_order(y: list[float], most: int) -> None:
    x = [float(index) for index in range(len(y))]
    kept_x, kept_y = style.thin(x, y, most)
    assert kept_x == sorted(set(kept_x))
    assert (kept_x[0], kept_x[-1]) == (x[0], x[-1])
    assert (min(kept_y), max(kept_y)) == (min(y), max(y))
    assert len(kept_x) <= max(most, len(y) if len(y) <= most else most + 2)


def test_thinning_keeps_the_break_of_a_gap() -> None:
    y = [1.0] * 500 + [math.nan] * 40 + [2.0] * 500
    _, kept = style.thin([float(index) for index in range(len(y))], y, 100)
    assert any(math.isnan(value) for value in kept)


def test_importing_the_console_summary_loads_no_heavy_library() -> None:
    heavy = ("matplotlib", "typst", "jinja2", "numpy")
    code = f"import sys, reports.console, reports.write; print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
