"""The marks of a run as they are told: ``analysis["quality"]``, findings, points of figures; drift and smear."""

from __future__ import annotations

from typing import Any

import numpy as np

from rig.analysis import quality as found
from rig.analysis.quality.smear import LONGEST_LAG_S, smear_of
from rig.judging.boluses import JudgedBolus
from rig.judging.doubts import MOST_MARKS, MOST_MISSING, lags
from rig.judging.marks import BUMP, DROP, NOISE, REPEAT, RISE, SPIKE, ZERO, Mark
from rig.judging.quality import programmed_u
from rig.judging.view import FloatArray, RunView
from rig.results import Finding

GAP, REFUSED, DRIFT, SMEAR = "Q-GAP", "Q-REFUSED", "Q-DRIFT", "Q-SMEAR"
RULES = {
    GAP: "gap in the readings",
    REFUSED: "answer that is no weight (overload, other unit, noise on the line)",
    REPEAT: "repeated reading, frozen display",
    ZERO: "zero tracking",
    SPIKE: "spike: out and back",
    BUMP: "fall of the level, which is no delivery",
    RISE: "rise that was not programmed: a bump or a delivery",
    NOISE: "burst of noise, draught",
    DRIFT: "drift that looks like the bench's",
    DROP: "drops: outlet not immersed",
    SMEAR: "slow filter: edges smeared",
}
FINDING_IDS = {RISE: "unscheduled-step"}
MOST_POINTS = 500
S_PER_H = 3600.0


def quality_table(view: RunView, boluses: tuple[JudgedBolus, ...]) -> dict[str, Any]:
    """Return what was marked and excluded: every rule with its counts, nought included, and every mark."""
    marks = all_marks(view, boluses)
    refused = sum(event.name == "reading_failed" for event in view.record.events)
    limits = dict(view.quality.limits) | {
        GAP: f"{view.evidence.scenario.gap_tolerate_s:g} s without a reading",
        REFUSED: "every one",
        DRIFT: "5 standard uncertainties of a slope at rest of 10 min or more; correlation with the room beyond chance",
        SMEAR: f"a lag of {LONGEST_LAG_S:g} s",
    }
    counts = []
    for rule, title in RULES.items():
        held = [mark for mark in marks if mark.rule == rule]
        row = {
            "rule": rule,
            "title": title,
            "marks": len(held),
            "readings": sum(mark.readings for mark in held),
            "excluded": sum(mark.excluded for mark in held),
            "detection_limit": limits.get(rule, ""),
        }
        if rule == REFUSED:
            row |= {"marks": refused, "readings": refused, "excluded": refused}
        counts.append(row)
    excluded = int(view.quality.excluded_s.size) if view.quality.excluded_s is not None else 0
    return {
        "readings": view.quality.read,
        "excluded": excluded,
        "refused": refused,
        "false_alarm_probability": 1e-3,
        "most_missing_share": MOST_MISSING,
        "most_marks": MOST_MARKS,
        "rules": counts,
        "marks": [
            {
                "rule": mark.rule,
                "from_s": mark.start_s,
                "to_s": mark.end_s,
                "readings": mark.readings,
                "excluded": mark.excluded,
                "text": mark.text,
                "threshold": mark.threshold,
            }
            for mark in marks
        ],
    }


def quality_findings(view: RunView, boluses: tuple[JudgedBolus, ...]) -> list[Finding]:
    """Return a finding for every mark; gaps have their own place in a result."""
    return [
        Finding(FINDING_IDS.get(mark.rule, mark.rule), mark.text, mark.start_s, mark.end_s)
        for mark in all_marks(view, boluses)
        if mark.rule != GAP
    ]


def quality_curve(view: RunView) -> dict[str, Any]:
    """Return the excluded readings as points on the cumulative figure, as they were read; thinned to 500."""
    quality = view.quality
    if view.first_s is None or quality.excluded_s is None or quality.excluded_mg is None:
        return {}
    after = quality.excluded_s >= view.first_s
    times, masses = quality.excluded_s[after], quality.excluded_mg[after]
    if not times.size:
        return {}
    keep = np.unique(np.linspace(0, times.size - 1, min(times.size, MOST_POINTS)).astype(int))
    # Beside the kept curve: its value there, plus by how much the reading lay off it.
    mg_per_u = view.ul_per_u * 1e-3 * view.chain.liquid.density_kg_per_m3
    kept_mg = np.interp(times, view.times_s, view.masses_mg)
    start_u = float(view.volume_u[min(int(np.searchsorted(view.times_s, view.first_s)), view.volume_u.size - 1)])
    shown = np.interp(times, view.times_s, view.volume_u) - start_u + (masses - kept_mg) / mg_per_u
    return {
        "t_h": [round(float(each), 6) for each in (times[keep] - view.first_s) / S_PER_H],
        "measured_u": [round(float(each), 6) for each in shown[keep]],
        "count": int(times.size),
    }


def all_marks(view: RunView, boluses: tuple[JudgedBolus, ...]) -> tuple[Mark, ...]:
    """Return every mark of a stretch in order of time, gaps, drift and smear included."""
    gaps = [
        Mark(GAP, gap.start_s, gap.end_s, 0, 0, f"no reading for {gap.duration_s:.0f} s", "gap.tolerate")
        for gap in view.gaps
    ]
    gaps += [
        Mark(GAP, bridge.gap.start_s, bridge.gap.end_s, 0, 0, f"{bridge.gap.cause}: in the budget", "explained")
        for bridge in view.bridges
    ]
    found_marks = [*view.quality.marks, *gaps, *_drifts(view), *_room(view), *_smear(view, boluses)]
    return tuple(sorted(found_marks, key=lambda mark: mark.start_s))


def _smear(view: RunView, boluses: tuple[JudgedBolus, ...]) -> list[Mark]:
    smear = smear_of(*lags(view, boluses))
    if smear is None or not smear.is_smeared:
        return []
    at = boluses[0].order.start_s, boluses[-1].order.end_s
    return [Mark(SMEAR, *at, 0, 0, smear.text, f"{smear.limit_s:.1f} s")]


def _drifts(view: RunView) -> list[Mark]:
    """Return where the level moved although nothing was programmed, by more than noise and evaporation explain."""
    noise, evaporation = view.chain.noise, view.evaporation
    if noise is None or evaporation is None:
        return []
    rests = _rests(view)
    marks = []
    for from_s, to_s in rests:
        slope = found.drift_at_rest(
            view.times_s,
            view.masses_mg,
            from_s,
            to_s,
            noise,
            evaporation.rate_mg_per_h,
            evaporation.u_mg_per_h,
            len(rests),
        )
        if slope is not None and slope.drifts:
            text = (
                f"the level moved by {slope.excess_mg_per_h:+.3g} mg/h with nothing programmed: a zero that drifts, or "
                "a pump that leaks when stopped"
            )
            marks.append(Mark(DRIFT, slope.start_s, slope.end_s, 0, 0, text, f"{slope.limit_mg_per_h:.2g} mg/h"))
    return marks


def _rests(view: RunView) -> list[tuple[float, float]]:
    """Return where nothing was programmed and no bolus ran, blanks left out, for 10 min or more."""
    busy = [(order.start_s, order.end_s) for order in view.programme.boluses]
    busy += [(blank.start_s, blank.end_s) for blank in view.blanks.values()]
    found_rests = []
    for part in view.programme.segments:
        if part.rate_u_per_h > 0.0:
            continue
        inside = [each for each in busy if each[0] < part.end_s and each[1] > part.start_s]
        edges = [part.start_s, *(edge for each in sorted(inside) for edge in each), part.end_s]
        pairs = zip(edges[::2], edges[1::2], strict=True)
        found_rests += [(low, high) for low, high in pairs if high - low >= 600.0]
    return found_rests


def _room(view: RunView) -> list[Mark]:
    """Return that what is left of the curve after the programme follows temperature, humidity or pressure."""
    span = max(view.spans, key=lambda each: each.end_s - each.start_s, default=None)
    if span is None or span.kind == "bolus":
        return []
    part = slice(*np.searchsorted(view.times_s, (span.start_s, span.end_s)))
    times, volume = view.times_s[part], view.volume_u[part]
    if times.size < 2:
        return []
    due = programmed_u(view.programme, times)
    gain = float((volume[-1] - volume[0]) / (due[-1] - due[0])) if due[-1] > due[0] else 1.0
    held = view.record.ambient
    at = np.array([view.seconds(each.at_ns) for each in held])
    rooms: dict[str, FloatArray] = {
        "temperature": np.array([each.temperature_c for each in held]),
        "humidity": np.array([each.humidity_pct for each in held]),
        "pressure": np.array([each.pressure_hpa for each in held]),
    }
    marks = []
    for name, values in rooms.items():
        follows = found.correlation_with(times, volume - gain * due, at, values, len(rooms))
        if follows is not None and follows.follows:
            text = f"what is left after the programme follows the {name} (r = {follows.value:+.2f}): a bench effect"
            marks.append(Mark(DRIFT, float(times[0]), float(times[-1]), 0, 0, text, f"|r| = {follows.limit:.2f}"))
    return marks
