"""Sections 5.6 and 5.7 at their printed digits."""

from __future__ import annotations

import math

import pytest

from rig.errors import BenchError
from rig.metrology.effects import (
    bubble_decompression_ul,
    bubble_expansion_ul,
    diffusive_evaporation_mg_per_h,
    height_transient_ul,
    reservoir_expansion_ul,
)
from rig.metrology.water import water_expansion_per_k


@pytest.mark.parametrize(("reservoir", "printed"), [(0.0, 0.62), (3.6e-4, -0.46)])
def test_a_reservoir_of_3_ml_pushes_or_sucks_as_printed(reservoir: float, printed: float) -> None:
    assert reservoir_expansion_ul(3000.0, water_expansion_per_k(20.0), reservoir, 1.0) == pytest.approx(
        printed, abs=5e-3
    )


def test_a_bubble_feels_temperature_and_pressure_as_printed() -> None:
    assert bubble_expansion_ul(10.0, 20.0, 1.0) == pytest.approx(0.034, abs=5e-4)
    assert bubble_decompression_ul(10.0, 101_325.0, 500.0) == pytest.approx(0.05, abs=5e-3)


def test_half_a_metre_moves_a_compliant_line_once_as_printed() -> None:
    assert height_transient_ul(0.15, 998.2, 0.5) == pytest.approx(0.73, abs=5e-3)


@pytest.mark.parametrize(
    ("diameter", "head", "t", "h", "printed"),
    [
        (30, 20, 20, 0.5, "27"),
        (20, 20, 20, 0.5, "12"),
        (20, 20, 20, 0.8, "4.8"),
        (25, 30, 23, 0.4, "18"),
        (10, 40, 20, 0.5, "1.5"),
    ],
)
def test_the_table_of_open_vessels_is_reproduced(
    diameter: float, head: float, t: float, h: float, printed: str
) -> None:
    digits = len(printed.partition(".")[2])
    assert diffusive_evaporation_mg_per_h(diameter, head, t, h) == pytest.approx(
        float(printed), abs=0.501 * 10.0**-digits
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: diffusive_evaporation_mg_per_h(20, 20, 35, 0.5),
        lambda: diffusive_evaporation_mg_per_h(20, 0, 20, 0.5),
        lambda: diffusive_evaporation_mg_per_h(20, 20, 20, 1.5),
        lambda: diffusive_evaporation_mg_per_h(20, 20, 20, 0.5, pressure_pa=1000.0),
        lambda: bubble_expansion_ul(math.nan, 20, 1),
        lambda: bubble_decompression_ul(1.0, 0.0, 1.0),
        lambda: height_transient_ul(-1.0, 998.0, 1.0),
        lambda: reservoir_expansion_ul(3000.0, math.inf, 0.0, 1.0),
    ],
)
def test_what_cannot_be_is_refused(make: object) -> None:
    assert callable(make)
    with pytest.raises(BenchError):
        make()
