"""What a pump's settings are after some steps of a scenario: patterns, limits; for refusals, and to resume a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from rig.scenario.model import BasalStep, LimitsStep, PatternStep, ProfileStep, Step, StoredProfileStep, TempBasalStep

Segments = tuple[tuple[int, float], ...]
STANDARD = 0


@dataclass(frozen=True, slots=True)
class InForce:
    """Settings that a scenario made; None where it left what it found.

    ``profiles``: by pattern, what the scenario wrote; segments as of `ProfileStep`.
    """

    pattern: int = STANDARD
    profiles: dict[int, Segments] = field(default_factory=dict)
    max_bolus_u: float | None = None
    max_basal_u_per_h: float | None = None

    def after(self, step: Step) -> InForce:
        """Return what is in force when ``step`` has begun."""
        if isinstance(step, BasalStep | ProfileStep | StoredProfileStep):
            pattern = step.pattern if isinstance(step, StoredProfileStep) else STANDARD
            selected = self.pattern if isinstance(step, StoredProfileStep) else STANDARD
            return replace(self, pattern=selected, profiles={**self.profiles, pattern: segments_of(step)})
        if isinstance(step, PatternStep):
            return replace(self, pattern=step.pattern)
        if isinstance(step, LimitsStep):
            bolus_u, basal = step.max_bolus_u, step.max_basal_u_per_h
            return replace(
                self,
                max_bolus_u=self.max_bolus_u if bolus_u is None else bolus_u,
                max_basal_u_per_h=self.max_basal_u_per_h if basal is None else basal,
            )
        return self

    @property
    def highest_u_per_h(self) -> float:
        """Return the highest rate of the profiles that the scenario wrote."""
        return max((rate for segments in self.profiles.values() for _, rate in segments), default=0.0)


def in_force(steps: Iterable[Step]) -> InForce:
    """Return what is in force after ``steps``."""
    found = InForce()
    for step in steps:
        found = found.after(step)
    return found


def segments_of(step: BasalStep | ProfileStep | StoredProfileStep) -> Segments:
    """Return the profile that a step writes."""
    return ((0, step.rate_u_per_h),) if isinstance(step, BasalStep) else step.segments


def highest_rate(step: Step) -> float:
    """Return the highest basal rate that a step asks for, in U/h; 0 for none and for a percentage."""
    if isinstance(step, BasalStep | ProfileStep | StoredProfileStep):
        return max(rate for _, rate in segments_of(step))
    return (step.rate_u_per_h or 0.0) if isinstance(step, TempBasalStep) else 0.0
