"""What must not change a result, and what must change it in proportion."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.weighing_log.basal import analyse_basal
from rig.weighing_log.read import WeighingLog
from rig.weighing_log.request import Request

STEPS = st.lists(st.tuples(st.integers(1, 900), st.integers(0, 4000)), min_size=9, max_size=60)
ASKED = Request(rate_u_per_h=1.0, buoyancy="none", density_kg_per_m3=1000.0)


def log_of(steps: list[tuple[int, int]]) -> WeighingLog:
    """A log of these intervals in s and steps in ug; it reaches an hour at least."""
    times = np.cumsum([0.0, *(seconds for seconds, _ in steps), *[900.0] * 4])
    masses = np.cumsum([0.0, *(ug / 1000.0 for _, ug in steps), *[2.5] * 4])
    return WeighingLog("log.csv", "", times, masses)


def figures(document: dict[str, Any]) -> list[float]:
    """Return the numbers of a document that come from the readings."""
    trumpet = [value for point in document["trumpet"] for value in (point["min_pct"], point["max_pct"])]
    amounts = [entry["delivered_u"] for entry in document["cumulative"]]
    return [document["delivered_u"], *document["windows_1h"]["errors_pct"], *amounts, *trumpet]


@given(STEPS, st.integers(-(10**6), 10**6), st.integers(-(10**5), 10**5))
def test_neither_the_origin_of_time_nor_the_tare_matters(
    steps: list[tuple[int, int]], shift_s: int, tare_mg: int
) -> None:
    log = log_of(steps)
    moved = replace(log, times_s=log.times_s + shift_s, masses_mg=log.masses_mg + tare_mg)
    assert figures(analyse_basal(moved, ASKED)) == pytest.approx(figures(analyse_basal(log, ASKED)), abs=1e-5)


@given(STEPS, st.integers(1, 9))
def test_twice_the_mass_is_twice_the_insulin_and_half_the_concentration_is_half(
    steps: list[tuple[int, int]], factor: int
) -> None:
    log = log_of(steps)
    more = replace(log, masses_mg=log.masses_mg * factor)
    single = analyse_basal(log, ASKED)["delivered_u"]
    assert analyse_basal(more, ASKED)["delivered_u"] == pytest.approx(factor * single, rel=1e-9)
    weak = replace(ASKED, concentration_u_per_ml=50.0)
    assert analyse_basal(log, weak)["delivered_u"] == pytest.approx(single / 2.0, rel=1e-9)


@given(STEPS, st.integers(1, 3))
def test_the_parts_of_an_analysis_add_up_to_the_whole(steps: list[tuple[int, int]], cut: int) -> None:
    log = log_of(steps)
    whole = analyse_basal(log, replace(ASKED, analysis_s=3600.0))["delivered_u"]
    first = analyse_basal(log, replace(ASKED, analysis_s=900.0 * cut))["delivered_u"]
    rest = replace(ASKED, stabilization_s=900.0 * cut, analysis_s=3600.0 - 900.0 * cut)
    assert first + analyse_basal(log, rest)["delivered_u"] == pytest.approx(whole, abs=1e-9)
