"""Fit the stroke model to part of the Omnipod 5 label and say what it expects of the rest.

A label prints no scatter but the lowest, the middle and the highest of 12 pods that nobody warmed up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.optimize import minimize

from rig.analysis.groups import LAYOUT_C_EDGES_PCT
from rig.sim.parameters import PlantParameters
from rig.sim.published import POD, RATCHET
from tests.studies.fitting import COVERAGE_PCT, Structure
from tests.studies.strokes import Array, Noise, doses_of, draw
from tests.studies.tables import label

PODS = 12
DOSE_U = 0.05
DOSE_STROKES = 2
FITTED_WINDOW = (1.0, 1)  # 1 U/h, its first hour: 20 doses

WITHOUT_START_UP = Structure("no start-up", {"stroke_error_sd": 0.2}, RATCHET)
START_UP = Structure(
    "start-up and misplaced strokes",
    {
        "stroke_error_sd": 0.19,
        "startup_gain_sd": 0.4,
        "position_jitter_ul": 0.05,
        "jitter_tail_share": 0.02,
    },
    POD,
)


@dataclass(frozen=True, slots=True)
class BasalColumn:
    """One column of the label: lowest, median, highest of the pods, over what was asked for."""

    rate_u_per_h: float
    hours: int
    observed: tuple[float, float, float]
    rounding: float  # half a printed digit, over what was asked for

    @property
    def doses(self) -> int:
        """Return how many doses the column is the sum of."""
        return round(self.rate_u_per_h * self.hours / DOSE_U)


@dataclass(frozen=True, slots=True)
class ColumnPrediction:
    """Medians over simulated studies of 12 pods, and the central 99 %; lowest, median, highest pod each."""

    column: BasalColumn
    expected: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def holds(self) -> bool:
        """Say whether all three printed values lie within their sampling intervals."""
        slack = self.column.rounding
        triples = zip(self.column.observed, self.low, self.high, strict=True)
        return all(low - slack <= seen <= high + slack for seen, low, high in triples)


@cache
def columns() -> tuple[BasalColumn, ...]:
    """Return the label's basal columns."""
    return tuple(_columns())


def _columns() -> Iterator[BasalColumn]:
    for row in label("Insulet Omnipod 5")["basal"]:
        asked = row["requested_u"]
        observed = (row["min_u"] / asked, row["median_u"] / asked, row["max_u"] / asked)
        yield BasalColumn(row["rate_u_per_h"], row["hours"], observed, 0.005 / asked)


@cache
def printed_below_pct() -> tuple[float, ...]:
    """Return the percentage of 0.05 U boluses below each edge of layout C."""
    counts = label("Insulet Omnipod 5")["bins"][0]["counts"]
    return tuple(100.0 * sum(counts[: at + 1]) / sum(counts) for at in range(len(LAYOUT_C_EDGES_PCT)))


def below_pct(doses: Array) -> Array:
    """Return the percentage of doses below each edge of layout C."""
    return np.array([100.0 * float(np.mean(doses < edge / 100.0)) for edge in LAYOUT_C_EDGES_PCT])


def fit_label(structure: Structure, noise: Noise) -> tuple[PlantParameters, float]:
    """Return the parameters nearest to the 0.05 U bins and, where it has a start-up, the first hour of 1 U/h.

    Boluses are taken as 499 in a row by each of 12 new pods (5987 / 12); that is our assumption.
    """
    observed = np.array(printed_below_pct())
    weights = 100.0 / (np.maximum(observed, 0.3) * np.maximum(100.0 - observed, 0.3))
    window = next(c for c in columns() if (c.rate_u_per_h, c.hours) == FITTED_WINDOW)

    def mismatch(logs: Array) -> float:
        doses = doses_of(structure.at([float(value) for value in np.exp(logs)]), DOSE_STROKES, noise)
        cost = float(np.sum(weights * (below_pct(doses) - observed) ** 2))
        if "startup_gain_sd" in structure.start:
            pods = order(doses[:, : window.doses].mean(axis=1)).mean(axis=0)
            cost += float(np.sum(((pods - window.observed) / 0.12) ** 2))  # as an extreme of 12 scatters here
        return cost

    best = minimize(
        mismatch,
        np.log(list(structure.start.values())),
        method="Nelder-Mead",
        options={"maxfev": 500, "xatol": 5e-3, "fatol": 1e-4},
    )
    return structure.at([float(f"{value:.3g}") for value in np.exp(best.x)]), float(best.fun)


def order(pods: Array) -> Array:
    """Return lowest, median and highest of each dozen of pods, (studies, 3)."""
    dozens = pods[: len(pods) // PODS * PODS].reshape(-1, PODS)
    return np.stack([dozens.min(axis=1), np.median(dozens, axis=1), dozens.max(axis=1)], axis=1)


def predict_label(
    parameters: PlantParameters, studies: int = 400, seed: int = 2000, most_doses: int = 3600
) -> list[ColumnPrediction]:
    """Return what studies of 12 pods would print in the label's columns of up to ``most_doses`` doses."""
    wanted = [column for column in columns() if column.doses <= most_doses]
    longest = max(column.doses for column in wanted)
    tables: list[list[Array]] = [[] for _ in wanted]
    for first in range(0, studies, 20):
        noise = draw(20 * PODS, longest, seed + first)
        total = np.cumsum(doses_of(parameters, DOSE_STROKES, noise), axis=1)
        for table, column in zip(tables, wanted, strict=True):
            table.append(order(total[:, column.doses - 1] / column.doses))
    tail = (100.0 - COVERAGE_PCT) / 200.0
    predictions = []
    for column, table in zip(wanted, tables, strict=True):
        rows = np.concatenate(table)
        low, high = np.quantile(rows, [tail, 1.0 - tail], axis=0)
        predictions.append(ColumnPrediction(column, tuple(np.median(rows, axis=0)), tuple(low), tuple(high)))
    return predictions
