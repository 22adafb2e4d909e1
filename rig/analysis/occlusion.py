"""One occlusion, from the readings around it: time to alarm, missed and released volume (reference sections 1.6, 9).

Only instants are needed: clamp closed, alarm, clamp opened. Where each came from (valve, pump, a person with a watch)
is the caller's business, and so are their uncertainties.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from rig.analysis.bolus import BolusMeasurement, BolusWindow, RunningBasal, measure_bolus
from rig.analysis.measured import Measured, combined_budget, joined_notes
from rig.analysis.pinch import WAIT_S, Air, PinchVolume, level_length_s
from rig.analysis.release import release_time_constant, released_within, without_opening
from rig.analysis.series import TIME_TOLERANCE_S, checked, level_between
from rig.errors import BenchError, UsageError
from rig.metrology.budget import COVERAGE_FACTOR, Budget, Component
from rig.metrology.buoyancy import UL_PER_CM3
from rig.metrology.checks import FloatArray, finite
from rig.metrology.noise import SECONDS_PER_HOUR
from rig.metrology.volume import MassChange, WeighingChain, volume_from_mass

NO_EVAPORATION = "no evaporation is corrected, and none is in the uncertainty"
NO_PINCH = "the clamp's pinch volume was not measured and is not taken off"


@dataclass(frozen=True, slots=True)
class OcclusionInstants:
    """When what happened, in s of the record; ``alarm_s`` None: none came; ``opened_s`` None: never opened."""

    closed_s: float
    alarm_s: float | None
    opened_s: float | None
    from_s: float  # first and last reading that belong to this occlusion
    to_s: float

    def __post_init__(self) -> None:
        """``UsageError`` unless closed, alarm and opened follow each other within the readings."""
        known = [self.from_s, self.closed_s, *(t for t in (self.alarm_s, self.opened_s) if t is not None), self.to_s]
        if not all(a < b for a, b in pairwise(known[:-1])) or not known[-2] <= known[-1]:
            raise UsageError(
                f"clamp closed at {self.closed_s!r} s, alarm at {self.alarm_s!r} s, opened at {self.opened_s!r} s",
                expected=f"in this order, within {self.from_s:g} s to {self.to_s:g} s",
            )
        if self.alarm_s is None and self.opened_s is None:
            raise UsageError("an occlusion with neither alarm nor opening", expected="at least one of them")

    @property
    def end_s(self) -> float:
        """Until when volume was missed: the alarm, else the opening."""
        end = self.alarm_s if self.alarm_s is not None else self.opened_s
        return end if end is not None else self.to_s


@dataclass(frozen=True, slots=True)
class OcclusionSetting:
    """What was programmed, and how well the instants are known.

    ``programmed_u``: SET between closing and alarm where the rate was not constant, else None. ``dose_u``: one dose of
    the pump, 0 for continuous flow. ``rate_after_u_per_h``: what the schedule delivers from the opening on (0: the
    alarm stopped the pump). ``closing_s``: how long the clamp takes to close; ``alarm_poll_s``: how far apart the looks
    for an alarm were, so that it may be that much older than its stamp; ``u_stamp_s``: of every time stamp.
    """

    rate_u_per_h: float
    dose_u: float = 0.0
    ul_per_u: float = 10.0
    programmed_u: float | None = None
    rate_after_u_per_h: float = 0.0
    closing_s: float = 0.0
    alarm_poll_s: float = 0.0
    u_stamp_s: float = 0.0

    def __post_init__(self) -> None:
        """Refuse impossible values; ``UsageError`` for a rate of zero."""
        if not (self.rate_u_per_h > 0.0 and math.isfinite(self.rate_u_per_h)):
            raise UsageError(f"an occlusion at {self.rate_u_per_h!r} U/h", expected="a rate above zero")
        finite("volume of one unit", self.ul_per_u, positive=True)
        for name in ("dose_u", "rate_after_u_per_h", "closing_s", "alarm_poll_s", "u_stamp_s"):
            finite(name, getattr(self, name), non_negative=True)
        if self.programmed_u is not None:
            finite("programmed amount", self.programmed_u, positive=True)

    @property
    def flow_ul_per_h(self) -> float:
        """Programmed flow, uL/h."""
        return self.rate_u_per_h * self.ul_per_u

    @property
    def dose_ul(self) -> float:
        """One dose, uL."""
        return self.dose_u * self.ul_per_u


@dataclass(frozen=True, slots=True)
class OcclusionMeasurement:
    """One occlusion, measured; volumes in uL, times in s.

    ``time_to_alarm`` None: no alarm came. ``missed``: programmed until alarm (or opening) less what still came out;
    ``missed_by_rate``: Q t alone, what a label quotes. ``released`` and what follows from it are None where the clamp
    was not opened. ``settled`` False: cut by the end of the readings. ``leaked_after_alarm``: came out from
    the level after the alarm to that before the opening.
    """

    instants: OcclusionInstants
    setting: OcclusionSetting
    time_to_alarm: Measured | None
    programmed: Measured
    came_out: Measured
    missed: Measured
    missed_by_rate: Measured
    leaked_after_alarm: Measured | None
    released: Measured | None
    released_share: Measured | None  # released / missed
    released_in_60_s: Measured | None
    time_constant: Measured | None
    collected_until_s: float | None
    settled: bool
    pinch: PinchVolume | None
    notes: tuple[str, ...]


def measure_occlusion(
    times_s: ArrayLike,
    masses_mg: ArrayLike,
    instants: OcclusionInstants,
    setting: OcclusionSetting,
    chain: WeighingChain,
    air: Air,
    *,
    pinch: PinchVolume | None = None,
) -> OcclusionMeasurement:
    """Return what one occlusion did.

    The record may hold more than this occlusion; what lies outside ``from_s``..``to_s`` is not looked at. Released
    volume: collected until the slope over 60 s is within 3 u of that of the schedule (design 4.12), the schedule
    taken off, what may still come in the budget. ``pinch`` corrects both volumes by what the clamp itself moved.
    ``BenchError`` without readings for a level.
    """
    times, masses = checked(times_s, masses_mg)
    keep = slice(
        int(np.searchsorted(times, instants.from_s - TIME_TOLERANCE_S)),
        int(np.searchsorted(times, instants.to_s + TIME_TOLERANCE_S)),
    )
    times, masses = times[keep], masses[keep]
    if times.size < 3 or times[0] >= instants.closed_s:
        raise BenchError(
            f"no reading before the clamp closed at {instants.closed_s:g} s", expected="readings around it"
        )
    length_s = level_length_s(times)
    came_out, from_s = _came_out(times, masses, instants, length_s, chain, air)
    programmed = _programmed(instants, setting, from_s)
    missed = _missed(programmed, came_out, pinch)
    bolus = _collected(times, masses, instants, setting, length_s, chain, air)
    released = None if bolus is None else _released(bolus, chain, pinch)
    constant = None if bolus is None else release_time_constant(times, masses, bolus, setting, chain, pinch)
    series = (times, masses)
    minute = None if bolus is None else released_within(60.0, series, bolus, setting, chain, air, pinch)
    assumed = [NO_EVAPORATION] if chain.evaporation is None else []
    notes = [*assumed, *joined_notes(missed, released, constant), *_notes(instants, pinch, bolus, came_out, programmed)]
    return OcclusionMeasurement(
        instants=instants,
        setting=setting,
        time_to_alarm=time_to_alarm(instants, setting, float(np.median(np.diff(times)))),
        programmed=programmed,
        came_out=came_out,
        missed=missed,
        missed_by_rate=_by_rate(instants, setting),
        leaked_after_alarm=_leaked(times, masses, instants, length_s, chain, air),
        released=released,
        released_share=None if released is None else _share(released, missed),
        released_in_60_s=minute,
        time_constant=constant,
        collected_until_s=None if bolus is None else bolus.closed_s,
        settled=bolus is not None and bolus.settled,
        pinch=pinch,
        notes=tuple(dict.fromkeys(notes)),
    )


def time_to_alarm(instants: OcclusionInstants, setting: OcclusionSetting, reading_interval_s: float) -> Measured | None:
    """Return the time from closing to alarm in s, or None without an alarm.

    Components: the clamp's own travel and the alarm's age when it was seen (one-sided, so their whole width is taken
    as half width), both time stamps, one reading interval, and one dose interval: the pump meets the blockage only
    with its first dose after the closing, whose phase is not known.
    """
    if instants.alarm_s is None:
        return None
    interval_s = setting.dose_u / setting.rate_u_per_h * SECONDS_PER_HOUR
    width = 1.0 / math.sqrt(12.0)
    components = [
        Component("reading interval", reading_interval_s * width, "s", 1.0, "B", "rectangular", "weighing record"),
        Component("first missing dose", interval_s * width, "s", 1.0, "B", "rectangular", "dose of the pump's profile"),
        *_instant_components(setting, 1.0),
    ]
    return Measured(instants.alarm_s - instants.closed_s, Budget("s", tuple(components)))


def with_pinch_into_line(volume: Measured, pinch: PinchVolume | None) -> Measured:
    """Return a stored volume with what the closing clamp may have pushed back into the line, which nobody weighs.

    Taken as half width: as much as it pushed out, either way. None measured, none added; the notes of the measurement
    say so.
    """
    if pinch is None:
        return volume
    u_ul = abs(pinch.closing.value) / math.sqrt(3.0)
    back = Component("pinch pushed back into the line", u_ul, "uL", 1.0, "B", "rectangular")
    return Measured(volume.value, volume.budget.with_component(back), volume.notes)


def effective_compliance(stored: Measured, alarm_kpa: Measured, start_kpa: Measured) -> Measured:
    """Return C = V/(P_al - P0) in uL/kPa from the volume stored at the threshold (uL) and both pressures (kPa).

    ``BenchError`` unless the pressure rises by more than its expanded uncertainty: a quotient by nothing.
    """
    rise = alarm_kpa.value - start_kpa.value
    if not rise > COVERAGE_FACTOR * math.hypot(alarm_kpa.u, start_kpa.u):
        raise BenchError(f"a pressure rise of {rise:g} kPa", expected="more than its expanded uncertainty")
    value = stored.value / rise
    parts = [
        ("stored volume", stored, 1.0 / rise),
        ("alarm pressure", alarm_kpa, -value / rise),
        ("start pressure", start_kpa, value / rise),
    ]
    return Measured(value, combined_budget("uL/kPa", parts), joined_notes(stored, alarm_kpa, start_kpa))


def _came_out(
    times: FloatArray, masses: FloatArray, instants: OcclusionInstants, length_s: float, chain: WeighingChain, air: Air
) -> tuple[Measured, float]:
    """Return what was weighed between the level before the closing and that before the alarm, and since when."""
    closed, end = instants.closed_s, instants.end_s
    last = int(np.searchsorted(times, closed)) - 1
    start = level_between(times, masses, min(closed - length_s, float(times[last])), float(times[last]))
    settled = min(closed + WAIT_S, (closed + end) / 2.0)
    final = level_between(times, masses, max(end - length_s, settled), _before(times, end, instants.opened_s))
    volume = volume_from_mass(MassChange(start, final), chain, air(start.at_s, final.at_s))
    # A blockage that leaks goes on leaking from the middle of the last level to the alarm.
    late_ul = abs(volume.volume_ul) * (end - final.at_s) / (final.at_s - start.at_s)
    late = Component("leak after the last level", late_ul / math.sqrt(3.0), "uL", 1.0, "B", "rectangular")
    return Measured(volume.volume_ul, volume.budget.with_component(late), volume.notes), start.at_s


def _before(times: FloatArray, end_s: float, opened_s: float | None) -> float:
    """Return the last instant of a level up to ``end_s``; a reading at the very opening may already show it."""
    if opened_s is None or end_s < opened_s:
        return end_s
    return float(times[max(int(np.searchsorted(times, opened_s)) - 1, 0)])


def _programmed(instants: OcclusionInstants, setting: OcclusionSetting, from_s: float) -> Measured:
    """Return what was programmed from the first level until the alarm, uL."""
    lead_ul = setting.flow_ul_per_h * (instants.closed_s - from_s) / SECONDS_PER_HOUR
    return _programmed_budget(_until_alarm_ul(instants, setting) + lead_ul, setting)


def _by_rate(instants: OcclusionInstants, setting: OcclusionSetting) -> Measured:
    """Return V = Q t from closing to alarm (or opening), uL."""
    return _programmed_budget(_until_alarm_ul(instants, setting), setting)


def _until_alarm_ul(instants: OcclusionInstants, setting: OcclusionSetting) -> float:
    if setting.programmed_u is not None:
        return setting.programmed_u * setting.ul_per_u
    return setting.flow_ul_per_h * (instants.end_s - instants.closed_s) / SECONDS_PER_HOUR


def _programmed_budget(value_ul: float, setting: OcclusionSetting) -> Measured:
    """Return a programmed volume: doses at unknown phase at both edges (design 4.10), and the instants."""
    edge = Component(
        "dose edge", setting.dose_ul / math.sqrt(6.0), "uL", 1.0, "B", "triangular", "dose of the pump's profile"
    )
    instants = _instant_components(setting, setting.flow_ul_per_h / SECONDS_PER_HOUR)
    return Measured(value_ul, Budget("uL", (edge, *instants)))


def _instant_components(setting: OcclusionSetting, sensitivity: float) -> list[Component]:
    """Return what makes the instants of closing and alarm uncertain; ``sensitivity``: result unit per s."""
    rectangular = 1.0 / math.sqrt(3.0)
    return [
        Component("closing of the clamp", setting.closing_s * rectangular, "s", sensitivity, "B", "rectangular"),
        Component("age of the alarm", setting.alarm_poll_s * rectangular, "s", sensitivity, "B", "rectangular"),
        Component("time stamps of both instants", setting.u_stamp_s * math.sqrt(2.0), "s", sensitivity),
    ]


def _missed(programmed: Measured, came_out: Measured, pinch: PinchVolume | None) -> Measured:
    """Return programmed - came out + what the closing clamp itself squeezed out."""
    parts = [("programmed", programmed, 1.0), ("weighed", came_out, -1.0)]
    value = programmed.value - came_out.value
    if pinch is not None:
        value += pinch.closing.value
        parts.append(("pinch", pinch.closing, 1.0))
    notes = joined_notes(came_out, pinch.closing if pinch else None)
    return Measured(value, combined_budget("uL", parts), notes)


def _collected(
    times: FloatArray,
    masses: FloatArray,
    instants: OcclusionInstants,
    setting: OcclusionSetting,
    length_s: float,
    chain: WeighingChain,
    air: Air,
) -> BolusMeasurement | None:
    """Return what came after the opening, as a bolus of no nominal duration over the running schedule."""
    if instants.opened_s is None:
        return None
    since = instants.alarm_s if instants.alarm_s is not None else instants.closed_s
    window = BolusWindow(instants.opened_s, 0.0, since, instants.to_s, length_s, length_s)
    schedule = RunningBasal(setting.rate_after_u_per_h, setting.dose_u, setting.ul_per_u)
    return measure_bolus(times, masses, window, chain, air, basal=schedule)


def _released(bolus: BolusMeasurement, chain: WeighingChain, pinch: PinchVolume | None) -> Measured:
    """Return the collected volume, half of what may still come, and what the opening clamp drew back (negative).

    What comes after the close lies between nothing and the bound of design 4.12: its middle is the estimate, and the
    whole bound stays in the budget as half width.
    """
    bound_ul = bolus.truncation_mg * math.sqrt(3.0) * UL_PER_CM3 / chain.liquid.density_kg_per_m3
    value = bolus.volume.volume_ul + bound_ul / 2.0
    collected = Measured(value, bolus.volume.budget, bolus.volume.notes)
    return collected if pinch is None else without_opening(collected, pinch)


def _share(released: Measured, missed: Measured) -> Measured | None:
    """Return released / missed, or None where the missed volume may be nothing."""
    if not missed.value > missed.expanded:
        return None
    share = released.value / missed.value
    parts = [("released", released, 1.0 / missed.value), ("missed", missed, -share / missed.value)]
    return Measured(share, combined_budget("1", parts))


def _leaked(
    times: FloatArray, masses: FloatArray, instants: OcclusionInstants, length_s: float, chain: WeighingChain, air: Air
) -> Measured | None:
    """Return what came out between alarm and opening, or None where two levels do not fit."""
    alarm, opened = instants.alarm_s, instants.opened_s
    if alarm is None or opened is None or opened - alarm < 2.0 * length_s:
        return None
    start = level_between(times, masses, alarm, alarm + length_s)
    end = level_between(times, masses, opened - length_s, _before(times, opened, opened))
    volume = volume_from_mass(MassChange(start, end), chain, air(start.at_s, end.at_s))
    return Measured(volume.volume_ul, volume.budget, volume.notes)


def _notes(
    instants: OcclusionInstants,
    pinch: PinchVolume | None,
    bolus: BolusMeasurement | None,
    came_out: Measured,
    programmed: Measured,
) -> list[str]:
    """Return what a report must print beside the numbers."""
    notes = [] if pinch is not None else [NO_PINCH]
    if instants.alarm_s is None:
        waited_s = instants.end_s - instants.closed_s
        notes.append(f"no alarm within {waited_s:g} s of the closing; the clamp was opened without one")
    if came_out.value - came_out.expanded > 0.1 * programmed.value:
        share = 100.0 * came_out.value / programmed.value
        notes.append(f"{share:.0f} % of the programme still came out: the blockage was partial, or the clamp leaked")
    if bolus is None:
        notes.append("the clamp was not opened: no released volume")
    elif not bolus.settled:
        notes.append("the release had not settled when the readings ended: more may have come")
    return notes
