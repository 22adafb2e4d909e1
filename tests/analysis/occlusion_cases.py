"""Occlusions of the plant, measured: what several test files share."""

from __future__ import annotations

from functools import cache
from typing import TypeVar

from rig.analysis.measured import Measured
from rig.analysis.occlusion import (
    OcclusionInstants,
    OcclusionMeasurement,
    OcclusionSetting,
    measure_occlusion,
)
from rig.analysis.pinch import PinchVolume, measure_pinch
from rig.metrology.evaporation import Evaporation
from rig.metrology.inputs import AirState, AmbientStats, BalanceSpec, water
from rig.metrology.noise import white_noise
from rig.metrology.volume import WeighingChain
from tests.analysis.occlusion_plant import Line, Truth, run

T = TypeVar("T")
AIR = AirState(20.0, 50.0, 1013.25)
SEEDS = range(20)
ENOUGH = 17  # of 20 within U: 95 % each gives 17 or more in 98.4 % of cases, and the seeds are fixed
SETTING = OcclusionSetting(2.0, dose_u=0.025, alarm_poll_s=5.0)


def air(_from_s: float, _to_s: float) -> AmbientStats:
    return AmbientStats(AIR, AIR, 0.1, 2.0, 0.5, 0.0, 0.0, 0.0, "stated")


def chain(line: Line) -> WeighingChain:
    return WeighingChain(
        BalanceSpec(line.noise_mg, 0.01),
        water(20.0, 0.1, air_saturated=False),
        evaporation=Evaporation(line.evaporation_mg_per_h, 0.01),
        noise=white_noise(line.noise_mg, line.interval_s),
    )


def instants(truth: Truth) -> OcclusionInstants:
    begin = truth.pinches[-1][1] if truth.pinches else float(truth.times[0])
    return OcclusionInstants(truth.closed_s, truth.alarm_s, truth.opened_s, begin, float(truth.times[-1]))


def pinch_of(line: Line, truth: Truth) -> PinchVolume | None:
    if not truth.pinches:
        return None
    return measure_pinch(truth.times, truth.masses, truth.pinches, chain(line), air)


def measured(line: Line, truth: Truth, setting: OcclusionSetting = SETTING) -> OcclusionMeasurement:
    return measure_occlusion(
        truth.times, truth.masses, instants(truth), setting, chain(line), air, pinch=pinch_of(line, truth)
    )


@cache
def usual() -> tuple[tuple[Truth, OcclusionMeasurement], ...]:
    """Twenty occlusions of the usual line."""
    truths = [run(Line(), seed) for seed in SEEDS]
    return tuple((truth, measured(Line(), truth)) for truth in truths)


def inside(pairs: list[tuple[Measured, float]]) -> int:
    return sum(abs(found.value - truth) <= found.expanded for found, truth in pairs)


def some(value: T | None) -> T:
    assert value is not None
    return value
