"""Checks of a run in several stretches: which stretch judges, and what of an earlier one stands (design 4.4, 4.7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rig.errors import RigError
from rig.judging.boluses import JudgedBolus, judge_boluses
from rig.judging.checks import invalid, judge_check
from rig.judging.doubts import judge_marked
from rig.judging.evidence import Evidence
from rig.judging.holding import OWN_STEPS, why_not_held
from rig.judging.qualification import OWN_READINGS
from rig.judging.stretches import Stretch
from rig.judging.truths import Truths, compare
from rig.judging.view import RunView, lay_out
from rig.profiles.pump import PumpProfile
from rig.results import CheckResult, Finding, Outcome
from rig.scenario.measures import MEASURES
from rig.scenario.model import Check
from rig.verdict import resolve_limits


@dataclass(frozen=True, slots=True)
class JudgedStretch:
    """One stretch laid out, or why it could not be."""

    stretch: Stretch
    view: RunView | None
    boluses: tuple[JudgedBolus, ...]
    why: str = ""
    truths: Truths | None = None


def lay_out_stretch(evidence: Evidence, stretch: Stretch) -> JudgedStretch:
    """Return a stretch with its boluses measured; whatever cannot be laid out is the bench's fault, never a PASS."""
    try:
        view = lay_out(evidence, stretch)
        if evidence.scenario.qualifies:
            return JudgedStretch(stretch, view, ())
        boluses = judge_boluses(view)
        return JudgedStretch(stretch, view, boluses, truths=compare(view, boluses))
    except RigError as error:
        return JudgedStretch(stretch, None, (), str(error))


def judge_over(check: Check, stretches: Sequence[JudgedStretch], profile: PumpProfile) -> CheckResult:
    """Return a check judged in the latest stretch that holds its whole interval; an earlier valid FAIL stands."""
    reasons: list[str] = []
    held: list[tuple[JudgedStretch, CheckResult]] = []
    for each in stretches:
        result, why = _attempt(check, each, profile, alone=len(stretches) == 1)
        if result is not None:
            held.append((each, result))
        else:
            reasons.append(f"stretch {each.stretch.number}: {why}")
    if not held:
        return invalid(check, resolve_limits(check, profile, check.amount_u), _interrupted(stretches, reasons))
    latest, result = held[-1]
    failed = next(((each, old) for each, old in held[:-1] if old.outcome is Outcome.FAIL), None)
    if failed is not None and result.outcome is not Outcome.FAIL:
        return _standing(*failed, latest, result)
    told = [_repeated(each, old, latest) for each, old in held[:-1]]
    return replace(result, findings=(*result.findings, *told))


def _attempt(check: Check, each: JudgedStretch, profile: PumpProfile, *, alone: bool) -> tuple[CheckResult | None, str]:
    """Return the check judged in one stretch, or why it does not hold it.

    An item that FAILed is a FAIL of an "each" check whatever the rest of its stretch was (design 4.7).
    """
    if each.view is None:
        return None, each.why
    limits = resolve_limits(check, profile, check.amount_u)
    try:
        why = "" if alone else why_not_held(check, each.view)
        if why and not (MEASURES[check.measure].each and check.measure in OWN_STEPS):
            return None, why
        judge = judge_check if check.measure in OWN_READINGS else judge_marked
        result = judge(check, each.view, each.boluses, profile)
    except RigError as error:  # a check that cannot be computed is the rig's or bench's fault, never a PASS
        result, why = invalid(check, limits, str(error)), ""
    return (None, why) if why and result.outcome is not Outcome.FAIL else (result, "")


def _interrupted(stretches: Sequence[JudgedStretch], reasons: Sequence[str]) -> str:
    """Return why no stretch holds a check, the interruptions first."""
    if len(stretches) == 1:
        return stretches[0].why
    stops = ", ".join(f"at {each.stretch.to_s:.0f} s ({each.stretch.placed[-1].end_reason})" for each in stretches[:-1])
    return f"the run was interrupted {stops}, and no stretch of it holds the whole interval: {'; '.join(reasons)}"


def _standing(failed: JudgedStretch, old: CheckResult, latest: JudgedStretch, new: CheckResult) -> CheckResult:
    text = (
        f"the interruption repeated this check: it FAILed in stretch {failed.stretch.number}, which stands, and came "
        f"out {new.outcome.value} in stretch {latest.stretch.number} ({_shown(new)})"
    )
    return replace(old, findings=(*old.findings, Finding("check-repeated", text, new.from_s, new.to_s)))


def _repeated(each: JudgedStretch, old: CheckResult, latest: JudgedStretch) -> Finding:
    text = (
        f"the interruption repeated this check: judged in stretch {latest.stretch.number}; stretch "
        f"{each.stretch.number} had come out {old.outcome.value} ({_shown(old)})"
    )
    return Finding("check-repeated", text, old.from_s, old.to_s)


def _shown(check: CheckResult) -> str:
    if check.value is None:
        return check.why
    around = "" if check.expanded_uncertainty is None else f", U = {check.expanded_uncertainty:.3g} {check.unit}"
    return f"{check.value:.3g} {check.unit}{around}"


def voided_by(evidence: Evidence) -> str:
    """Return who voided a run, and why."""
    return f"voided by {evidence.void.get('who', '?')}: {evidence.void.get('why', '?')}"


def voided(check: CheckResult, evidence: Evidence) -> CheckResult:
    """Return a check of a voided run: at best INVALID; a FAIL stands, for no statement undoes it."""
    if not evidence.void or check.outcome is Outcome.FAIL:
        return check
    why = f"the run was {voided_by(evidence)}"
    was = Finding("voided", f"without that it would have been {check.outcome.value}: {check.why}")
    return replace(check, outcome=Outcome.INVALID, why=why, findings=(*check.findings, was))
