"""SET, event by event, and its matching with the pump's log (issue 4, item 6)."""

from __future__ import annotations

from dataclasses import dataclass

from rig.analysis.truths import Matching, Occurrence, Tolerance, match
from rig.judging.reported import Entry, Log, read_log
from rig.judging.view import RunView

PATTERNS = ("standard", "A", "B")
TIME_S = 5.0  # between what was acknowledged and what the pump stamped, its stamp's own uncertainty apart
SAFE_S = 60.0  # how long before it was confirmed the safe state may have been commanded
NEAR_S = 10.0  # a change of rate this near to a command is that command's
SETTING = ("profile_written", "pattern_selected", "clock_set")  # they may change the rate as well
LOGGED = {"bolus": "bolus", "temp_basal": "temp_basal", "temp_cancel": "temp_basal", "suspend": "suspend",
          "resume": "resume", "basal": "basal", "prime": "prime"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Programmed:
    """One event of SET. ``amount``: of a bolus in U, of a rate in U/h or %; ``due_u``: what of a bolus was due.

    ``required``: the pump's log must hold it where it logs that kind and was read; False where it may, for example a
    suspend of a pump that may have been suspended already. ``key``: (step, index) of a bolus.
    """

    kind: str
    start_s: float
    end_s: float
    text: str
    amount: float | None = None
    due_u: float | None = None
    minutes: int | None = None
    required: bool = True
    key: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Logged:
    """SET beside REP: pairs of indices, and what stands on one side only."""

    programmed: tuple[Programmed, ...]
    log: Log
    matching: Matching

    def entry_of(self, key: tuple[int, int]) -> Entry | None:
        """Return the log's entry of a bolus."""
        return next((self.log.entries[j] for i, j in self.matching.pairs if self.programmed[i].key == key), None)


def match_log(view: RunView) -> Logged:
    """Return every event of SET of a stretch, every entry of the pump's log, and which belong together."""
    log = read_log(view)
    programmed = programmed_events(view)
    left = [Occurrence(*_left(each)) for each in programmed]
    right = [Occurrence(*_right(entry)) for entry in log.entries]
    half_u = view.evidence.profile.history_amount_step_u / 2.0
    return Logged(programmed, log, match(left, right, Tolerance(TIME_S, amount=half_u + 1e-9)))


def _left(each: Programmed) -> tuple[str, float, float, float | None]:
    return _kind(each.kind, each.minutes, "%" in each.text), each.start_s, each.end_s, each.amount


def _right(entry: Entry) -> tuple[str, float, float, float | None]:
    if entry.kind == "bolus":
        return "bolus", entry.start_s, entry.end_s, entry.programmed_u
    if entry.kind == "temp_basal":
        cancels = entry.minutes == 0
        percent = None if entry.rate_u_per_h is not None or entry.percent is None else float(entry.percent)
        amount = None if cancels else entry.rate_u_per_h if percent is None else percent
        kind = "temp_cancel" if cancels else "temp_basal"
        return _kind(kind, entry.minutes, _is_percent(entry)), entry.start_s, entry.end_s, amount
    if entry.kind == "basal_start":
        return "basal", entry.start_s, entry.end_s, entry.rate_u_per_h
    return entry.kind, entry.start_s, entry.end_s, None


def _is_percent(entry: Entry) -> bool:
    return entry.percent is not None and entry.rate_u_per_h is None


def _kind(kind: str, minutes: int | None, is_percent: bool) -> str:
    """Return what must agree for two to be one event: of a temporary basal its duration and its unit as well."""
    return f"{kind} {minutes} min {'%' if is_percent else 'U/h'}" if kind == "temp_basal" else kind


def programmed_events(view: RunView) -> tuple[Programmed, ...]:
    """Return what the rig had the pump do in a stretch, in order of time."""
    found = [*_commands(view), *_boluses(view), *_scheduled(view)]
    return tuple(sorted(found, key=lambda each: (each.start_s, each.kind)))


def _boluses(view: RunView) -> list[Programmed]:
    ordered = {
        (int(event.data.get("step", -1)), int(event.data.get("index", -1))): event.data
        for event in view.record.events
        if event.name == "bolus_started"
    }
    found = []
    for order in view.programme.boluses:
        key = (order.step, order.index)
        data = ordered.get(key, {})
        amount_u = float(data.get("amount_u", order.amount_u))
        end_s = order.start_s + float(data.get("duration_s", order.duration_s))
        text = f"{amount_u:g} U" + ("" if abs(amount_u - order.amount_u) < 1e-9 else ", stopped")
        found.append(Programmed("bolus", order.start_s, end_s, text, amount_u, order.amount_u, key=key))
    return found


def _commands(view: RunView) -> list[Programmed]:
    """Return suspends, resumes and temporary basals; one that may have changed nothing need not be logged."""
    found: list[Programmed] = []
    suspended: bool | None = None  # until the first command nobody knows
    made_safe = False  # what is set after it only puts back what was found
    temp_until_s = 0.0
    for event in view.record.events:
        at_s, data = view.seconds(event.at_ns), event.data
        made_safe = made_safe or event.name == "safe_state"
        if event.name == "suspended":
            found.append(Programmed("suspend", at_s, at_s, "suspend", required=suspended is False))
            suspended, temp_until_s = True, 0.0
        elif event.name == "resumed":
            found.append(Programmed("resume", at_s, at_s, "resume", required=suspended is True))
            suspended = False
        elif event.name == "temp_started":
            found.append(_temp(at_s, data.get("rate_u_per_h"), data.get("percent"), float(data["duration_s"])))
            temp_until_s = at_s + float(data["duration_s"])
        elif event.name == "temp_cancelled":
            required = at_s < temp_until_s - TIME_S
            found.append(Programmed("temp_cancel", at_s, at_s, "cancel", required=required))
            temp_until_s = 0.0
        elif event.name == "pattern_selected" and not made_safe:
            text = PATTERNS[int(data["pattern"])]
            found.append(Programmed("pattern_selected", at_s, at_s, text))
        elif event.name == "safe_state" and suspended is not True:
            found.append(Programmed("suspend", at_s - SAFE_S, at_s, "made safe", required=False))
    return found


def _temp(at_s: float, rate_u_per_h: float | None, percent: int | None, duration_s: float) -> Programmed:
    minutes = round(duration_s / 60.0)
    if rate_u_per_h is None:
        return Programmed("temp_basal", at_s, at_s, f"{percent} %, {minutes} min", float(percent or 0), None, minutes)
    return Programmed("temp_basal", at_s, at_s, f"{rate_u_per_h:g} U/h, {minutes} min", rate_u_per_h, None, minutes)


def _scheduled(view: RunView) -> list[Programmed]:
    """Return the changes of rate that the profile brings by itself, and the others as ones that may be logged.

    When a pump writes that a scheduled rate starts other than by the schedule no source states, so those are optional.
    """
    commands = [each.start_s for each in _commands(view)]
    commands += [view.seconds(event.at_ns) for event in view.record.events if event.name in SETTING]
    segments = view.programme.segments
    found = []
    for number, part in enumerate(segments):
        if number == 0 or part.rate_u_per_h <= 0:
            continue
        alone = all(abs(part.start_s - at_s) > NEAR_S for at_s in commands)
        by_schedule = alone and segments[number - 1].rate_u_per_h > 0 and _many_rates(view)
        text = f"{part.rate_u_per_h:g} U/h"
        found.append(Programmed("basal", part.start_s, part.start_s, text, part.rate_u_per_h, required=by_schedule))
    return found


def _many_rates(view: RunView) -> bool:
    written = (event.data.get("entries", ()) for event in view.record.events if event.name == "profile_written")
    return any(len(entries) > 1 for entries in written)


def agrees_with_schedule(entry: Entry, view: RunView) -> bool:
    """Return whether a "scheduled basal starts" tells of a rate that SET has in force around its time.

    Around: between two commands a few seconds apart a scheduled rate may run for less time than a stamp is uncertain.
    """
    if entry.rate_u_per_h is None:
        return True
    from_s, to_s = entry.start_s - TIME_S, entry.end_s + TIME_S
    rates = [view.programme.rate_at(at_s) for at_s in (from_s, to_s)]
    rates += [part.rate_u_per_h for part in view.programme.segments if part.start_s < to_s and part.end_s > from_s]
    step_u = view.evidence.profile.history_amount_step_u
    return any(abs(rate - entry.rate_u_per_h) <= step_u / 2.0 for rate in rates)
