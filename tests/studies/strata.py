"""One run of one stratum: played by the twin, judged by the judge, compared with the ledger."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from rig.config import BenchConfig
from rig.judging.findings import collect_findings
from rig.judging.fitness import UNFIT
from rig.judging.items import Item, NotMeasurableError
from rig.judging.measures import measure
from rig.judging.repeated import JudgedStretch, judge_over, lay_out_stretch
from rig.judging.stretches import stretches_of
from rig.results import Outcome
from rig.scenario.model import Check
from rig.verdict import COVERAGE_FACTOR, decide, resolve_limits
from tests.studies.draws import Truths, draw, stated_bench
from tests.studies.player import NS, Disturbance, Plan, Played, play

HOUR = 3600.0
LIMIT_PCT = 5.0
JUST_OUTSIDE_PCT = 0.002  # how far beyond its limit the truth is put, at most
OWN = "the study's own limit"  # a pump's claim would be wider for small boluses
BASAL = Check("basal", "basal", "basal.overall_error", lower=-5, upper=5, source=OWN)
EACH = Check("each", "each", "bolus.each_error", lower=-5, upper=5, source=OWN)
MEAN = Check("mean", "mean", "bolus.mean_error", lower=-5, upper=5, source=OWN)
EDGE = "dose edge"
# What a check says beside its outcome that tells of no trouble with the readings.
ALWAYS_TOLD = {"note", "confounded", "between-blanks", "limit-not-used", "bench-not-fit"}
# What is said of the pump's doses, or of the arithmetic, is no warning that the balance was disturbed.
NO_WARNING = {"dose-late", "dose-missed", "dose-doubled", "dose-clustered", "linear-propagation"}


@dataclass(frozen=True, slots=True)
class Stratum:
    """What is asked and how: ``kind`` "basal", "single" (one bolus of each run) or "mean" (of all of a run)."""

    name: str
    kind: str
    plan: Plan

    @property
    def set_u(self) -> float:
        """Return what was programmed."""
        plan = self.plan
        return plan.amount_u if plan.repeat else plan.rate_u_per_h * plan.duration_s / HOUR


@dataclass(frozen=True, slots=True)
class Row:
    """One run: result, standard uncertainty and truth in percent of SET; not a number where nothing was measurable.

    ``parts``: contributions by component, with whether the budget calls them normal. ``findings``: what the run's own
    diagnostics said.
    """

    value: float
    u: float
    truth: float
    outcome: str = ""
    parts: dict[str, float] = field(default_factory=dict)
    normal: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()

    @property
    def error(self) -> float:
        """Return result less truth."""
        return self.value - self.truth

    @property
    def is_refused(self) -> bool:
        """Return whether the judge found the bench unfit."""
        return self.outcome == Outcome.INVALID.value

    @property
    def told(self) -> tuple[str, ...]:
        """Return what was said beside the value."""
        return (*self.findings, *(("INVALID",) if self.is_refused else ()))

    @property
    def is_flagged(self) -> bool:
        """Return whether the run's own diagnostics said anything of the bench, or the judge refused it."""
        return bool(set(self.findings) - NO_WARNING) or self.is_refused

    def covers(self, factor: float = COVERAGE_FACTOR) -> bool:
        """Return whether y +- U holds the truth."""
        return abs(self.error) <= factor * self.u


def strata() -> tuple[Stratum, ...]:
    """Return the strata of the coverage study: rate x duration as far as 300 U last, and boluses."""
    found = [
        basal(rate, hours)
        for rate in (0.05, 0.1, 0.5, 1.0, 5.0, 30.0)
        for hours in (1.0, 6.0, 24.0)
        if rate * hours <= 300.0
    ]
    for amount_u, repeat in ((0.1, 10), (1.0, 10), (10.0, 6)):
        plan = Plan(amount_u=amount_u, repeat=repeat)
        found.append(Stratum(f"bolus {amount_u:g} U", "single", plan))
        found.append(Stratum(f"mean of {repeat} boluses of {amount_u:g} U", "mean", plan))
    return (*found, *sensed())


def sensed() -> tuple[Stratum, ...]:
    """Return strata in which a sensor beside the balance reads the air every five minutes."""
    return tuple(
        basal(rate, hours, ", air measured", measured_air=True) for rate, hours in ((0.1, 24.0), (1.0, 6.0), (5.0, 1.0))
    )


def basal(rate_u_per_h: float, hours: float, suffix: str = "", *, measured_air: bool = False) -> Stratum:
    """Return a basal stratum."""
    plan = Plan(rate_u_per_h, hours * HOUR, measured_air=measured_air)
    return Stratum(f"{rate_u_per_h:g} U/h, {hours:g} h{suffix}", "basal", plan)


@cache
def bench() -> BenchConfig:
    """Return the bench that every run of the study is judged by."""
    return stated_bench()


def run(stratum: Stratum, number: int) -> Row:
    """Return run ``number`` of a stratum."""
    return judge_played(stratum, number, played(stratum, drawn_for(stratum, number)))


def run_together(together: Sequence[Stratum], number: int) -> tuple[Row, ...]:
    """Return run ``number`` as each of several strata of one plan sees it: played once."""
    made = played(together[0], drawn_for(together[0], number))
    return tuple(judge_played(stratum, number, made) for stratum in together)


def run_at_limit(stratum: Stratum, number: int) -> Row:
    """Return run ``number`` with a gain that puts the truth just outside +5 % (even numbers) or -5 % (odd ones)."""
    drawn = drawn_for(stratum, number)
    return judge_played(stratum, number, played(stratum, drawn, gain=gain_at_limit(stratum, number, drawn)))


def drawn_for(stratum: Stratum, number: int) -> Truths:
    """Return the inputs of run ``number``; strata of one plan share their runs."""
    return draw(f"{stratum.plan.name}/{number}", bench(), measured_air=stratum.plan.measured_air)


def gain_at_limit(stratum: Stratum, number: int, drawn: Truths) -> float:
    """Return the gain for which the ledger's error is within 0.002 % beyond the limit: secant steps."""
    side = 1.0 if number % 2 == 0 else -1.0
    wanted = side * (LIMIT_PCT + JUST_OUTSIDE_PCT / 2.0)
    gain, error = 0.0, _truth(stratum, number, drawn, 0.0)
    for _ in range(20):
        if 0.0 < side * error - LIMIT_PCT <= JUST_OUTSIDE_PCT:
            return gain
        gain += (wanted - error) / 100.0
        error = _truth(stratum, number, drawn, gain)
    raise AssertionError(f"{stratum.name}/{number}: no gain puts the truth at {wanted:g} %, last {error:g} %")


def _truth(stratum: Stratum, number: int, drawn: Truths, gain: float) -> float:
    return truth_pct(stratum, number, play(stratum.plan, drawn, bench(), (), gain=gain, weighed=False))


def truth_pct(stratum: Stratum, number: int, made: Played) -> float:
    """Return the ledger's error in percent of SET."""
    if stratum.kind == "basal":
        left_u = made.outlet_u()
    elif stratum.kind == "single":
        left_u = made.bolus_u[number % len(made.bolus_u)]
    else:
        left_u = sum(made.bolus_u) / len(made.bolus_u)
    return 100.0 * (left_u / stratum.set_u - 1.0)


def played(stratum: Stratum, drawn: Truths, *, gain: float = 0.0, disturbance: Disturbance | None = None) -> Played:
    """Return a run of a stratum with these inputs."""
    checks = (BASAL,) if stratum.kind == "basal" else (EACH, MEAN)
    return play(stratum.plan, drawn, bench(), checks, gain=gain, disturbance=disturbance)


def judge_played(stratum: Stratum, number: int, made: Played, *, part: tuple[float, float] | None = None) -> Row:
    """Return a played run, judged by the judge's own functions from the evidence on.

    ``part``: only an interval (from, for) of the step in s, compared with the mean rate of the whole step.
    """
    evidence = made.evidence
    judged = lay_out_stretch(evidence, stretches_of(evidence.record)[-1])
    check = {"basal": BASAL, "single": EACH, "mean": MEAN}[stratum.kind]
    if part is not None:
        check = replace(check, from_s=part[0], for_s=part[1])
    found = tuple(sorted({each.id for each in collect_findings(evidence, (judged,))}))
    try:
        item = _item(check, judged, number)
    except NotMeasurableError:
        item = None
    if item is None or item.value is None or item.u is None or item.budget is None:
        return Row(math.nan, math.nan, truth_pct(stratum, number, made), Outcome.INVALID.value, findings=found)
    outcome, told = _outcome(check, judged, item)
    return Row(
        value=item.value,
        u=item.u,
        truth=_truth_of(item, stratum, number, made),
        outcome=outcome,
        parts={each.name: each.contribution for each in item.budget.components},
        normal=tuple(each.name for each in item.budget.components if each.distribution == "normal"),
        findings=tuple(sorted({*found, *told})),
    )


def _truth_of(item: Item, stratum: Stratum, number: int, made: Played) -> float:
    """Return the ledger's error between the edges that the judge used: of whole doses, these lie within the step."""
    if stratum.kind == "basal" and any("dose edge to dose edge" in note for note in item.notes):
        origin_ns = stretches_of(made.evidence.record)[-1].origin_ns
        edges_ns = (round(item.from_s * NS) + origin_ns, round(item.to_s * NS) + origin_ns)
        set_u = stratum.plan.rate_u_per_h * (item.to_s - item.from_s) / HOUR
        return 100.0 * (made.bench.ledger.outlet_u(*edges_ns) / set_u - 1.0)
    return truth_pct(stratum, number, made)


def _outcome(check: Check, judged: JudgedStretch, item: Item) -> tuple[str, set[str]]:
    """Return what the judge makes of the check, and what it says beside it; of one bolus, of that bolus alone.

    A U of more than half of the limit is no alarm: many strata ask for what no such bench can decide, so that is told
    as what it means for the pump, undecided.
    """
    assert judged.view is not None
    profile = judged.view.evidence.profile
    if check is EACH:
        return decide(item.value, item.u, resolve_limits(check, profile, item.amount_u)).outcome.value, set()
    result = judge_over(check, (judged,), profile)
    outcome = Outcome.INCONCLUSIVE if result.why.startswith(UNFIT) else result.outcome
    return outcome.value, {each.id for each in result.findings} - ALWAYS_TOLD


def _item(check: Check, judged: JudgedStretch, number: int) -> Item:
    assert judged.view is not None, judged.why
    items: Sequence[Item] = measure(check, judged.view, judged.boluses).items
    return items[number % len(items)]
