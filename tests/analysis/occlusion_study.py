"""How often the intervals of an occlusion hold the truth: ``python -m tests.analysis.occlusion_study``.

Every run draws its dose phase, clamp, noise, alarm polling and its true evaporation anew; the analysis knows only what
was stated. Printed: share of runs within U, and U against the scatter of the error. About a minute.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

from rig.analysis.measured import Measured, stated
from rig.analysis.occlusion import (
    OcclusionMeasurement,
    OcclusionSetting,
    effective_compliance,
    measure_occlusion,
    with_pinch_into_line,
)
from rig.analysis.occlusion_prediction import stored_volume
from tests.analysis.occlusion_cases import air, chain, instants, pinch_of
from tests.analysis.occlusion_plant import Line, Truth, run

RUNS = 200
CASES = {
    "2 U/h, 0.025 U, 0.01 mg, 1 Hz": (Line(), OcclusionSetting(2.0, 0.025, alarm_poll_s=5.0)),
    "the same, set of 0.3 kPa h/uL": (
        Line(resistance=0.3, collect_s=2400.0),
        OcclusionSetting(2.0, 0.025, alarm_poll_s=5.0),
    ),
    "10 U/h, 0.05 U": (Line(flow=100.0, dose_ul=0.5), OcclusionSetting(10.0, 0.05, alarm_poll_s=5.0)),
    "90 U/h (bolus), 0.05 U": (
        Line(flow=900.0, dose_ul=0.5, poll_s=1.0, latency_s=0.0),
        OcclusionSetting(90.0, 0.05, alarm_poll_s=1.0),
    ),
    "0.03 uL/kPa, noise 0.1 mg": (
        Line(compliance=0.03, noise_mg=0.1),
        OcclusionSetting(2.0, 0.025, alarm_poll_s=5.0),
    ),
    "readings every 10 s": (Line(interval_s=10.0), OcclusionSetting(2.0, 0.025, alarm_poll_s=5.0)),
    "one pinch only": (Line(), OcclusionSetting(2.0, 0.025, alarm_poll_s=5.0)),
}


def one(line: Line, setting: OcclusionSetting, seed: int, pinches: int) -> tuple[Truth, OcclusionMeasurement]:
    """Return one run whose true evaporation is drawn about the stated one."""
    evaporation = line.evaporation_mg_per_h + 0.01 * np.random.default_rng(10_000 + seed).normal()
    truth = run(replace(line, evaporation_mg_per_h=float(evaporation)), seed, pinches=pinches)
    pinch = pinch_of(line, truth)
    return truth, measure_occlusion(truth.times, truth.masses, instants(truth), setting, chain(line), air, pinch=pinch)


def compared(
    line: Line, setting: OcclusionSetting, seed: int, pinches: int
) -> dict[str, tuple[Measured | None, float]]:
    """Return each measured value beside its truth."""
    truth, found = one(line, setting, seed, pinches)
    stored = with_pinch_into_line(found.missed, found.pinch)
    latency = stated(line.latency_s + line.poll_s / 2.0, 1.0, "s", "latency")
    start = stated(line.flow * line.resistance, 0.2, "kPa", "start")
    alarm = stated(line.threshold_kpa, 0.5, "kPa", "alarm")
    compliance = effective_compliance(stored_volume(stored, line.flow, latency), alarm, start)
    return {
        "missed": (found.missed, truth.missed),
        "released": (found.released, truth.released),
        "released / missed": (found.released_share, truth.released / truth.missed),
        "time constant": (found.time_constant, truth.time_constant_s),
        "compliance": (compliance, line.compliance),
    }


def main() -> None:
    """Print one row for each case and value."""
    for name, (line, setting) in CASES.items():
        pinches = 1 if "one pinch" in name else 4
        rows = [compared(line, setting, seed, pinches) for seed in range(RUNS)]
        for value in rows[0]:
            pairs = [(found, truth) for found, truth in (row[value] for row in rows) if found is not None]
            errors = np.array([found.value - truth for found, truth in pairs])
            expanded = np.array([found.expanded for found, _ in pairs])
            share = 100.0 * float(np.mean(np.abs(errors) <= expanded))
            half = float(np.quantile(np.abs(errors), 0.95))
            ratio = float(np.median(expanded)) / half
            sys.stdout.write(f"| {name} | {value} | {len(pairs)} | {share:.1f} % | {ratio:.1f} |\n")


if __name__ == "__main__":
    main()
