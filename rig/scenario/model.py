"""`Scenario`: what to do and what to check, as validated frozen data. Times in seconds, amounts in U, rates in U/h."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from rig.scenario.qualification import QUALIFYING, QualifyingStep, lasts_s, qualifies
from rig.scenario.supply_step import SupplyStep


@dataclass(frozen=True, slots=True)
class BasalStep:
    """Constant basal for a time."""

    rate_u_per_h: float
    duration_s: float
    kind: str = field(default="basal", init=False)
    line: int = 0


@dataclass(frozen=True, slots=True)
class ProfileStep:
    """A 24-h profile on the pump's clock, followed for ``duration_s``.

    ``segments``: (start in half-hours after midnight, rate in U/h), first start 0, at most 48.
    """

    segments: tuple[tuple[int, float], ...]
    duration_s: float
    kind: str = field(default="profile", init=False)
    line: int = 0


@dataclass(frozen=True, slots=True)
class StoredProfileStep:
    """Store the profile of pattern 1 (A) or 2 (B); ``segments`` as of a `ProfileStep`. It takes no time."""

    segments: tuple[tuple[int, float], ...]
    pattern: int
    kind: str = field(default="stored_profile", init=False)
    line: int = 0


@dataclass(frozen=True, slots=True)
class PatternStep:
    """Select the profile that runs (0 standard, 1 A, 2 B), and follow it for ``duration_s``."""

    pattern: int
    duration_s: float
    kind: str = field(default="pattern", init=False)
    line: int = 0


@dataclass(frozen=True, slots=True)
class TempBasalStep:
    """A temporary basal; exactly one of rate and percent is set.

    The step lasts as long as the temp basal, or until it is cancelled ``cancel_after_s`` after it began.
    """

    rate_u_per_h: float | None
    percent: int | None
    duration_s: float
    kind: str = field(default="temp_basal", init=False)
    line: int = 0
    cancel_after_s: float | None = None

    @property
    def runs_s(self) -> float:
        """Return how long the temporary basal runs."""
        return self.duration_s if self.cancel_after_s is None else self.cancel_after_s


@dataclass(frozen=True, slots=True)
class BolusStep:
    """``repeat`` normal boluses, each closed (settled) before the next begins.

    ``over_basal``: False (the default) runs them under a temp basal of 0; True leaves the basal running.
    ``cancel_after_s``: suspend the pump so long after each was acknowledged, and resume it when the bolus is closed.
    """

    amount_u: float
    repeat: int = 1
    over_basal: bool = False
    kind: str = field(default="bolus", init=False)
    line: int = 0
    cancel_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class SuspendStep:
    """Suspend the pump; then wait ``duration_s`` (0: go on at once)."""

    duration_s: float = 0.0
    kind: str = field(default="suspend", init=False)
    line: int = 0


@dataclass(frozen=True, slots=True)
class ResumeStep:
    """Resume delivery."""

    kind: str = field(default="resume", init=False)
    line: int = 0


@dataclass(frozen=True, slots=True)
class WaitStep:
    """Let time pass; the pump goes on with what it does."""

    duration_s: float
    kind: str = field(default="wait", init=False)
    line: int = 0


@dataclass(frozen=True, slots=True)
class SetClockStep:
    """Set the pump's clock; exactly one of ``to`` (its local time) and ``shift_s`` (from what it shows) is set."""

    to: datetime | None = None
    shift_s: float | None = None
    kind: str = field(default="set_clock", init=False)
    line: int = 0


@dataclass(frozen=True, slots=True)
class LimitsStep:
    """Set the pump's largest bolus, its highest basal rate, or both; the run puts back what it found."""

    max_bolus_u: float | None = None
    max_basal_u_per_h: float | None = None
    kind: str = field(default="limits", init=False)
    line: int = 0


@dataclass(frozen=True, slots=True)
class PressStep:
    """Push keys over the pump's link, each once, and wait ``wait_s`` after each.

    ``keys``: of ``easy_bolus``, ``esc``, ``act``, ``up``, ``down``.
    """

    keys: tuple[str, ...]
    wait_s: float = 1.0
    kind: str = field(default="press", init=False)
    line: int = 0


@dataclass(frozen=True, slots=True)
class WaitAlarmStep:
    """Wait until the pump tells of the alarm ``code``, for ``duration_s`` at most."""

    code: int
    duration_s: float
    kind: str = field(default="wait_alarm", init=False)
    line: int = 0


@dataclass(frozen=True, slots=True)
class ValveStep:
    """Move a valve at the bench: ``occlude`` and ``release`` the tube, ``disconnect`` and ``reconnect`` the vessel."""

    kind: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class ClearAlarmStep:
    """Acknowledge the alarm ``code`` by keys, and see it gone."""

    code: int
    kind: str = field(default="clear_alarm", init=False)
    line: int = 0


Step = (
    BasalStep
    | ProfileStep
    | StoredProfileStep
    | PatternStep
    | TempBasalStep
    | BolusStep
    | SuspendStep
    | ResumeStep
    | WaitStep
    | SetClockStep
    | LimitsStep
    | PressStep
    | WaitAlarmStep
    | SupplyStep
    | QualifyingStep
    | ValveStep
    | ClearAlarmStep
)


def length_s(step: Step) -> float:
    """Return how long a step lasts at most in s; 0 for boluses, whose time depends on the pump."""
    if isinstance(step, TempBasalStep):
        return step.runs_s
    if isinstance(step, QUALIFYING):
        return lasts_s(step)
    if isinstance(step, PressStep):
        return step.wait_s * len(step.keys)
    if isinstance(step, BasalStep | ProfileStep | PatternStep | SuspendStep | WaitStep | WaitAlarmStep | SupplyStep):
        return step.duration_s
    return 0.0


@dataclass(frozen=True, slots=True)
class Check:
    """One question that the scenario asks of the measurement.

    ``from_s`` counts from the first delivering step's acknowledgement; ``for_s`` None means to the end. ``step``: index
    into ``Scenario.steps`` that the measure is confined to, or None. ``lower``/``upper`` in ``unit`` (%, U, h), None
    is open. ``source`` names where the limit comes from: ``pump.accuracy.basal``, ``pump.accuracy.bolus``, a rig
    default such as ``L-B1``, or free text naming a document; None = REPORT_ONLY. A limit may be left out when the
    source brings its own.
    """

    id: str
    title: str
    measure: str
    from_s: float | None = None
    for_s: float | None = None
    step: int | None = None
    amount_u: float | None = None
    lower: float | None = None
    upper: float | None = None
    unit: str = "%"
    source: str | None = None
    decision: str = "guarded"  # or "simple", printed when chosen
    requirements: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scripted question to the pump."""

    id: str
    title: str
    families: tuple[int, ...]
    needs: tuple[str, ...]
    steps: tuple[Step, ...]
    checks: tuple[Check, ...]
    operator: str = "none"
    balance_interval_s: float = 1.0
    bolus_interval_s: float = 0.2
    environment_interval_s: float = 60.0
    supply_interval_s: float | None = None  # None: not read
    meter_interval_s: float | None = None
    blank_before_s: float = 0.0
    blank_after_s: float = 0.0
    on_runner_loss: str = "stop"
    hold_s: float = 0.0
    gap_tolerate_s: float = 60.0
    markers: tuple[str, ...] = ()
    description: str = ""
    source_text: str = ""
    source_name: str = ""

    @property
    def qualifies(self) -> bool:
        """Return whether it asks the bench, and not a pump."""
        return qualifies(self.steps)
