"""The air of a run as its sensors told it: what cannot be is left out, and where nothing is known stands a gap.

Every rule of it is the rig's own, and judges the sensor, never the room. What is left out is a finding; over a gap the
air is taken between its neighbours, and its uncertainty is what the sensor and the bench file's statement (what the
room may do in the course of a run) leave together: the budget decides then whether a check still can. A bench without
sensors has no gaps: its air is stated, with an uncertainty that covers the run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Any, Final

from rig.config import BenchConfig
from rig.judging.evidence import Evidence
from rig.readings import Ambient
from rig.record.reader import Event
from rig.results import Finding, Gap

STREAM: Final = "environment"
GAP, RANGE, JUMP, STUCK = "air-gap", "air-range", "air-jump", "air-stuck"
NS_PER_S: Final = 1e9
S_PER_H: Final = 3600.0
LATE_INTERVALS: Final = 2.5  # a reading may be late for a pump that is being asked
LATE_S: Final = 30.0
STUCK_S: Final = 3 * S_PER_H
STUCK_READINGS: Final = 30
LASTING: Final = 3  # so many readings beyond a jump are no spike
NOT_TOLD: Final = "no sensor told it"

Value = Callable[[Ambient], float]
VALUES: Final[dict[str, tuple[Value, str, float, float]]] = {  # unit; what a sensor for a laboratory may tell
    "temperature": (lambda each: each.temperature_c, "C", 0.0, 50.0),
    "humidity": (lambda each: each.humidity_pct, "%", 0.5, 99.5),  # both ends are those of a dead or a wet probe
    "pressure": (lambda each: each.pressure_hpa, "hPa", 500.0, 1150.0),
}
JUMPS: Final = {"temperature": (3.0, 12.0), "humidity": (20.0, 80.0), "pressure": (1.5, 8.0)}  # at once; more per hour


@dataclass(frozen=True, slots=True)
class AirGap:
    """An interval over which no usable reading of the air came, edges being the readings beside it."""

    start_s: float
    end_s: float
    cause: str

    def touches(self, from_s: float, to_s: float) -> bool:
        """Whether an interval and the gap overlap."""
        return self.start_s < to_s and self.end_s > from_s


@dataclass(frozen=True, slots=True)
class RoomAir:
    """What is left of the readings, the gaps between them, and the findings; times in s after the stretch's origin."""

    readings: tuple[Ambient, ...] = ()
    gaps: tuple[AirGap, ...] = ()
    findings: tuple[Finding, ...] = ()
    fallback: tuple[float, float, float] = (0.0, 0.0, 0.0)  # standard uncertainties of T, RH and p over a gap
    step: tuple[float, float, float] = (0.0, 0.0, 0.0)  # of a jump that lasted: nobody knows which side is right

    def readings_for(self, from_s: float, to_s: float) -> tuple[Ambient, ...]:
        """Return the readings with the uncertainty that they have for an interval: over a gap, the fallback's, too."""
        over_gap = self.fallback if any(gap.touches(from_s, to_s) for gap in self.gaps) else (0.0, 0.0, 0.0)
        u_t, u_h, u_p = (math.hypot(*each) for each in zip(over_gap, self.step, strict=True))
        if not (u_t or u_h or u_p):
            return self.readings
        return tuple(
            replace(
                each,
                u_temperature_c=math.hypot(each.u_temperature_c, u_t),
                u_humidity_pct=math.hypot(each.u_humidity_pct, u_h),
                u_pressure_hpa=math.hypot(each.u_pressure_hpa, u_p),
            )
            for each in self.readings
        )

    def told_gaps(self) -> tuple[Gap, ...]:
        """Return the gaps as a result tells them."""
        return tuple(Gap(each.start_s, each.end_s, STREAM, each.cause) for each in self.gaps)


@dataclass(frozen=True, slots=True)
class _Out:
    """One reading that is left out, with the rule and what it says."""

    rule: str
    at_s: float
    text: str
    reading: Ambient | None = None


def room_air(
    readings: Sequence[Ambient],
    events: Sequence[Event],
    bench: BenchConfig,
    interval_s: float,
    origin_ns: int,
    span_s: tuple[float, float],
) -> RoomAir:
    """Return the air of a stretch of a run that weighed from ``span_s[0]`` to ``span_s[1]``, s after ``origin_ns``."""
    ordered = tuple(sorted(readings, key=lambda each: each.at_ns))
    sensors = bench.environment.sensors
    if not sensors:
        return RoomAir(ordered)
    measured = frozenset(quantity for each in sensors for quantity in each.measures)

    def seconds(each: Ambient) -> float:
        return (each.at_ns - origin_ns) / NS_PER_S

    kept, out = _in_range(ordered, measured, seconds)
    kept, jumped = _without_jumps(kept, measured, seconds)
    out += jumped
    step = _steps(jumped, kept)
    kept, more = _without_stuck(kept, measured, seconds)
    out += more
    kept_s = [seconds(each) for each in kept]
    gaps = _gaps(kept_s, out, events, interval_s, origin_ns, span_s)
    findings = [*_told(out, kept_s), *(Finding(GAP, _gap_text(gap), gap.start_s, gap.end_s) for gap in gaps)]
    stated = bench.environment
    fallback = (stated.u_temperature_c, stated.u_humidity_pct, stated.u_pressure_hpa)
    return RoomAir(kept, gaps, tuple(findings), fallback, step)


def sensor_rows(evidence: Evidence) -> list[dict[str, Any]]:
    """Return the sensors of a run as equipment: who each said it was, what was taken from it, its certificate."""
    told = next((event.data for event in evidence.record.events if event.name == "air_sensors"), {})
    rows = []
    for each in evidence.bench.environment.sensors:
        calibration = each.calibration
        who = told.get("sensors", {}).get(each.name, {})
        rows.append(
            {
                "name": each.name,
                "protocol": each.protocol,
                "model": who.get("model") or each.protocol,
                "serial": who.get("serial") or each.serial or each.usb_serial,
                "measures": list(each.measures),
                "certificate": None if calibration is None else calibration.certificate,
                "calibration_due": None if calibration is None else calibration.due.isoformat(),
            }
        )
    return rows


def _gap_text(gap: AirGap) -> str:
    return (
        f"the air is not known for {gap.end_s - gap.start_s:.0f} s ({gap.cause}): taken between its neighbours, with "
        "the uncertainty stated in the bench file added"
    )


Seconds = Callable[[Ambient], float]
Sifted = tuple[tuple[Ambient, ...], list[_Out]]


def _in_range(readings: Sequence[Ambient], measured: frozenset[str], seconds: Seconds) -> Sifted:
    kept, out = [], []
    for each in readings:
        wrong = ""
        for name in sorted(measured):
            value, unit, low, high = VALUES[name]
            if not low < value(each) < high:
                wrong = f"{name} {value(each):g} {unit}, outside {low:g} to {high:g} {unit}"
        if wrong:
            out.append(_Out(RANGE, seconds(each), wrong))
        else:
            kept.append(each)
    return tuple(kept), out


def _without_jumps(readings: Sequence[Ambient], measured: frozenset[str], seconds: Seconds) -> Sifted:
    """Keep the longest run of readings between jumps, and those that join it again behind a spike."""
    groups: list[list[Ambient]] = []
    said: dict[int, str] = {}
    for each in readings:
        home = next((group for group in reversed(groups) if not _jump(group[-1], each, measured, seconds)), None)
        if home is None:
            if groups:
                said[each.at_ns] = _jump(groups[-1][-1], each, measured, seconds)
            groups.append([each])
        else:
            home.append(each)
    if len(groups) < 2:
        return tuple(readings), []
    longest = max(groups, key=len)
    out = []
    for group in groups:
        if group is longest:
            continue
        nearest = min(longest, key=lambda each: min(abs(each.at_ns - one.at_ns) for one in (group[0], group[-1])))
        early, late = sorted((group[-1], nearest), key=lambda each: each.at_ns)
        text = _jump(early, late, measured, seconds) or said[group[0].at_ns]
        out += [_Out(JUMP, seconds(each), text, each) for each in group]
    return tuple(longest), sorted(out, key=lambda each: each.at_s)


def _steps(out: Sequence[_Out], kept: Sequence[Ambient]) -> tuple[float, float, float]:
    """Return by how much T, RH and p differ between what is kept and what lies beyond a lasting jump.

    Nobody knows which side of such a step is right: it belongs to the uncertainty of the whole stretch.
    """
    beyond = [each.reading for each in out if each.rule == JUMP and each.reading is not None]
    if len(beyond) < LASTING or not kept:
        return 0.0, 0.0, 0.0
    steps = []
    for name, (value, *_) in VALUES.items():
        step = abs(median(value(each) for each in beyond) - median(value(each) for each in kept))
        steps.append(step if step > JUMPS[name][0] else 0.0)
    return steps[0], steps[1], steps[2]


def _jump(before: Ambient, after: Ambient, measured: frozenset[str], seconds: Seconds) -> str:
    """Return which quantity changed faster than the air of a room does, or nothing."""
    hours = abs(seconds(after) - seconds(before)) / S_PER_H
    for name in sorted(measured):
        value, unit, *_ = VALUES[name]
        at_once, per_hour = JUMPS[name]
        change = value(after) - value(before)
        if abs(change) > at_once + per_hour * hours:
            return f"{name} changed by {change:+.3g} {unit} within {hours * S_PER_H:.0f} s"
    return ""


def _without_stuck(readings: Sequence[Ambient], measured: frozenset[str], seconds: Seconds) -> Sifted:
    """Leave out what repeats for hours: a sensor that hangs tells its last values for ever."""
    kept: list[Ambient] = []
    out: list[_Out] = []
    names = sorted(measured)
    group: list[Ambient] = []

    def close() -> None:
        long_s = seconds(group[-1]) - seconds(group[0]) if group else 0.0
        if len(group) < STUCK_READINGS or long_s < STUCK_S:
            kept.extend(group)
            return
        kept.append(group[0])
        text = f"{', '.join(names)} did not change by a digit for {long_s / S_PER_H:.1f} h"
        out.extend(_Out(STUCK, seconds(each), text) for each in group[1:])

    for each in readings:
        if group and any(VALUES[name][0](each) != VALUES[name][0](group[-1]) for name in names):
            close()
            group = []
        group.append(each)
    close()
    return tuple(kept), out


def _gaps(
    times_s: Sequence[float],
    out: Sequence[_Out],
    events: Sequence[Event],
    interval_s: float,
    origin_ns: int,
    span_s: tuple[float, float],
) -> tuple[AirGap, ...]:
    """Return where longer than can be no reading came, the ends of the stretch included."""
    longest_s = max(LATE_INTERVALS * interval_s, interval_s + LATE_S)
    inside = [each for each in times_s if span_s[0] < each < span_s[1]]
    edges = [span_s[0], *inside, span_s[1]]
    if times_s and times_s[0] <= span_s[0]:
        edges[0] = max(each for each in times_s if each <= span_s[0])
    lost = [((event.at_ns - origin_ns) / NS_PER_S, event) for event in events if event.name == "air_lost"]
    found = []
    for low_s, high_s in pairwise(edges):
        if high_s - low_s <= longest_s:
            continue
        cause = next((each.text for each in out if low_s <= each.at_s <= high_s), "")
        cause = cause or next((str(event.data.get("error")) for at_s, event in lost if low_s <= at_s <= high_s), "")
        found.append(AirGap(low_s, high_s, cause or NOT_TOLD))
    return tuple(found)


def _told(out: Sequence[_Out], kept_s: Sequence[float]) -> list[Finding]:
    """Return one finding for each run of readings that one rule leaves out, nothing that is kept between them."""
    runs: list[list[_Out]] = []
    for each in out:
        last = runs[-1][-1] if runs else None
        if last is None or last.rule != each.rule or any(last.at_s < at_s < each.at_s for at_s in kept_s):
            runs.append([])
        runs[-1].append(each)
    return [Finding(run[0].rule, _text(run), run[0].at_s, run[-1].at_s) for run in runs]


def _text(run: Sequence[_Out]) -> str:
    many = "a reading of the air that cannot be is" if len(run) == 1 else f"{len(run)} readings that cannot be are"
    return f"{many} left out: {run[0].text}"
