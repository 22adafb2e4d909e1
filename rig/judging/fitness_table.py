"""The part ``fitness`` of a result: every check's share of its limit, every gate from arming to the end, in one line.

It says what was found and decides nothing: what forbids judging is decided in `rig.judging.gates`, and stands in the
checks. ``fit`` is null where nobody looked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from rig.analysis.quality.scale import ALPHA
from rig.judging import bench_history
from rig.judging.bench_history import noise_limit_mg, slope_limits_mg_per_h
from rig.judging.certificates import Certificate, certificates
from rig.judging.checklist import NOBODY, checklists
from rig.judging.evidence import Evidence
from rig.judging.fitness import NOT_THE_BENCH, check_row
from rig.judging.forecasts import forecast_rows
from rig.judging.frozen import frozen_blank
from rig.judging.gates import EVAPORATION_GATE, evaporating, rate_mg_per_h, rising, rising_limit_mg_per_h
from rig.judging.reference_weights import Weighed, both, drift_limit_mg, error_limit_mg
from rig.judging.view import RunView
from rig.judging.zero_tracking import followed
from rig.metrology.blank import Blank
from rig.results import CheckResult, Finding

WEIGHTS: Final = ("reference_weights",)


def gate(name: str, found: str, limit: str = "", *, fit: bool | None) -> dict[str, Any]:
    """Return one row of ``fitness.gates``."""
    return {"gate": name, "found": found, "limit": limit, "fit": fit}


def fitness_table(
    evidence: Evidence, view: RunView | None, checks: Sequence[CheckResult], ended: datetime | None
) -> dict[str, Any]:
    """Return the part ``fitness`` of a result, of the stretch that is shown."""
    events = evidence.record.events
    gates = [*_certificates(evidence, view, ended), *_checklist(events)]
    if view is not None:
        gates += [*forecast_rows(view.record.events), *_weights(view), *_blanks(view)]
        gates += [*_history(view), *_tracking(view), *_evaporation(view)]
    else:
        gates.append(gate("blank", "nothing could be laid out for measuring", fit=None))
    rows = [row for check in checks if (row := check_row(check)) is not None]
    unfit = [f"{row['gate']}: {row['found']}" for row in gates if row["fit"] is False]
    unfit += [f"{row['id']}: {_row_words(row)}" for row in rows if not row["fit"]]
    return {
        "fit": not unfit,
        "line": _line(unfit, rows),
        "checks": rows,
        "gates": gates,
    }


def certificates_used(view: RunView | None) -> tuple[str, ...]:
    """Return which kinds of certificates that not every run needs this one rests on."""
    return WEIGHTS if view is not None and view.weights else ()


def _line(unfit: Sequence[str], rows: Sequence[dict[str, Any]]) -> str:
    """Return all of it in one line."""
    if unfit:
        more = f" (and {len(unfit) - 1} more)" if len(unfit) > 1 else ""
        return f"bench NOT fit: {unfit[0]}{more}"
    if not rows:
        return "bench fit; no check with a limit compares it"
    worst = max(rows, key=lambda row: float(row["share"]))
    return f"bench fit: {_row_words(worst)} in {worst['id']}, the most of any check"


def _row_words(row: dict[str, Any]) -> str:
    own = [part for part in row["components"] if part["of_the_bench"]]
    most = max(own, key=lambda part: float(part["share"]), default=None)
    words = f"its own U takes {100.0 * row['share']:.2g} % of the limit"
    items = f"; {row['items_unfit']} of {row['items']} items are beyond half of theirs" if row["items_unfit"] else ""
    return words + (f" (mostly {most['name']})" if most is not None and most["name"] != NOT_THE_BENCH else "") + items


def _certificates(evidence: Evidence, view: RunView | None, ended: datetime | None) -> list[dict[str, Any]]:
    used = certificates_used(view)
    held = [each for each in certificates(evidence.bench) if each.always or each.kind in used]
    if ended is None:
        return [gate("certificates", "the record holds no date to compare them with", fit=False)]
    return [_certificate(each, ended.date()) for each in held]


def _certificate(each: Certificate, ended: date) -> dict[str, Any]:
    return gate(
        f"certificate of the {each.what}",
        f"{each.number}, valid until {each.due.isoformat()}",
        f"beyond the end, {ended.isoformat()}",
        fit=ended <= each.due,
    )


def _checklist(events: Sequence[Any]) -> list[dict[str, Any]]:
    rows = []
    for told in checklists(events):
        by = str(told.get("by"))
        if by == NOBODY:
            rows.append(gate("checklist", "nobody vouches", "an operator, or [checklist] in the bench file", fit=None))
            continue
        doubtful = [f"{row['question']} {row['answer']}" for row in told.get("answers", ()) if row.get("doubtful")]
        who = f"{told.get('name')}, {told.get('on', '')} ({by})"
        rows.append(
            gate("checklist", f"{who}; {'; '.join(doubtful) or 'nothing to object to'}", fit=not doubtful or None)
        )
    return rows


def _weights(view: RunView) -> list[dict[str, Any]]:
    balance = view.evidence.bench.balance
    rows = [_weight(each, error_limit_mg(each, balance)) for each in view.weights]
    pair = both(view.weights)
    if pair is not None:
        moved, limit = pair[1].error_mg - pair[0].error_mg, drift_limit_mg(*pair, balance)
        rows.append(gate("reference weight, drift", f"{moved:+.3g} mg", f"{limit:.3g} mg", fit=abs(moved) <= limit))
    elif view.weights:
        rows.append(gate("reference weight, drift", "not weighed at both ends", fit=None))
    elif view.evidence.bench.reference_weights and not view.evidence.scenario.qualifies:
        rows.append(gate("reference weight", "not asked for: nobody was there to put it on", fit=None))
    return rows


def _weight(each: Weighed, limit_mg: float) -> dict[str, Any]:
    name = f"reference weight of {each.weight.nominal_g:g} g, {each.which}"
    found = f"error {each.error_mg:+.3g} mg, U = {2.0 * each.u_mg:.2g} mg"
    return gate(name, found, f"{limit_mg:.3g} mg", fit=abs(each.error_mg) <= limit_mg)


def _blanks(view: RunView) -> list[dict[str, Any]]:
    if not view.blanks:
        return [gate("blank", "none came to its end: the evaporation is unknown", fit=False)]
    rows = [_blank(which, blank) for which, blank in view.blanks.items()]
    frozen = frozen_blank(view)
    rows.append(gate("display in the blanks", frozen or "moves as its noise should move it", fit=not frozen))
    return rows


def _blank(which: str, blank: Blank) -> dict[str, Any]:
    found = (
        f"slope {blank.slope_mg_per_h:+.2g} mg/h, U = {2.0 * blank.u_slope_mg_per_h:.2g} mg/h; noise "
        f"{blank.noise.reading_mg:.2g} mg; wander {blank.wander_mg:.2g} mg in {blank.duration_s / 60.0:.0f} min"
    )
    return gate(f"blank {which}", found, fit=True)


def _history(view: RunView) -> list[dict[str, Any]]:
    rows = []
    for which, blank in view.blanks.items():
        former, name = bench_history.of_view(view, blank), f"noise against the bench's history, blank {which}"
        if not former.told:
            continue
        limit = noise_limit_mg(former, ALPHA / len(view.blanks))
        if limit is None:
            count = len(former.noises_mg)
            rows.append(gate(name, f"cold start: {count} former blanks, {bench_history.LEAST} are needed", fit=None))
            continue
        found = f"{blank.noise.reading_mg:.2g} mg, {len(former.noises_mg)} former blanks"
        rows.append(gate(name, found, f"{limit:.2g} mg", fit=blank.noise.reading_mg <= limit))
    return rows


def history_findings(view: RunView) -> list[Finding]:
    """Return blanks whose noise or slope lies beyond 99.9 % of what this bench's former ones lead to expect."""
    found = []
    for which, blank in view.blanks.items():
        former, at = bench_history.of_view(view, blank), (blank.start_s, blank.end_s)
        alpha = bench_history.FINDING_ALPHA
        limit = noise_limit_mg(former, alpha)
        if limit is not None and blank.noise.reading_mg > limit:
            text = (
                f"blank {which}: noise of {blank.noise.reading_mg:.3g} mg, beyond 99.9 % of what this bench's "
                f"{len(former.noises_mg)} former blanks lead to expect ({limit:.3g} mg)"
            )
            found.append(Finding("noise-beyond-history", text, *at))
        bounds = slope_limits_mg_per_h(former, blank.u_slope_mg_per_h, alpha)
        if bounds is not None and not bounds[0] <= blank.slope_mg_per_h <= bounds[1]:
            text = (
                f"blank {which}: slope of {blank.slope_mg_per_h:+.3g} mg/h, beyond 99.9 % of what this bench's former "
                f"blanks lead to expect ({bounds[0]:+.3g} to {bounds[1]:+.3g} mg/h)"
            )
            found.append(Finding("slope-beyond-history", text, *at))
    return found


def _tracking(view: RunView) -> list[dict[str, Any]]:
    found = followed(view)
    if found is None or view.evidence.scenario.qualifies:
        return []
    limit = f"evaporation from {found.detection_limit_mg_per_h:.2g} mg/h on would show it"
    return [gate("display follows a slow change", found.text, limit, fit=True if found.shown else None)]


def _evaporation(view: RunView) -> list[dict[str, Any]]:
    """Return evaporation against the mean rate of all that was delivered; each check has its own in its ``why``."""
    if view.evaporation is None or view.first_s is None or not view.spans or view.evidence.scenario.qualifies:
        return []
    rate = rate_mg_per_h(view, view.first_s, view.spans[-1].end_s)
    lost = view.evaporation.rate_mg_per_h
    share = f", {100.0 * abs(lost) / rate:.2g} % of the mean rate" if rate > 0.0 else ""
    limit = (
        f"{100.0 * EVAPORATION_GATE:g} % of the mean rate; no rise beyond "
        f"{rising_limit_mg_per_h(view.evaporation, rate):.2g} mg/h"
    )
    bad = rising(view.evaporation, rate) or evaporating(view.evaporation, rate)
    return [gate("evaporation", f"{lost:.2g} mg/h{share}", limit, fit=not bad)]
