"""The occlusions of a run: its three instants from the record, then measured by `rig.analysis.occlusion`.

Clamped while nothing was programmed, the clamp's own volume is measured; clamped while the pump delivered, it is an
occlusion. The alarm is the pump's, seen by a poll: it may be as much older as the looks were apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from rig.analysis.measured import Measured as Value
from rig.analysis.occlusion import OcclusionInstants, OcclusionMeasurement, OcclusionSetting, measure_occlusion
from rig.analysis.pinch import PinchVolume, measure_pinch
from rig.errors import BenchError, RigError
from rig.judging.items import Derivation, Item, Measured, NotMeasurableError
from rig.judging.valve_moves import CLAMP, Move, valve_moves
from rig.judging.view import RunView
from rig.metrology.budget import Budget, Component
from rig.results import Finding
from rig.scenario.model import Check
from rig.scenario.step_fields import ALARMS

S_PER_H = 3600.0
CLOSING_S = 0.5  # a pinch valve needs no longer: rig's assumption
PINCH_UL = 0.5  # half width of a clamp's own volume that nobody measured: rig's assumption
WARN_MISSED_U = 5.0  # L-O3
ALTERNATIVES = (
    "alternative bench causes not excluded: air in the line or the reservoir and a soft or leaking clamp delay the "
    "alarm and store more; a second occlusion after priming free of bubbles, and a stiffer clamp, separate them"
)
NO_DELIVERY = ALARMS["no delivery"]
CHANGES = frozenset(  # after them the pump may deliver otherwise
    (
        *("suspended", "resumed", "temp_started", "temp_cancelled", "bolus_started", "profile_written"),
        *("pattern_selected", "alarm_cleared", "key_pressed"),
    )
)


@dataclass(frozen=True, slots=True)
class Occlusion:
    """One occlusion of a run in s: ``opened_s`` None: the run ended before; ``poll_s``: how old the alarm may be."""

    step: int
    closed: Move
    opened_s: float | None
    alarm_s: float | None
    poll_s: float
    set_u: float
    rate_u_per_h: float | None = None  # where it was one rate all the time
    measured: OcclusionMeasurement | None = None
    why_not: str = ""

    @property
    def end_s(self) -> float:
        """Return until when volume was missed, or until when it was waited."""
        known = [at_s for at_s in (self.alarm_s, self.opened_s) if at_s is not None]
        return min(known, default=self.closed.at_s)

    @property
    def label(self) -> str:
        """Return its name in a report."""
        return f"step {self.step + 1}"


def occlusions(view: RunView) -> tuple[Occlusion, ...]:
    """Return every occlusion of a stretch, in the order of time, measured where it can be."""
    clamps = [move for move in valve_moves(view.record.events, view.started_ns) if move.deed == CLAMP]
    pinches: list[tuple[float, float]] = []
    found: list[Occlusion] = []
    for number, move in enumerate(clamps):
        if not move.acts:
            continue
        after = clamps[number + 1] if number + 1 < len(clamps) else None
        opened_s = None if after is None or after.acts or not after.planned else after.at_s
        to_s = view.end_s if after is None else after.at_s
        set_u = view.programme.expected_u(move.at_s, to_s)
        if set_u <= 0.0:
            pinches += [] if opened_s is None else [(move.at_s, opened_s)]
            continue
        alarm_s, poll_s = _alarm(view, move.at_s, to_s)
        rate = _one_rate(view, move.at_s, to_s if alarm_s is None else alarm_s)
        found.append(Occlusion(_step_of(view, move), move, opened_s, alarm_s, poll_s, set_u, rate))
    pinch, why = _pinch(view, pinches)
    return tuple(_measured(view, each, clamps, pinch, why) for each in found)


def measure_occlusions(check: Check, view: RunView) -> Measured:
    """Return what a check asks of the occlusions of a run; those that the run did not reach are not measurable."""
    held = [each for each in occlusions(view) if check.step in (None, each.step)]
    if not held:
        raise NotMeasurableError("no tube of a delivering pump was clamped")
    make = _ITEMS[check.measure]
    items = tuple(_attempt(make, each, view) for each in held)
    return Measured(held[0].closed.at_s, max(item.to_s for item in items), items)


def occlusion_findings(view: RunView) -> list[Finding]:
    """Return what an occlusion showed beyond its numbers: no alarm, much missed, a clamp that let something through."""
    found = []
    for each in occlusions(view):
        span = (each.closed.at_s, each.end_s)
        if each.alarm_s is None:
            waited_h = (each.end_s - each.closed.at_s) / S_PER_H
            text = f"{each.label}: no alarm in the {waited_h:.3g} h in which the tube was clamped"
            found.append(Finding("occlusion-no-alarm", text, *span))
        if each.measured is None:
            continue
        missed_u = each.measured.missed.value / view.ul_per_u
        if missed_u > WARN_MISSED_U:
            found.append(Finding("occlusion-missed", f"{each.label}: {missed_u:.2f} U were missed", *span))
        found += _not_tight(each, each.measured, view)
    return found


def _not_tight(each: Occlusion, measured: OcclusionMeasurement, view: RunView) -> list[Finding]:
    """Return that more came out of the clamped tube than the clamp itself pushes out."""
    came, pinch = measured.came_out, measured.pinch
    own_ul, u_own_ul = (pinch.closing.value, pinch.closing.u) if pinch is not None else (PINCH_UL, 0.0)
    if came.value - own_ul <= 2.0 * math.hypot(came.u, u_own_ul):
        return []
    text = (
        f"{each.label}: {came.value / view.ul_per_u:.3f} U came out of the clamped tube: a clamp that leaks or a "
        "partial blockage, and one balance cannot tell which"
    )
    return [Finding("occlusion-not-tight", text, each.closed.at_s, each.end_s)]


def _alarm(view: RunView, closed_s: float, to_s: float) -> tuple[float | None, float]:
    """Return when the alarm was seen while the tube was clamped, and how much older it may be.

    Seen at the first look, it may be as old as the closing.
    """
    for event in view.record.events:
        at_s = view.seconds(event.at_ns)
        if event.name == "alarm_seen" and int(event.data["code"]) == NO_DELIVERY and closed_s < at_s < to_s:
            age_s = at_s - view.seconds(int(event.data["not_before_ns"]))
            if float(event.data["waited_s"]) <= age_s + 1.0:
                age_s = at_s - closed_s
            return at_s, min(max(age_s, 0.0), at_s - closed_s)
    return None, 0.0


def _one_rate(view: RunView, from_s: float, to_s: float) -> float | None:
    """Return the basal rate of an interval, U/h; None where there were several, or a bolus."""
    programme = view.programme
    rates = {part.rate_u_per_h for part in programme.segments if part.start_s < to_s and part.end_s > from_s}
    given = any(order.start_s < to_s and order.end_s > from_s for order in programme.boluses)
    return rates.pop() if len(rates) == 1 and not given else None


def _step_of(view: RunView, move: Move) -> int:
    inside = (span.step for span in view.spans if span.start_s <= move.done_s <= span.end_s and span.kind == "occlude")
    return next(inside, -1)


def _pinch(view: RunView, pinches: list[tuple[float, float]]) -> tuple[PinchVolume | None, str]:
    """Return the clamp's own volume, or why it is not known."""
    if not pinches:
        return None, "the clamp was not tried with the pump stopped"
    try:
        return measure_pinch(view.times_s, view.masses_mg, pinches, view.chain, view.air), ""
    except RigError as error:
        return None, error.what


def _measured(view: RunView, each: Occlusion, clamps: list[Move], pinch: PinchVolume | None, why: str) -> Occlusion:
    """Return an occlusion with what the balance says of it, or why that cannot be told."""
    if each.opened_s is None and each.alarm_s is None:
        return replace(each, why_not="the run ended with the tube clamped")
    changes_s = [view.seconds(event.at_ns) for event in view.record.events if event.name in CHANGES]
    edges_s = sorted([*changes_s, *(move.at_s for move in clamps if move is not each.closed)])
    from_s = max((at_s for at_s in edges_s if at_s < each.closed.at_s), default=float(view.times_s[0]))
    over_s = each.end_s if each.opened_s is None else each.opened_s
    to_s = min((at_s for at_s in edges_s if at_s > over_s + 1e-6), default=float(view.times_s[-1]))
    to_s = min(to_s, float(view.times_s[-1]))
    if any(each.closed.at_s < at_s < each.end_s for at_s in edges_s):
        return replace(each, why_not="the pump was told something else while the tube was clamped")
    gap = view.gap_in(from_s, to_s)
    if gap is not None:
        return replace(each, why_not=f"no readings for {gap.duration_s:.0f} s from {gap.start_s:.0f} s on")
    unknown = view.unknown_in(from_s, to_s)
    if unknown is not None:
        return replace(each, why_not=unknown.text)
    try:
        instants = OcclusionInstants(each.closed.at_s, each.alarm_s, each.opened_s, from_s, to_s)
        found = measure_occlusion(
            view.times_s, view.masses_mg, instants, _setting(view, each), view.chain, view.air, pinch=pinch
        )
    except RigError as error:
        return replace(each, why_not=error.what)
    return replace(each, measured=found if pinch is not None else _with_unknown_pinch(found, why))


def _setting(view: RunView, each: Occlusion) -> OcclusionSetting:
    """Return what was programmed; after an alarm the pump is stopped, else it goes on as scheduled."""
    set_u = view.programme.expected_u(each.closed.at_s, each.end_s)
    if set_u <= 0.0:
        raise BenchError("nothing was programmed between the closing and the alarm")
    after = 0.0 if each.alarm_s is not None else view.programme.rate_at((each.opened_s or 0.0) + 1e-3)
    half_s = (each.closed.done_s - each.closed.asked_s) / 2.0
    return OcclusionSetting(
        rate_u_per_h=set_u / (each.end_s - each.closed.at_s) * S_PER_H,
        dose_u=view.programme.dose_u,
        ul_per_u=view.ul_per_u,
        programmed_u=set_u,
        rate_after_u_per_h=after,
        closing_s=CLOSING_S,
        alarm_poll_s=each.poll_s,
        u_stamp_s=math.hypot(view.stamp_u_s, half_s / math.sqrt(3.0)),
    )


def _with_unknown_pinch(found: OcclusionMeasurement, why: str) -> OcclusionMeasurement:
    """Return a measurement whose volumes carry what the clamp itself may have moved, since nobody measured it."""
    part = Component("clamp's own volume", PINCH_UL / math.sqrt(3.0), "uL", 1.0, "B", "rectangular", "rig's assumption")
    note = f"the clamp's own volume is taken as within {PINCH_UL:g} uL: {why}"

    def wider(value: Value) -> Value:
        return Value(value.value, value.budget.with_component(part), (*value.notes, note))

    released = found.released
    return replace(found, missed=wider(found.missed), released=None if released is None else wider(released))


def _attempt(make: Callable[[Occlusion, RunView], Item], each: Occlusion, view: RunView) -> Item:
    item = make(each, view)
    if each.why_not and item.value is None:
        return replace(item, why_not=each.why_not)
    return item


def _empty(each: Occlusion, why: str = "") -> Item:
    to_s = each.end_s if each.opened_s is None else each.opened_s
    return Item(
        each.label, each.closed.at_s, to_s, None, None, rate_u_per_h=each.rate_u_per_h, set_u=each.set_u, why_not=why
    )


def _time(each: Occlusion, _view: RunView) -> Item:
    """Return the time to the alarm; without an alarm, how long it did not come, which can FAIL and never pass."""
    item, found = _empty(each), each.measured
    if found is None:
        return item
    if found.time_to_alarm is not None:
        formula = Derivation(
            "alarm_s - closed_s", numbers=(("closed_s", each.closed.at_s), ("alarm_s", each.alarm_s or 0.0))
        )
        return _with(item, found.time_to_alarm.scaled(1.0 / S_PER_H, "h"), formula)
    waited_s = each.end_s - each.closed.at_s
    setting = found.setting
    parts = [Component("closing of the clamp", CLOSING_S / math.sqrt(3.0), "s", 1.0, "B", "rectangular")]
    parts.append(Component("time stamps of both instants", setting.u_stamp_s * math.sqrt(2.0), "s"))
    note = f"no alarm within {waited_s / S_PER_H:.3g} h: the time to it is longer than this"
    waited = Value(waited_s, Budget("s", tuple(parts)), (note,))
    formula = Derivation("opened_s - closed_s", numbers=(("closed_s", each.closed.at_s), ("opened_s", each.end_s)))
    return replace(_with(item, waited.scaled(1.0 / S_PER_H, "h"), formula), at_least=True)


def _missed(each: Occlusion, view: RunView) -> Item:
    item, found = _empty(each), each.measured
    if found is None:
        return item
    value = found.missed.scaled(1.0 / view.ul_per_u, "U")
    numbers = (
        ("programmed_u", found.programmed.value / view.ul_per_u),
        ("came_out_u", found.came_out.value / view.ul_per_u),
    )
    return _with(item, value, Derivation("programmed_u - came_out_u + the clamp's own", numbers=numbers), found.notes)


def _released(each: Occlusion, view: RunView) -> Item:
    item, found = _empty(each), each.measured
    if found is None:
        return item
    if found.released is None:
        return replace(item, why_not="the run ended before the clamp was opened")
    if not found.settled:
        return replace(item, why_not="the release had not settled when the readings ended: more may have come")
    value = found.released.scaled(1.0 / view.ul_per_u, "U")
    numbers = (("opened_s", each.opened_s or 0.0), ("collected_until_s", found.collected_until_s or 0.0))
    item = replace(item, to_s=found.collected_until_s or item.to_s)
    return _with(
        item, value, Derivation("V / ul_per_u, less the schedule and the clamp's own", numbers=numbers), found.notes
    )


def _share(each: Occlusion, view: RunView) -> Item:
    item, found = _released(each, view), each.measured
    if found is None or item.value is None or found.released is None:
        return item
    set_ul = found.missed_by_rate.value
    share = 100.0 * found.released.value / set_ul
    of_set = Component("programmed meanwhile", found.missed_by_rate.u, "uL", -share / set_ul)
    budget = found.released.budget.scaled(100.0 / set_ul, "%").with_component(of_set)
    numbers = (("released_ul", found.released.value), ("programmed_ul", set_ul))
    return _with(
        item, Value(share, budget), Derivation("100 released_ul / programmed_ul", numbers=numbers), found.notes
    )


def _plain(budget: Budget) -> Budget:
    """Return a budget whose components all add to the result: it rests on more than one volume.

    The u of a clamp's movement holds Student's factor already: 2 u of it cover 95.45 %, as of a normal one.
    """
    parts = tuple(
        replace(each, enters="result", distribution="normal" if _is_inflated(each) else each.distribution)
        for each in budget.components
    )
    return Budget(budget.unit, parts)


def _is_inflated(component: Component) -> bool:
    return component.distribution == "t" and component.degrees_of_freedom is None


def _with(item: Item, value: Value, derivation: Derivation, notes: tuple[str, ...] = ()) -> Item:
    return replace(
        item,
        value=value.value,
        u=value.u,
        budget=_plain(value.budget),
        measured_u=value.value if value.unit == "U" else item.measured_u,
        notes=tuple(dict.fromkeys((*value.notes, *notes))),
        derivation=derivation,
    )


_ITEMS: dict[str, Callable[[Occlusion, RunView], Item]] = {
    "occlusion.time_to_alarm": _time,
    "occlusion.missed_volume": _missed,
    "occlusion.released_volume": _released,
    "occlusion.released_share": _share,
}
OCCLUSIONS = tuple(_ITEMS)
