"""All that a weighing log says about occlusions, as one document of plain values (no NaN; unknown = null)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rig.analysis.measured import Measured, stated
from rig.analysis.occlusion import (
    OcclusionMeasurement,
    OcclusionSetting,
    effective_compliance,
    measure_occlusion,
    with_pinch_into_line,
)
from rig.analysis.occlusion_events import OcclusionEvents
from rig.analysis.occlusion_prediction import (
    LARGEST_BASAL_U_PER_H,
    AlarmPrediction,
    agreement,
    bubble_effect,
    mean_measured,
    no_latency,
    partial_occlusion,
    predicted_alarm,
    set_resistance,
    stored_volume,
)
from rig.analysis.pinch import Air, PinchVolume, measure_pinch
from rig.analysis.series import checked
from rig.errors import UsageError
from rig.metrology.budget import COVERAGE_FACTOR
from rig.metrology.noise import SECONDS_PER_HOUR
from rig.metrology.volume import WeighingChain


@dataclass(frozen=True, slots=True)
class VerificationRun:
    """One slow run against which the prediction is held: its rate and its time to alarm in s."""

    rate_u_per_h: float
    time: Measured


@dataclass(frozen=True, slots=True)
class OcclusionExtras:
    """What is known besides the weighing; None where it is not.

    ``alarm_pressure``, ``start_pressure``: kPa, from a sensor or as the maker states them; a missing start pressure is
    0 with 5 kPa (half a metre of height). ``latency``: s from threshold to alarm. ``compliance``: uL/kPa, from a total
    occlusion of the same pump, for a partial one. ``air``: uL of air in the line, for its effect.
    """

    alarm_pressure: Measured | None = None
    start_pressure: Measured | None = None
    latency: Measured | None = None
    compliance: Measured | None = None
    air: Measured | None = None
    predict_u_per_h: tuple[float, ...] = ()
    verification: VerificationRun | None = None

    @property
    def start_kpa(self) -> Measured:
        """Start pressure, assumed where not given."""
        return self.start_pressure or stated(0.0, 5.0, "kPa", "start pressure", "assumed: height within 0.5 m")

    @property
    def rise_kpa(self) -> Measured | None:
        """Rise from start to threshold, or None."""
        if self.alarm_pressure is None:
            return None
        start = self.start_kpa
        components = (*self.alarm_pressure.budget.components, *start.budget.components)
        budget = type(start.budget)("kPa", components)
        return Measured(self.alarm_pressure.value - start.value, budget)


def occlusion_document(
    times_s: ArrayLike,
    masses_mg: ArrayLike,
    events: OcclusionEvents,
    setting: OcclusionSetting,
    chain: WeighingChain,
    air: Air,
    extras: OcclusionExtras | None = None,
) -> dict[str, Any]:
    """Return everything about the occlusions of one log, JSON-ready; volumes in U.

    Predictions come from the mean missed volume of all occlusions with an alarm. ``UsageError``: events outside the
    record, no occlusion among them. ``BenchError``: no readings where a level is needed.
    """
    known = extras or OcclusionExtras()
    times, masses = checked(times_s, masses_mg)
    instants = events.occlusions(float(times[0]), float(times[-1]))
    if not instants:
        raise UsageError("no occlusion among the events", expected="an event 'closed'")
    pinch = measure_pinch(times, masses, events.pinches_s, chain, air) if events.pinches_s else None
    measured = [measure_occlusion(times, masses, item, setting, chain, air, pinch=pinch) for item in instants]
    alarmed = [item for item in measured if item.time_to_alarm is not None]
    missed = mean_measured(tuple(item.missed for item in alarmed)) if alarmed else None
    prediction, notes = _predictions(missed, setting, known)
    return {
        "rate_u_per_h": setting.rate_u_per_h,
        "dose_u": setting.dose_u,
        "coverage_factor": COVERAGE_FACTOR,
        "occlusions": [_occlusion(item, known) for item in measured],
        "mean_missed": _json(missed, 1.0 / setting.ul_per_u, "U"),
        "pinch": _pinch(pinch, setting),
        **prediction,
        "bubble": _bubble(setting, known),
        "notes": [*dict.fromkeys((*(note for item in measured for note in item.notes), *notes))],
        "log": {"rows": int(times.size), "from_s": float(times[0]), "to_s": float(times[-1])},
    }


def occlusion_row(item: OcclusionMeasurement) -> dict[str, Any]:
    """Return one occlusion as plain values, without anything that a pressure would be needed for."""
    return _occlusion(item, OcclusionExtras())


def _occlusion(item: OcclusionMeasurement, known: OcclusionExtras) -> dict[str, Any]:
    """Return one occlusion."""
    per_u = 1.0 / item.setting.ul_per_u
    compliance = _compliance(item, known)
    resistance = None
    if compliance is not None and item.time_constant is not None and compliance.value > compliance.expanded:
        resistance = set_resistance(item.time_constant, compliance)
    return {
        "closed_s": item.instants.closed_s,
        "alarm_s": item.instants.alarm_s,
        "opened_s": item.instants.opened_s,
        "collected_until_s": item.collected_until_s,
        "settled": item.settled if item.instants.opened_s is not None else None,
        "time_to_alarm": _json(item.time_to_alarm),
        "programmed": _json(item.programmed, per_u, "U"),
        "came_out": _json(item.came_out, per_u, "U"),
        "missed": _json(item.missed, per_u, "U"),
        "missed_by_rate": _json(item.missed_by_rate, per_u, "U"),
        "leaked_after_alarm": _json(item.leaked_after_alarm, per_u, "U"),
        "released": _json(item.released, per_u, "U"),
        "released_share": _json(item.released_share),
        "released_in_60_s": _json(item.released_in_60_s, per_u, "U"),
        "time_constant": _json(item.time_constant),
        "compliance": _json(compliance),
        "set_resistance": _json(resistance),
        "partial": _partial(item, known),
        "notes": list(item.notes),
    }


def _stored(missed: Measured, setting: OcclusionSetting, known: OcclusionExtras) -> Measured | None:
    """Return what was stored at the threshold, or None where the missed volume may be nothing."""
    if not missed.value > missed.expanded:
        return None
    return stored_volume(missed, setting.flow_ul_per_h, known.latency or no_latency())


def _compliance(item: OcclusionMeasurement, known: OcclusionExtras) -> Measured | None:
    """Return C = V/(P_al - P0) where an alarm came and its pressure is known."""
    if item.time_to_alarm is None or known.alarm_pressure is None:
        return None
    stored = _stored(with_pinch_into_line(item.missed, item.pinch), item.setting, known)
    return None if stored is None else effective_compliance(stored, known.alarm_pressure, known.start_kpa)


def _partial(item: OcclusionMeasurement, known: OcclusionExtras) -> dict[str, Any] | None:
    """Return the resistance of a blockage that raised no alarm, where compliance and threshold are known."""
    rise = known.rise_kpa
    if item.time_to_alarm is not None or known.compliance is None or rise is None:
        return None
    latency_s = known.latency.value if known.latency else 0.0
    found = partial_occlusion(
        with_pinch_into_line(item.missed, item.pinch),
        item.setting.flow_ul_per_h,
        known.compliance,
        rise,
        elapsed_h=(item.instants.end_s - item.instants.closed_s) / SECONDS_PER_HOUR,
        latency_s=latency_s,
    )
    if found is None:
        return None
    return {
        "resistance": _json(found.resistance),
        "undetected_below": _json(found.undetected_below),
        "plateau": _json(found.plateau),
        "smallest_seen_kpa_h_per_ul": found.smallest_seen_kpa_h_per_ul,
        "alarm": found.alarm,
        "alarm_time_h": found.alarm_time_h,
        "earliest_h": found.earliest_h,
        "latest_h": found.latest_h,
    }


def _predictions(
    missed: Measured | None, setting: OcclusionSetting, known: OcclusionExtras
) -> tuple[dict[str, Any], list[str]]:
    """Return predictions and the verification, with what to say where there are none."""
    nothing: dict[str, Any] = {"predictions": [], "verification": None}
    if not known.predict_u_per_h and known.verification is None:
        return nothing, []
    if missed is None:
        return nothing, ["no prediction: no occlusion of this log raised an alarm"]
    if setting.rate_u_per_h > LARGEST_BASAL_U_PER_H:
        return nothing, [
            f"no prediction: {setting.rate_u_per_h:g} U/h is faster than any basal, and faster tests miss other volumes"
        ]
    stored = _stored(missed, setting, known)
    if stored is None:
        return nothing, ["no prediction: the missed volume is within its uncertainty of nothing"]

    def predict(rate: float) -> AlarmPrediction:
        return predicted_alarm(stored, rate, dose_u=setting.dose_u, ul_per_u=setting.ul_per_u, latency=known.latency)

    verification = None
    if known.verification is not None:
        run, predicted = known.verification, predict(known.verification.rate_u_per_h)
        held = agreement(run.time, predicted.time)
        verification = {
            "rate_u_per_h": run.rate_u_per_h,
            "time_to_alarm": _json(run.time),
            "predicted": _json(predicted.time),
            "difference_s": held.difference_s,
            "expanded_uncertainty_s": held.expanded_s,
            "normalised_error": held.normalised,
            "agrees": held.agrees,
        }
    found = [predict(rate) for rate in known.predict_u_per_h]
    return {"predictions": [_prediction(item) for item in found], "verification": verification}, []


def _prediction(item: AlarmPrediction) -> dict[str, Any]:
    return {
        "rate_u_per_h": item.rate_u_per_h,
        "time_to_alarm": _json(item.time),
        "lower_s": item.lower_s,
        "upper_s": item.upper_s,
        "pulses": item.pulses,
    }


def _bubble(setting: OcclusionSetting, known: OcclusionExtras) -> dict[str, Any] | None:
    """Return what air in the line adds, where its amount and the threshold are known."""
    rise = known.rise_kpa
    if known.air is None or rise is None:
        return None
    found = bubble_effect(known.air, rise, setting.flow_ul_per_h)
    return {
        "air_ul": known.air.value,
        "compliance_ul_per_kpa": found.compliance_ul_per_kpa,
        "stored": _json(found.stored, 1.0 / setting.ul_per_u, "U"),
        "linear_u": found.linear_ul / setting.ul_per_u,
        "delay": _json(found.delay),
    }


def _pinch(pinch: PinchVolume | None, setting: OcclusionSetting) -> dict[str, Any] | None:
    if pinch is None:
        return None
    per_u = 1.0 / setting.ul_per_u
    return {
        "count": pinch.count,
        "closing": _json(pinch.closing, per_u, "U"),
        "opening": _json(pinch.opening, per_u, "U"),
        "closing_steps_u": [step * per_u for step in pinch.closing_steps_ul],
        "opening_steps_u": [step * per_u for step in pinch.opening_steps_ul],
    }


def _json(measured: Measured | None, factor: float = 1.0, unit: str = "") -> dict[str, Any] | None:
    """Return a measured value as plain values, in ``unit`` = ``factor`` x its own."""
    if measured is None:
        return None
    shown = measured.scaled(factor, unit or measured.unit)
    return {
        "value": float(np.float64(shown.value)),
        "unit": shown.unit,
        "expanded_uncertainty": shown.expanded,
        "budget": [asdict(line) for line in shown.budget.lines()],
    }
