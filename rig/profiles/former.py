"""The first layout of a profile file (no ``format`` key), read for the runs that kept one as evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from rig.errors import ConfigError
from rig.profiles.bands import SpeedBand, StepBand
from rig.profiles.claims import Claim
from rig.profiles.marks import CLAIM_MARK
from rig.profiles.profile import PumpProfile
from rig.profiles.strict import Choice, Integer, ListOf, Nested, Number, Origin, Text, read_table
from rig.profiles.tables import HISTORY_KINDS


@dataclass(frozen=True, slots=True)
class _Claim:
    """A claim as it was: neither sources nor conditions."""

    mark: Annotated[str, CLAIM_MARK, "provenance of the claim"]
    text: Annotated[str, Text(), "the claim in words"]
    limit_pct: Annotated[float | None, Number(0, 100, "%", positive=True), "largest error, either sign"] = None
    small_below_u: Annotated[float | None, Number(0, 25, "U"), "below this amount the absolute limit holds"] = None
    small_limit_u: Annotated[float | None, Number(0, 25, "U"), "largest error of a small amount"] = None


@dataclass(frozen=True, slots=True)
class _BasalTable:
    max_u_per_h: Annotated[float, Number(0, 100, "U/h"), "highest rate"]
    steps: Annotated[tuple[StepBand, ...], ListOf(Nested(StepBand), 1), "increments by rate"]
    segments_max: Annotated[int, Integer(1, 48), "entries of one profile"]
    mark: Annotated[str, CLAIM_MARK, "provenance"]


@dataclass(frozen=True, slots=True)
class _BolusTable:
    min_u: Annotated[float, Number(0, 25, "U", positive=True), "smallest bolus"]
    max_u: Annotated[float, Number(0, 100, "U"), "largest bolus"]
    steps: Annotated[tuple[StepBand, ...], ListOf(Nested(StepBand), 1), "increments by amount"]
    speeds: Annotated[tuple[SpeedBand, ...], ListOf(Nested(SpeedBand), 1), "speed by amount"]
    mark: Annotated[str, CLAIM_MARK, "provenance of range and increments"]
    speed_mark: Annotated[str, CLAIM_MARK, "provenance of the speed"]


@dataclass(frozen=True, slots=True)
class _TempTable:
    min_s: Annotated[float, Number(0, 86400, "s"), "shortest temporary basal"]
    max_s: Annotated[float, Number(0, 259200, "s"), "longest temporary basal"]
    step_s: Annotated[float, Number(0, 86400, "s", positive=True), "durations are multiples of this"]
    max_percent: Annotated[int, Integer(100, 500), "highest percentage"]
    mark: Annotated[str, CLAIM_MARK, "provenance of the times"]
    percent_mark: Annotated[str, CLAIM_MARK, "provenance of the percentage"]


@dataclass(frozen=True, slots=True)
class _FamilyTable:
    family: Annotated[int, Integer(0, 99), "model number modulo 100"]
    concentration_u_per_ml: Annotated[float, Number(10, 1000, "U/mL"), "insulin concentration"]
    dose_u: Annotated[float, Number(0, 1, "U", positive=True), "smallest motor pulse"]
    dose_mark: Annotated[str, CLAIM_MARK, "provenance of the dose"]
    basal: Annotated[_BasalTable, Nested(_BasalTable), "basal rates"]
    bolus: Annotated[_BolusTable, Nested(_BolusTable), "boluses"]
    temp_basal: Annotated[_TempTable, Nested(_TempTable), "temporary basal rates"]
    history: Annotated[tuple[str, ...], ListOf(Choice(HISTORY_KINDS)), "kinds of delivery that the pump logs"]
    history_mark: Annotated[str, CLAIM_MARK, "provenance of the list of logged kinds"]
    history_amount_step_u: Annotated[float, Number(0, 1, "U", positive=True), "resolution of amounts in the log"]
    sources: Annotated[tuple[str, ...], ListOf(Text()), "where the figures stand"]


@dataclass(frozen=True, slots=True)
class _ClaimsTable:
    basal: Annotated[_Claim, Nested(_Claim), "accuracy claim for basal delivery"]
    bolus: Annotated[_Claim, Nested(_Claim), "accuracy claim for boluses"]


@dataclass(frozen=True, slots=True)
class _PumpTable:
    model: Annotated[str, Text(r"\d{3}", "three digits"), "model number as the pump reports it"]
    title: Annotated[str, Text(), "name for people"]
    reservoir_u: Annotated[float, Number(0, 1000, "U", positive=True), "nominal content of a full reservoir"]
    reservoir_mark: Annotated[str, CLAIM_MARK, "provenance of the reservoir"]
    claims: Annotated[_ClaimsTable, Nested(_ClaimsTable), "accuracy claims"]


def read_former(data: dict[str, Any], origin: Origin) -> dict[str, PumpProfile]:
    """Return the profiles of one file of the first layout, by id."""
    shared = read_table(_FamilyTable, {key: value for key, value in data.items() if key != "pumps"}, origin)
    pumps = data.get("pumps")
    if not isinstance(pumps, dict) or not pumps:
        raise ConfigError("no pump is described", where=str(origin), expected="a table [pumps.ID]")
    place = origin.child("pumps")
    return {
        key: _profile(key, shared, Nested(_PumpTable).read(value, place.child(key))) for key, value in pumps.items()
    }


def _profile(profile_id: str, shared: _FamilyTable, pump: _PumpTable) -> PumpProfile:
    basal, bolus, temp = shared.basal, shared.bolus, shared.temp_basal
    return PumpProfile(
        id=profile_id,
        family=shared.family,
        model=pump.model,
        title=pump.title,
        reservoir_u=pump.reservoir_u,
        concentration_u_per_ml=shared.concentration_u_per_ml,
        dose_u=shared.dose_u,
        basal_max_u_per_h=basal.max_u_per_h,
        basal_steps=basal.steps,
        profile_segments_max=basal.segments_max,
        bolus_min_u=bolus.min_u,
        bolus_max_u=bolus.max_u,
        bolus_steps=bolus.steps,
        bolus_speeds=bolus.speeds,
        temp_min_s=temp.min_s,
        temp_max_s=temp.max_s,
        temp_step_s=temp.step_s,
        temp_max_percent=temp.max_percent,
        history=shared.history,
        history_amount_step_u=shared.history_amount_step_u,
        claims={"basal": _claim(pump.claims.basal), "bolus": _claim(pump.claims.bolus)},
        marks={
            "dose_u": shared.dose_mark,
            "reservoir_u": pump.reservoir_mark,
            "basal": basal.mark,
            "bolus": bolus.mark,
            "bolus_speeds": bolus.speed_mark,
            "temp_basal": temp.mark,
            "temp_max_percent": temp.percent_mark,
            "history": shared.history_mark,
        },
        sources=shared.sources,
    )


def _claim(former: _Claim) -> Claim:
    return Claim(
        mark=former.mark,
        text=former.text,
        limit_pct=former.limit_pct,
        small_below_u=former.small_below_u,
        small_limit_u=former.small_limit_u,
    )
