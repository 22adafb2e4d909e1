"""`PumpProfile`: a pump that a driver talks to, every figure that a run needs being known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from rig.errors import ConfigError
from rig.profiles.bands import SpeedBand, StepBand, duration_s, round_down
from rig.profiles.claims import Claim, OcclusionClaim
from rig.profiles.figures import Figure
from rig.profiles.marks import DECIDING, combined, weak
from rig.profiles.tables import HISTORY_KINDS, PumpFacts

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class PumpProfile:
    """One pump model as a run uses it: ranges, increments, dose rule, speed, what it logs, what it claims.

    ``facts`` holds everything else that is known of it; None where the run kept a profile of the first layout.
    """

    id: str
    family: int
    model: str
    title: str
    reservoir_u: float
    concentration_u_per_ml: float
    dose_u: float
    basal_max_u_per_h: float
    basal_steps: tuple[StepBand, ...]
    profile_segments_max: int
    bolus_min_u: float
    bolus_max_u: float
    bolus_steps: tuple[StepBand, ...]
    bolus_speeds: tuple[SpeedBand, ...]
    temp_min_s: float
    temp_max_s: float
    temp_step_s: float
    temp_max_percent: int
    history: tuple[str, ...]
    history_amount_step_u: float
    claims: dict[str, Claim]  # "basal", "bolus"
    occlusion: tuple[OcclusionClaim, ...] = ()  # that may decide, by basal rate
    marks: dict[str, str] = field(default_factory=dict)  # figure -> provenance mark
    sources: tuple[str, ...] = ()
    facts: PumpFacts | None = None

    @property
    def simulated(self) -> bool:
        """Return whether this profile describes the twin and not a pump that somebody made."""
        return self.id.startswith("sim-")

    def round_basal(self, rate_u_per_h: float) -> float:
        """Return the rate this pump would take for ``rate_u_per_h``: rounded down to its increment, in U/h.

        Clients of these pumps round down (minimed-protocol 0.4, LoopKit MinimedKit). Worked values: 0.99 -> 0.975 on
        a 523, 0.95 on a 522; 9.99 -> 9.95 on either.
        """
        return round_down(rate_u_per_h, self.basal_max_u_per_h, self.basal_steps)

    def round_bolus(self, amount_u: float) -> float:
        """Return the bolus this pump would take for ``amount_u``: rounded down to its increment, in U."""
        return round_down(amount_u, self.bolus_max_u, self.bolus_steps)

    def bolus_duration_s(self, amount_u: float) -> float:
        """Return the nominal delivery time in s of a bolus.

        Sources: pump-specs section 1, driver-derived bolus durations. Worked values: 10 U lasts 400 s on family 22 and
        300 s on family 23; 0.5 U lasts 20 s and 40 s.
        """
        return duration_s(amount_u, self.bolus_speeds)

    def logs(self, kind: str) -> bool:
        """Return whether the pump's history holds deliveries of this kind (one of `HISTORY_KINDS`)."""
        if kind not in HISTORY_KINDS:
            raise ConfigError(
                f"unknown kind of history '{kind}'", where=self.id, expected=f"one of {', '.join(HISTORY_KINDS)}"
            )
        return kind in self.history


def profile_of(facts: PumpFacts) -> PumpProfile:
    """Return the profile that a run uses.

    Raises `ConfigError` where a figure that it needs is unknown, or one that results rest on is marked W, G or R. Three
    figures may be: the filling and the highest percentage only refuse programmes, and the concentration is that of
    the insulin by convention, not the pump's.
    """

    def need(figure: Figure[V], name: str, *, rests_on: bool = True) -> V:
        if figure.value is None:
            raise ConfigError(f"{name} is unknown", where=facts.id, expected="a figure: a driver talks to this pump")
        if rests_on and weak(figure.mark):
            raise ConfigError(
                f"{name} is marked '{figure.mark}', and results would rest on it",
                where=facts.id,
                expected="a source marked M, C or P",
            )
        return figure.value

    if facts.family < 0 or not facts.model:
        raise ConfigError("model or family is missing", where=facts.id, expected="both: a driver talks to this pump")
    basal, bolus, temp, log = facts.basal, facts.bolus, facts.temp_basal, facts.log
    return PumpProfile(
        id=facts.id,
        family=facts.family,
        model=facts.model,
        title=facts.title,
        reservoir_u=need(facts.reservoir.capacity_u, "reservoir.capacity_u", rests_on=False),
        concentration_u_per_ml=need(facts.concentration_u_per_ml, "concentration_u_per_ml", rests_on=False),
        dose_u=need(facts.delivery.dose_u, "delivery.dose_u"),
        basal_max_u_per_h=need(basal.max_u_per_h, "basal.max_u_per_h"),
        basal_steps=need(basal.steps, "basal.steps"),
        profile_segments_max=need(basal.segments_max, "basal.segments_max"),
        bolus_min_u=need(bolus.min_u, "bolus.min_u"),
        bolus_max_u=need(bolus.max_u, "bolus.max_u"),
        bolus_steps=need(bolus.steps, "bolus.steps"),
        bolus_speeds=need(bolus.speeds, "bolus.speeds"),
        temp_min_s=need(temp.min_s, "temp_basal.min_s"),
        temp_max_s=need(temp.max_s, "temp_basal.max_s"),
        temp_step_s=need(temp.step_s, "temp_basal.step_s"),
        temp_max_percent=int(need(temp.max_percent, "temp_basal.max_percent", rests_on=False)),
        history=need(log.kinds, "log.kinds"),
        history_amount_step_u=need(log.amount_step_u, "log.amount_step_u"),
        claims={"basal": facts.claims.basal, "bolus": facts.claims.bolus},
        occlusion=occlusion_claims(facts),
        marks=_marks(facts),
        sources=tuple(source.text for _, source in facts.sources),
        facts=facts,
    )


def occlusion_claims(facts: PumpFacts) -> tuple[OcclusionClaim, ...]:
    """Return what the maker says of occlusions at single basal rates of this pump; what is weaker never decides."""
    texts = {key: source.text for key, source in facts.sources}
    return tuple(
        OcclusionClaim(
            case.rate_u_per_h,
            case.max_s,
            case.missed_max_u,
            f"occlusion at {case.rate_u_per_h:g} U/h: " + ", ".join(texts[key] for key in case.source),
            case.mark,
        )
        for case in facts.occlusion.cases
        if case.kind == "basal" and case.rate_u_per_h and case.max_s and case.mark in DECIDING
    )


def _marks(facts: PumpFacts) -> dict[str, str]:
    basal, bolus, temp = facts.basal, facts.bolus, facts.temp_basal
    return {
        "dose_u": facts.delivery.dose_u.mark,
        "reservoir_u": facts.reservoir.capacity_u.mark,
        "basal": combined(basal.max_u_per_h.mark, basal.steps.mark, basal.segments_max.mark),
        "bolus": combined(bolus.min_u.mark, bolus.max_u.mark, bolus.steps.mark),
        "bolus_speeds": bolus.speeds.mark,
        "temp_basal": combined(temp.min_s.mark, temp.max_s.mark, temp.step_s.mark),
        "temp_max_percent": temp.max_percent.mark,
        "history": facts.log.kinds.mark,
    }
