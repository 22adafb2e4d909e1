"""The pump's therapy logic: profile, temp basal, bolus, suspend; all in whole steps of 0.025 U and integer time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from rig.sim.parameters import HOUR_NS, STROKE_U, PumpModel
from rig.sim.pump.clock import DAY_NS, HALF_HOUR_NS, PumpClock
from rig.sim.pump.wrong import Wrong
from rig.sim.seeds import truncated_gauss

NEVER_NS = 1 << 62
STROKE_NS = HOUR_NS  # one step of 0.025 U in units of (step/h) x ns

Profile = tuple[tuple[int, int], ...]
"""Entries (start in half-hours after midnight, rate in steps of 0.025 U/h), the first at 0."""


@dataclass(frozen=True, slots=True)
class Temp:
    """A running temporary basal; times are the pump's running time."""

    is_percent: bool
    value: int  # percent, or steps of 0.025 U/h
    end_ns: int


@dataclass(slots=True)
class Bolus:
    """A running bolus, in steps of 0.025 U."""

    strokes: int
    start_ns: int
    duration_ns: int
    doses: int
    half_hours: int = 0  # of a square wave
    given: int = 0  # doses so far

    def next_ns(self) -> int:
        """Return when its next dose is due; the last one is due at its nominal end."""
        return self.start_ns + self.duration_ns * (self.given + 1) // self.doses


def bolus_duration_ns(strokes: int, is_new: bool) -> int:
    """Return the nominal time of a bolus [minimed 5.1].

    Old pumps 1.5 U/min; new ones 0.75 U/min below 1 U, 1.5 U/min up to 7.5 U, above always 5 min.
    """
    second_ns = 1_000_000_000
    if is_new and strokes > 300:
        return 300 * second_ns
    if is_new and strokes < 40:
        return strokes * 2 * second_ns
    return strokes * second_ns


def basal_step(strokes_per_h: int, is_new: bool) -> int:
    """Return the step, in 0.025 U/h, in which a pump can run at about this rate [minimed 0.4]."""
    if not is_new:
        return 2
    return 1 if strokes_per_h < 40 else 2 if strokes_per_h < 400 else 4


@dataclass(slots=True)
class Reports:
    """What the therapy tells the rest of the pump; times are running time."""

    stroke: Callable[[int, int, str, float | None], None]
    bolus_ended: Callable[[Bolus, int], None]
    scheduled: Callable[[int, int], None]  # entry index, time: the scheduled rate takes over
    rate_changed: Callable[[int, int], None]  # steps/h, time
    midnight: Callable[[int], None]
    empty: Callable[[int], None]


class Therapy:
    """Runs from event to event; nothing happens between `advance` calls."""

    def __init__(
        self, model: PumpModel, clock: PumpClock, jitter: Random, interval_sd: float, reports: Reports, wrong: Wrong
    ) -> None:
        self._model = model
        self._wrong = wrong
        self._stuck: Temp | None = None  # a temp basal that has run out and goes on
        self._clock = clock
        self._jitter = jitter
        self._interval_sd = interval_sd
        self._reports = reports
        self.now_ns = 0
        self.profiles: dict[int, Profile] = {0: ((0, 0),), 1: (), 2: ()}
        self.pattern = 0
        self.suspended = False
        self.alarm = 0  # code of the alarm that stopped everything, 0 when none
        self.rewound_ns: int | None = None  # when the plunger went back, until the pump is primed
        self.off = False  # without supply: its time stands still until `power_back`
        self.temp: Temp | None = None
        self.bolus: Bolus | None = None
        self.reservoir_strokes = model.reservoir_u * 40
        self.rate = 0
        self._owed = round(jitter.random() * model.dose_strokes * STROKE_NS)  # phase of the first dose: unknown
        self._threshold = self._draw_threshold()
        self._boundary_ns = 0
        self._plan()

    def advance(self, to_ns: int) -> None:
        """Do everything that is due up to running time ``to_ns``; without supply, nothing."""
        if not self.off:
            self._advance(to_ns)

    def _advance(self, to_ns: int) -> None:
        began_off = self.off
        while self.off == began_off:  # until a stroke takes the supply down
            bolus_ns = self.bolus.next_ns() if self.bolus is not None else NEVER_NS
            temp_ns = self.temp.end_ns if self.temp is not None else NEVER_NS
            due_ns = min(self._next_basal_ns, bolus_ns, temp_ns, self._boundary_ns)
            if due_ns > to_ns:
                return
            self._accrue(due_ns)
            if due_ns == bolus_ns:
                self._bolus_dose()
            elif due_ns == self._next_basal_ns:
                self._basal_dose()
            elif due_ns == temp_ns:
                stuck = self.temp if self._wrong.sticks(due_ns) else None
                self.end_temp(stuck)
            else:
                self._cross_boundary()

    def settle(self, now_ns: int) -> None:
        """Bring everything to ``now_ns`` before a command changes something."""
        self.advance(now_ns)
        if not self.off:
            self._accrue(max(now_ns, self.now_ns))

    @property
    def can_deliver(self) -> bool:
        """Say whether neither a suspension nor an alarm nor a rewind stops everything, nor a lack of supply."""
        return not self.off and not self.suspended and not self.alarm and self.rewound_ns is None

    def start_bolus(self, strokes: int, half_hours: int = 0) -> Bolus:
        """Start a bolus now: a normal one, or a square wave in equal doses over some half-hours."""
        doses = -(-strokes // self._model.dose_strokes)
        duration_ns = half_hours * HALF_HOUR_NS or bolus_duration_ns(strokes, self._model.is_new)
        self.bolus = Bolus(strokes, self.now_ns, duration_ns, doses, half_hours)
        return self.bolus

    def start_temp(self, is_percent: bool, value: int, half_hours: int) -> None:
        """Start or replace a temporary basal now."""
        self._stuck = None
        self.temp = Temp(is_percent, value, self.now_ns + half_hours * HALF_HOUR_NS)
        self._plan()

    def end_temp(self, stuck: Temp | None = None) -> None:
        """Let the scheduled rate take over again; ``stuck``: say so, and go on with this one."""
        if self.temp is None and self._stuck is None:
            return
        self.temp, self._stuck = None, stuck
        self._plan()
        self._say_scheduled()

    def suspend(self) -> None:
        """Stop basal, temp basal and bolus now."""
        self.suspended = True
        self.temp = self._stuck = None
        self._end_bolus()
        self._plan()

    def resume(self) -> None:
        """Let the scheduled basal run again."""
        self.suspended = False
        self._plan()
        self._say_scheduled()

    def stop_for_alarm(self, code: int) -> None:
        """Stop everything until the alarm is cleared."""
        self.alarm = code
        self._end_bolus()
        self._plan()

    def power_lost(self, undone: tuple[str, int]) -> None:
        """Stop everything: a bolus ends, a temp basal and what was owed are forgotten.

        ``undone`` is the motion (kind, strokes) that was begun and is not counted; no strokes: none was.
        """
        kind, strokes = undone
        self.reservoir_strokes += strokes
        if self.bolus is not None and strokes and kind == "bolus":
            self.bolus.given -= 1
        self.temp = self._stuck = None
        self.off = True
        self._end_bolus()
        self._plan()

    def power_back(self, now_ns: int) -> None:
        """Be there at running time ``now_ns``; what was due without supply was not done, midnights are made up for.

        Whoever calls this then says what is delivered from now on: an alarm, or `schedule_changed`.
        """
        self._advance(now_ns)
        self._accrue(max(now_ns, self.now_ns))
        self.off = False
        self._owed = 0

    def rewind(self) -> None:
        """Stop everything until the pump is primed."""
        self.rewound_ns = self.now_ns
        self._end_bolus()
        self._plan()

    def prime(self, reservoir_strokes: int) -> None:
        """Go on after a rewind, with this much in the reservoir."""
        self.rewound_ns = None
        self.reservoir_strokes = reservoir_strokes
        self.schedule_changed()

    def clear_alarm(self) -> None:
        """Go on after an alarm."""
        self.alarm = 0
        self._plan()

    def schedule_changed(self) -> None:
        """Look at profile, pattern and clock again: one of them was set."""
        self._plan()
        if not self.suspended and self.temp is None:
            self._say_scheduled()

    def look_again(self) -> None:
        """Plan anew, without a word: what goes wrong begins or ends now."""
        self._plan()

    def profile(self) -> Profile:
        """Return the selected profile; an unused pattern delivers nothing."""
        return self.profiles[self.pattern] or ((0, 0),)

    def entry_now(self) -> int:
        """Return the index of the running profile entry."""
        return self._entry(self.profile())

    def temp_minutes_left(self) -> int:
        """Return the minutes a temp basal still has, rounded up; 0 when none runs."""
        if self.temp is None:
            return 0
        return max(1, -(-(self.temp.end_ns - self.now_ns) // 60_000_000_000))

    def _accrue(self, to_ns: int) -> None:
        self._owed += self.rate * (to_ns - self.now_ns)
        self.now_ns = to_ns

    def _plan(self) -> None:
        """Find the rate from now on, the next basal dose and the next change of the schedule."""
        rate = self._rate_now()
        if rate != self.rate:
            self.rate = rate
            self._reports.rate_changed(rate, self.now_ns)
        self._plan_dose()
        local_ns = self._clock.local_ns(self.now_ns)
        in_day_ns = local_ns % DAY_NS
        starts_ns = [start * HALF_HOUR_NS for start, _ in self._delivered() if start * HALF_HOUR_NS > in_day_ns]
        self._boundary_ns = self.now_ns + min([*starts_ns, DAY_NS]) - in_day_ns

    def _plan_dose(self) -> None:
        left = max(0, self._threshold - self._owed)
        self._next_basal_ns = self.now_ns + -(-left // self.rate) if self.rate else NEVER_NS

    def _rate_now(self) -> int:
        if not self.can_deliver:
            return 0
        profile = self._delivered()
        scheduled = profile[(self._entry(profile) + self._wrong.later_by(self.now_ns)) % len(profile)][1]
        temp = self.temp or self._stuck
        if temp is None:
            return scheduled
        if not temp.is_percent:
            return temp.value
        step = basal_step(scheduled * temp.value // 100, self._model.is_new)
        return (scheduled * temp.value + 50 * step) // (100 * step) * step

    def _delivered(self) -> Profile:
        """Return the profile that is delivered, which the selected one should be."""
        return self.profiles[self._wrong.pattern(self.pattern, self.now_ns)] or ((0, 0),)

    def _entry(self, profile: Profile) -> int:
        half_hour = self._clock.local_ns(self.now_ns) % DAY_NS // HALF_HOUR_NS
        return max(index for index, (start, _) in enumerate(profile) if start <= half_hour)

    def _cross_boundary(self) -> None:
        if self._clock.local_ns(self.now_ns) % DAY_NS == 0:
            self._reports.midnight(self.now_ns)
        self._plan()
        if not self.off and not self.suspended and self.temp is None:
            self._say_scheduled()

    def _say_scheduled(self) -> None:
        self._reports.scheduled(self.entry_now(), self.now_ns)

    def _draw_threshold(self) -> int:
        """Return how much must be owed for the next dose: one dose, a little early or late, never adding up."""
        late = truncated_gauss(self._jitter, self._interval_sd, 3.0)
        return round(self._model.dose_strokes * STROKE_NS * (1.0 + late))

    def _basal_dose(self) -> None:
        self._owed -= self._model.dose_strokes * STROKE_NS
        self._threshold = self._draw_threshold()
        self._plan_dose()
        self._dose(self._model.dose_strokes, "basal", None)

    def _bolus_dose(self) -> None:
        bolus = self.bolus
        if bolus is None:
            return
        bolus.given += 1
        strokes = min(self._model.dose_strokes, bolus.strokes - (bolus.given - 1) * self._model.dose_strokes)
        self._dose(strokes, "bolus", bolus.given / bolus.doses)
        if bolus.given == bolus.doses:
            self._end_bolus()

    def _end_bolus(self) -> None:
        bolus, self.bolus = self.bolus, None
        if bolus is not None:
            self._reports.bolus_ended(bolus, self.now_ns)

    def _dose(self, strokes: int, kind: str, bolus_share: float | None) -> None:
        if self.reservoir_strokes < strokes:
            if kind == "bolus" and self.bolus is not None:
                self.bolus.given -= 1
            self._reports.empty(self.now_ns)
            return
        self.reservoir_strokes -= strokes
        self._reports.stroke(self.now_ns, strokes, kind, bolus_share)

    def delivered_strokes(self, bolus: Bolus) -> int:
        """Return what the pump counts as delivered of a bolus, in steps of 0.025 U."""
        return min(bolus.strokes, bolus.given * self._model.dose_strokes)

    @property
    def rate_u_per_h(self) -> float:
        """Return the running basal rate."""
        return self.rate * STROKE_U
