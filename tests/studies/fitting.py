"""Fit the stroke model to some rows of a published table and say what it expects of the rows held back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize

from rig.sim.parameters import PlantParameters
from rig.sim.published import IDEAL_DRIVE, RATCHET, SCREW
from tests.studies.strokes import Array, Noise, doses_of, draw, outside_pct, window_means
from tests.studies.tables import OutsideRows

COVERAGE_PCT = 99.0


@dataclass(frozen=True, slots=True)
class Structure:
    """Which parameters are fitted, from where, and which are fixed beforehand."""

    name: str
    start: Mapping[str, float]
    fixed: PlantParameters
    other_starts: tuple[Mapping[str, float], ...] = ()  # where the mismatch may have several valleys

    def at(self, values: Sequence[float]) -> PlantParameters:
        """Return the parameters with fitted values in their order."""
        changes: dict[str, Any] = dict(zip(self.start, values, strict=True))
        return replace(self.fixed, **changes)


# What was tried; the names are those of docs/explanation/what-the-twin-predicts.md.
POSITION_AND_SLOW = Structure(
    "position + slow gain", {"position_jitter_ul": 0.01, "jitter_tail_share": 0.05, "slow_gain_sd": 0.07}, SCREW
)
STROKE_AND_SLOW = Structure("stroke + slow gain", {"stroke_error_sd": 0.2, "slow_gain_sd": 0.1}, RATCHET)
STROKE_ALONE = Structure("stroke memory alone", {"stroke_error_sd": 0.2, "stroke_error_length": 2.5}, IDEAL_DRIVE)
CYCLE_AND_SLOW = Structure(
    "cycle + stroke + slow",
    {"stroke_error_sd": 0.1, "slow_gain_sd": 0.04, "screw_error": 0.17, "screw_pitch_ul": 4.0},
    RATCHET,
    ({"screw_pitch_ul": 6.5}, {"screw_pitch_ul": 9.0}),
)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model expects of each row, and between which percentages 99 % of the studies of ``runs`` runs lie."""

    expected: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    runs: int

    def holds(self, row: int, observed: float) -> bool:
        """Say whether an observed percentage, printed to 0.1, lies within the sampling interval."""
        return self.low[row] - 0.05 <= observed <= self.high[row] + 0.05


def percentages(doses: Array, rows: OutsideRows) -> Array:
    """Return the percentages that a study of these doses would print: singles, then windows."""
    singles = [outside_pct(doses, limit) for limit in rows.single_limits]
    windows = [outside_pct(window_means(doses, width), rows.window_limit) for width in rows.window_doses]
    return np.array([*singles, *windows])


def shuffled(doses: Array, seed: int) -> Array:
    """Return the same doses in an order without memory: what independent scatter of the same size would be."""
    return np.random.default_rng(seed).permuted(doses.ravel()).reshape(doses.shape)


def fit(structure: Structure, rows: OutsideRows, strokes: int, noise: Noise) -> tuple[PlantParameters, float]:
    """Return the parameters nearest to the singles and the first window, and the mismatch that is left.

    Simulated moments with common random numbers; each percentage p is weighted by 1 / (p (100 - p)), as counts are.
    """
    fitted = len(rows.single_pct) + 1
    observed = np.array(rows.observed[:fitted])
    weights = 100.0 / (np.maximum(observed, 0.3) * (100.0 - observed))

    def mismatch(logs: Array) -> float:
        parameters = structure.at([float(value) for value in np.exp(logs)])
        if parameters.jitter_tail_share > 1.0:
            return 1e6
        expected = percentages(doses_of(parameters, strokes, noise), rows)[:fitted]
        return float(np.sum(weights * (expected - observed) ** 2))

    found = [
        minimize(
            mismatch,
            np.log(list({**structure.start, **other}.values())),
            method="Nelder-Mead",
            options={"maxfev": 300, "xatol": 5e-3, "fatol": 1e-4},
        )
        for other in ({}, *structure.other_starts)
    ]
    best = min(found, key=lambda result: float(result.fun))
    values = [float(f"{value:.3g}") for value in np.exp(best.x)]
    return structure.at(values), float(best.fun)


def predict(
    parameters: PlantParameters,
    rows: OutsideRows,
    strokes: int,
    *,
    shape: tuple[int, int],
    studies: int = 400,
    seed: int = 1000,
    shuffle: bool = False,
    like_seen: bool = False,
) -> Prediction:
    """Return what studies of ``shape`` (runs, doses) would print: their mean and the central 99 % of them.

    With ``like_seen`` only of the fifth of them whose first window came out nearest to the observed one: a sharper
    question, as windows of one study go up and down together.
    """
    runs, doses = shape
    printed = []
    batch = max(1, 400_000 // (runs * doses))
    for first in range(0, studies, batch):
        count = min(batch, studies - first)
        pool = doses_of(parameters, strokes, draw(count * runs, doses, seed + first))
        pool = shuffled(pool, seed + first) if shuffle else pool
        printed += [percentages(pool[at * runs : (at + 1) * runs], rows) for at in range(count)]
    table = np.array(printed)
    if like_seen:
        first_window = len(rows.single_pct)
        distance = np.abs(table[:, first_window] - rows.observed[first_window])
        table = table[np.argsort(distance)[: studies // 5]]
    tail = (100.0 - COVERAGE_PCT) / 200.0
    low, high = np.quantile(table, [tail, 1.0 - tail], axis=0)
    return Prediction(tuple(table.mean(axis=0)), tuple(low), tuple(high), runs)
