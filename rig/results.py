"""What a judgement says, as frozen values that become ``result.json`` (design 5.2)."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from enum import Enum, StrEnum
from typing import Any


class Outcome(Enum):
    """The outcomes of design 4.7."""

    PASS = "PASS"  # noqa: S105 - not a password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    REPORT_ONLY = "REPORT_ONLY"
    INVALID = "INVALID"


class EndReason(StrEnum):
    """Why a run, or one segment of it, ended: a closed list."""

    COMPLETED = "completed"
    ABORTED = "aborted"  # a person or a signal
    EMERGENCY_STOP = "emergency_stop"
    BENCH_FAULT = "bench_fault"
    RECORD_FAILED = "record_failed"
    GUARDIAN_LOST = "guardian_lost"
    ERROR = "error"  # a defect of the rig itself
    INTERRUPTED = "interrupted"  # no closing line: power cut, kill or crash; said by whoever found it


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """One component of an uncertainty budget (GUM).

    ``standard_uncertainty`` is in ``unit``; ``sensitivity`` converts it to the result's unit; ``contribution`` =
    |sensitivity| x standard_uncertainty, in the result's unit.
    """

    name: str
    evaluation: str  # "A" or "B"
    distribution: str  # "normal", "rectangular", ...
    standard_uncertainty: float
    unit: str
    sensitivity: float
    contribution: float
    source: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a detector saw; never a verdict (design 4.9)."""

    id: str
    text: str
    from_s: float | None = None
    to_s: float | None = None


@dataclass(frozen=True, slots=True)
class LimitSource:
    """Where a limit comes from: an id, its words, and the evidence mark of the figure."""

    id: str
    text: str
    mark: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check, judged. For an "each" check ``items`` holds every item's value, U and outcome.

    ``components`` defines the components that the items' budgets refer to by number; ``trace`` walks the value back to
    raw readings; ``monte_carlo`` compares the linear budget with JCGM 101; ``interval_basis`` says from which counts
    the interval of a share comes (docs/reference/result.md).
    """

    id: str
    title: str
    requirements: tuple[str, ...]
    from_s: float | None
    to_s: float | None
    value: float | None
    unit: str
    expanded_uncertainty: float | None
    coverage_factor: float
    budget: tuple[BudgetLine, ...]
    lower_limit: float | None
    upper_limit: float | None
    limit_source: LimitSource | None
    decision_rule: str
    conformance_probability: float | None
    measurement_capability: float | None
    outcome: Outcome
    why: str
    findings: tuple[Finding, ...] = ()
    measure: str = ""
    interval: tuple[float, float] | None = None  # for proportions: Clopper-Pearson, in place of y +- U
    items: tuple[dict[str, Any], ...] = ()
    interval_basis: str = ""
    components: tuple[dict[str, Any], ...] = ()
    trace: dict[str, Any] | None = None
    monte_carlo: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery in three truths."""

    kind: str
    start_s: float
    end_s: float
    set_u: float
    reported_u: float | None
    reported_resolution_u: float | None
    reported_source: str | None
    measured_u: float | None
    expanded_uncertainty_u: float | None


@dataclass(frozen=True, slots=True)
class Gap:
    """An interval without readings of one stream."""

    start_s: float
    end_s: float
    stream: str
    cause: str


@dataclass(frozen=True, slots=True)
class Result:
    """One judgement of one run.

    ``analysis`` holds what was computed beyond the checks, ready for tables: keys ``basal``, ``boluses``, ``blank``,
    ``doses`` ... (see docs/reference/result.md). ``curves`` holds series for figures; it is stored beside
    ``result.json`` as ``curves.json`` and is not part of it. ``fitness``: what the bench itself contributed.
    """

    run_id: str
    scenario: str
    evidence: str
    outcome: Outcome
    end_reason: str
    started_utc: str
    ended_utc: str | None
    tool: dict[str, Any]
    bench: dict[str, Any]
    pump: dict[str, Any]
    checks: tuple[CheckResult, ...]
    deliveries: tuple[Delivery, ...]
    gaps: tuple[Gap, ...]
    events: tuple[dict[str, Any], ...]
    deviations: tuple[dict[str, Any], ...]
    findings: tuple[Finding, ...] = ()
    analysis: dict[str, Any] = field(default_factory=dict)
    curves: dict[str, Any] = field(default_factory=dict)
    title: str = ""
    segments: tuple[dict[str, Any], ...] = ()
    fitness: dict[str, Any] = field(default_factory=dict)
    schema: int = 1

    def to_json(self) -> dict[str, Any]:
        """Return the document of design 5.2: plain values, no NaN (unknown is null)."""
        document: dict[str, Any] = _plain(asdict(self))
        del document["curves"]
        return {"schema": document.pop("schema"), **document}


def _plain(value: Any) -> Any:
    """Return ``value`` with enums as text, tuples as lists and non-finite floats as None."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
