"""Three truths, event by event: programmed (SET), reported (REP), weighed (MEAS); docs/explanation/three-truths.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from rig.analysis.rises import FALSE_ALARM, FLOW, MARK, Rise
from rig.analysis.truths import Occurrence, Tolerance, match
from rig.judging.boluses import JudgedBolus
from rig.judging.programmed import LOGGED, Logged, Programmed, agrees_with_schedule, match_log
from rig.judging.reported import Entry
from rig.judging.totals import thinned, total_findings, total_rows
from rig.judging.unscheduled import Unscheduled, search_run
from rig.judging.view import RunView
from rig.results import Finding

MISSED_SHARE = 0.5  # of a bolus: less than this with all of U is a delivery that largely did not come
EXCESS_SHARE = 0.5  # of a bolus: more than this above it, less all of U, is not scatter
DIFFERS_SHARE = 0.15  # REP against MEAS: beyond it an accuracy claim does not explain the difference
DOSES = 2.0  # or this many doses, where that is more
RISE_TIME_S = 30.0  # between what the log says of a delivery and when the balance saw it
RISE_SHARE = 0.6  # of the larger amount: two that differ by more are two deliveries
COMPARED = ("bolus", "temp_basal", "suspend", "resume", "basal_start", "prime", "pattern_selected")
LOOKS = {
    MARK: "it looks like a touch or a drop, not like a delivery: it came within seconds or rang",
    FLOW: "it looks like a slow flow, a siphon or a drift: it lasted longer than a bolus",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One event in three truths; a side that does not know of it is None. ``status``: worst of what ``findings`` say.

    ``why_not`` says why a side cannot know: the log was not read there, the balance could not see it.
    """

    kind: str
    status: str
    set_at_s: float | None = None
    set_u: float | None = None
    set_text: str | None = None
    reported_at_s: float | None = None
    reported_u: float | None = None
    reported_programmed_u: float | None = None
    reported_resolution_u: float | None = None
    reported_source: str | None = None
    reported_text: str | None = None
    reported_less_set_u: float | None = None
    reported_less_measured_u: float | None = None
    measured_at_s: float | None = None
    measured_to_s: float | None = None
    measured_u: float | None = None
    measured_less_set_u: float | None = None
    expanded_uncertainty_u: float | None = None
    findings: tuple[str, ...] = ()
    why_not: str | None = None

    @property
    def at_s(self) -> float:
        """Return when it happened, by the first truth that knows."""
        return next((at for at in (self.set_at_s, self.reported_at_s, self.measured_at_s) if at is not None), 0.0)


@dataclass(frozen=True, slots=True)
class Truths:
    """What the comparison of one stretch found."""

    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]
    unscheduled: Unscheduled
    totals: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]


def truths_table(stretches: Sequence[Truths]) -> dict[str, Any]:
    """Return ``analysis["truths"]``: the events of all stretches, those without a partner first.

    Totals and the search are those of the latest stretch, as for all other tables.
    """
    rows = [row for each in stretches for row in each.rows]
    ordered = sorted(rows, key=lambda row: (row.status == "matched", row.status == "not-read", row.at_s))
    counts: dict[str, int] = {}
    for row in ordered:
        counts[row.status] = counts.get(row.status, 0) + 1
    return {
        "rows": [{**asdict(row), "findings": list(row.findings)} for row in ordered],
        "counts": counts,
        "totals": list(stretches[-1].totals),
        "search": _search(stretches[-1].unscheduled),
        "notes": [note for each in stretches for note in each.notes],
    }


def compare(view: RunView, boluses: Sequence[JudgedBolus]) -> Truths:
    """Return every event of a stretch in three truths, with a finding for whatever lacks a partner."""
    logged = match_log(view)
    unscheduled = search_run(view, boluses)
    judge = _Judge(view, logged, {(b.order.step, b.order.index): b for b in boluses}, unscheduled)
    pairs = dict(logged.matching.pairs)
    for index, each in enumerate(logged.programmed):
        judge.programmed(each, logged.log.entries[pairs[index]] if index in pairs else None)
    extra = [logged.log.entries[index] for index in logged.matching.right_only]
    judge.beyond([entry for entry in extra if entry.kind in COMPARED])
    totals = total_rows(view)
    return Truths(
        tuple(judge.rows),
        (*judge.findings, *total_findings(totals, view)),
        unscheduled,
        tuple(thinned(totals)),
        logged.log.notes,
    )


def _search(unscheduled: Unscheduled) -> dict[str, Any] | None:
    """Return what was searched for deliveries nobody programmed, how sensitively, and at which false alarm rate."""
    search = unscheduled.search
    if search is None:
        return None
    both = list(zip(search.stretches, search.limit_mg, strict=True))
    found: dict[str, Any] = {
        "false_alarm_per_run": FALSE_ALARM,
        "threshold_u": search.z,
        "comparisons": search.comparisons,
    }
    for name, quiet in (("quiet", True), ("basal", False)):
        held = [(stretch, limit) for stretch, limit in both if limit is not None and stretch.quiet is quiet]
        found[f"{name}_s"] = sum(stretch.to_s - stretch.from_s for stretch, _ in held)
        found[f"{name}_limit_u"] = max((limit for _, limit in held), default=None)
        if found[f"{name}_limit_u"] is not None:
            found[f"{name}_limit_u"] /= unscheduled.mg_per_u
    return found


class _Judge:
    """Collects rows and findings of one stretch."""

    def __init__(
        self, view: RunView, logged: Logged, boluses: dict[tuple[int, int], JudgedBolus], unscheduled: Unscheduled
    ) -> None:
        self.rows: list[Row] = []
        self.findings: list[Finding] = []
        self._view, self._logged, self._boluses, self._unscheduled = view, logged, boluses, unscheduled
        self._dose_u = view.programme.dose_u

    def programmed(self, each: Programmed, entry: Entry | None) -> None:
        """Add the row of one event of SET."""
        row = Row(_shown(each.kind), "matched", each.start_s, each.due_u, each.text)
        row = row if entry is None else _with_entry(row, entry)
        found: list[Finding] = []
        if entry is None:
            row, found = self._not_logged(row, each)
        if each.kind == "bolus" and each.key is not None:
            row, more = self._weighed(row, each, self._boluses.get(each.key))
            found += more
        self._add(row, found)

    def beyond(self, entries: Sequence[Entry]) -> None:
        """Add the rows of what the log or the balance knows and nobody programmed."""
        rises = self._unscheduled.rises
        boluses = [entry for entry in entries if entry.kind == "bolus"]
        left = [Occurrence("bolus", entry.start_s, entry.end_s, entry.delivered_u) for entry in boluses]
        right = [Occurrence("bolus", rise.start_s, rise.end_s, self._u(rise.mass_mg)) for rise in rises]
        pairs = dict(match(left, right, Tolerance(RISE_TIME_S, DOSES * self._dose_u, RISE_SHARE)).pairs)
        for index, entry in enumerate(boluses):
            self._by_hand(entry, rises[pairs[index]] if index in pairs else None)
        taken = set(pairs.values())
        for index, rise in enumerate(rises):
            if index not in taken:
                self._from_nowhere(rise)
        for entry in entries:
            if entry.kind != "bolus":
                self._command_by_hand(entry)

    # --- SET

    def _not_logged(self, row: Row, each: Programmed) -> tuple[Row, list[Finding]]:
        profile, log = self._view.evidence.profile, self._logged.log
        kind = LOGGED.get(each.kind)  # every family writes down that a pattern was selected
        if kind is not None and not profile.logs(kind):
            return replace(row, why_not=f"this pump logs no {row.kind}"), []
        looked = each.kind == "bolus" and not self._report_missing(each)
        if not looked and not log.covers(each.start_s - RISE_TIME_S, each.end_s):
            return replace(row, status="not-read", why_not="the pump's log was not read there"), []
        if not each.required:
            return replace(row, why_not="it need not stand in the log: it may have changed nothing"), []
        name = "bolus-not-reported" if each.kind == "bolus" else "set-not-reported"
        what = f"{row.kind} of {each.text}" if each.kind == "bolus" else f"{row.kind} ({each.text})"
        text = f"{what} at {each.start_s:.0f} s: programmed, but not in the pump's log"
        return replace(row, status="set-not-reported"), [Finding(name, text, each.start_s, each.end_s)]

    def _report_missing(self, each: Programmed) -> bool:
        """Return whether the pump could not be asked for its entry of a bolus after that was delivered."""
        missing = (event.data for event in self._view.record.events if event.name == "report_missing")
        return any((data.get("step"), data.get("index")) == each.key for data in missing)

    def _weighed(self, row: Row, each: Programmed, bolus: JudgedBolus | None) -> tuple[Row, list[Finding]]:
        """Add what was weighed of a programmed bolus, and where it contradicts SET or REP."""
        if bolus is None or bolus.measured is None or bolus.measured_u is None or bolus.u_u is None:
            why = "it was not measured" if bolus is None else bolus.why_not
            return replace(row, why_not=row.why_not or why), []
        measured_u, expanded_u = bolus.measured_u, 2.0 * bolus.u_u
        start_s = each.start_s + (bolus.measured.start_delay_s or 0.0)
        row = _with_measured(row, start_s, bolus.measured.closed_s, measured_u, expanded_u)
        due_u = each.due_u or 0.0
        name, found = f"bolus of {each.text} at {each.start_s:.0f} s", list[Finding]()
        at = (each.start_s, each.end_s)
        surely_u = max(0.0, due_u - self._dose_u) if each.due_u != each.amount else due_u  # stopped: to within a dose
        if measured_u + expanded_u < MISSED_SHARE * surely_u:
            row = replace(row, status="set-not-measured")
            found.append(Finding("bolus-missed", f"{name}: only {measured_u:.3g} U left the outlet", *at))
        if measured_u - expanded_u > due_u + max(EXCESS_SHARE * due_u, DOSES * self._dose_u):
            text = f"{name}: {measured_u:.3g} U left the outlet, {measured_u / max(due_u, 1e-9):.2g} times what was due"
            row = replace(row, status="differs")
            found.append(Finding("bolus-excess", text, *at))
        if row.reported_u is not None:
            row, more = self._against_report(row, name, at, due_u)
            found += more
        return row, found

    def _against_report(self, row: Row, name: str, at: tuple[float, float], due_u: float) -> tuple[Row, list[Finding]]:
        """Compare what the pump reports of a delivery with what was weighed, beyond U and the log's resolution."""
        reported_u, measured_u = row.reported_u or 0.0, row.measured_u or 0.0
        allowed_u = max(DIFFERS_SHARE * max(reported_u, due_u), DOSES * self._dose_u)
        allowed_u += (row.expanded_uncertainty_u or 0.0) + (row.reported_resolution_u or 0.0) / 2.0
        apart_u = reported_u - measured_u
        if abs(apart_u) <= allowed_u:
            return row, []
        if row.status == "set-not-measured" or (row.set_at_s is None and measured_u <= 0.0):
            finding = Finding("reported-not-measured", f"{name}: the log says {reported_u:g} U were delivered", *at)
            return row, [finding]
        which = "over-reported" if apart_u > 0 else "under-reported"
        text = (
            f"{name}: the pump reports {reported_u:g} U, {measured_u:.3g} U left the outlet; a delivery that was cut "
            "short, a leak or a lost dose cannot be told apart by one balance"
            if apart_u > 0
            else f"{name}: the pump reports {reported_u:g} U, {measured_u:.3g} U left the outlet"
        )
        return replace(row, status="differs"), [Finding(which, text, *at)]

    # --- beyond SET

    def _by_hand(self, entry: Entry, rise: Rise | None) -> None:
        """Add a bolus that stands in the log and was not programmed by the rig."""
        at = (entry.start_s, entry.end_s)
        amount_u = entry.delivered_u if entry.delivered_u is not None else entry.programmed_u
        row = replace(_with_entry(Row("bolus", "reported-not-set"), entry), reported_less_set_u=None)
        name = f"bolus of {amount_u or 0.0:g} U in the log at {entry.start_s:.0f} s"
        found = [Finding("reported-not-set", f"{name}: nobody programmed it ({_who(entry)})", *at)]
        if rise is not None:
            row = _with_measured(row, rise.start_s, rise.end_s, self._u(rise.mass_mg), 2.0 * self._u(rise.u_mg))
            row, more = self._against_report(row, name, at, 0.0)
            found += more
            row = replace(row, status="reported-not-set")
        elif self._would_have_shown(entry, amount_u or 0.0):
            found.append(Finding("reported-not-measured", f"{name}: nothing of it left the outlet", *at))
        elif self._bolus_at(entry) is not None:
            row = replace(row, why_not="weighed together with the programmed bolus that ran then")
        else:
            row = replace(row, why_not="the balance could not have seen it there")
        self._add(row, found)

    def _from_nowhere(self, rise: Rise) -> None:
        """Add a rise that neither SET nor the log explains."""
        volume_u, expanded_u = self._u(rise.mass_mg), 2.0 * self._u(rise.u_mg)
        row = _with_measured(Row("unknown", "measured-not-set"), rise.start_s, rise.end_s, volume_u, expanded_u)
        where = "while nothing was programmed" if rise.quiet else "over the running basal"
        looks = LOOKS.get(rise.looks_like, "it looks like a delivery: it lasted as one does and stayed")
        name = f"{volume_u:.3g} U (U = {expanded_u:.2g} U) from {rise.start_s:.0f} s to {rise.end_s:.0f} s"
        at = (rise.start_s, rise.end_s)
        found = [Finding("measured-not-set", f"{name} left the outlet {where}: nobody programmed it; {looks}", *at)]
        if self._view.evidence.profile.logs("bolus") and self._logged.log.covers(*at):
            found.append(Finding("measured-not-reported", f"{name}: the pump's log holds no such delivery", *at))
        self._add(row, found)

    def _command_by_hand(self, entry: Entry) -> None:
        """Add a suspend, resume, temporary basal, basal or prime of the log that nobody programmed."""
        if entry.kind == "basal_start" and agrees_with_schedule(entry, self._view):
            return
        if entry.kind in ("suspend", "resume", "temp_basal", "pattern_selected") and not self._was_there(entry):
            return  # while the rig was away others saw to the pump: the guardian, or who resumed the run
        shown = "basal" if entry.kind == "basal_start" else _shown(entry.kind)
        row = _with_entry(Row(shown, "reported-not-set"), entry)
        what = f"{row.kind} {row.reported_text or ''}".strip()
        text = f"{what} in the log at {entry.start_s:.0f} s: nobody programmed it ({_who(entry)})"
        self._add(row, [Finding("reported-not-set", text, entry.start_s, entry.end_s)])

    def _would_have_shown(self, entry: Entry, amount_u: float) -> bool:
        length_s = self._view.evidence.profile.bolus_duration_s(amount_u) if amount_u else 0.0
        limit_u = self._unscheduled.limit_u(entry.start_s, entry.end_s + length_s)
        return limit_u is not None and amount_u > limit_u

    def _bolus_at(self, entry: Entry) -> JudgedBolus | None:
        for bolus in self._boluses.values():
            to_s = bolus.measured.closed_s if bolus.measured is not None else bolus.order.end_s
            if bolus.order.start_s <= entry.end_s and entry.start_s <= to_s:
                return bolus
        return None

    def _was_there(self, entry: Entry) -> bool:
        """Return whether the rig ran at the time of an entry, and not before its arming or after its safe state."""
        view = self._view
        safe = [view.seconds(event.at_ns) for event in view.record.events if event.name == "safe_state"]
        placed = [(view.seconds(0) - each.seconds(0), each) for each in view.stretch.placed]
        inside = any(each.from_s + off <= entry.start_s and entry.end_s <= each.to_s + off for off, each in placed)
        return inside and all(entry.end_s < at_s - RISE_TIME_S for at_s in safe)

    def _u(self, mass_mg: float) -> float:
        return mass_mg / self._unscheduled.mg_per_u

    def _add(self, row: Row, found: list[Finding]) -> None:
        self.rows.append(replace(row, findings=tuple(finding.id for finding in found)))
        self.findings += found


def _with_entry(row: Row, entry: Entry) -> Row:
    delivered_u = entry.delivered_u
    differs = None if delivered_u is None or row.set_u is None else delivered_u - row.set_u
    return replace(
        row,
        reported_at_s=(entry.start_s + entry.end_s) / 2.0,
        reported_u=delivered_u,
        reported_programmed_u=entry.programmed_u,
        reported_resolution_u=entry.resolution_u,
        reported_source=entry.source,
        reported_text=_text(entry),
        reported_less_set_u=differs,
    )


def _with_measured(row: Row, from_s: float, to_s: float, measured_u: float, expanded_u: float) -> Row:
    return replace(
        row,
        measured_at_s=from_s,
        measured_to_s=to_s,
        measured_u=measured_u,
        expanded_uncertainty_u=expanded_u,
        measured_less_set_u=None if row.set_u is None else measured_u - row.set_u,
        reported_less_measured_u=None if row.reported_u is None else row.reported_u - measured_u,
    )


def _text(entry: Entry) -> str | None:
    """Return what an entry says in words, where an amount does not say it."""
    rate = f"{entry.percent} %" if entry.rate_u_per_h is None and entry.percent is not None else None
    if entry.rate_u_per_h is not None:
        rate = f"{entry.rate_u_per_h:g} U/h"
    if entry.kind == "temp_basal":
        return "cancel" if entry.minutes == 0 else f"{rate}, {entry.minutes} min"
    return rate if entry.kind == "basal_start" else None


def _who(entry: Entry) -> str:
    if entry.remote is None:
        return "its entry does not say by whom"
    return "by remote command" if entry.remote else "by hand at the pump, or by the pump itself"


def _shown(kind: str) -> str:
    return {"temp_cancel": "temp_basal", "pattern_selected": "pattern"}.get(kind, kind)
