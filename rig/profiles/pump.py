"""What a pump model can do and claims to do, read from data files; every figure carries its provenance mark.

Marks: **M** maker's document, **C** driver code that runs such pumps, **P** published bench study, **G** general
knowledge, **?** unknown, **declared for the twin**. Only a claim that is the maker's, confirmed by a named person with
document and date, or declared for the twin may decide a check; a claim of null makes the check REPORT_ONLY.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from rig.errors import ConfigError
from rig.profiles.strict import (
    Choice,
    Integer,
    ListOf,
    Nested,
    Number,
    Origin,
    Text,
    nearest,
    parse_toml,
    read_table,
    read_toml,
)

_TINY = 1e-6  # of a step: 0.3 / 0.1 is not quite 3 in binary, and nobody means 2.9999999
_MARK = Text(r"[MCPGWR?](, ?[MCPGWR?])*|declared for the twin|confirmed", "a provenance mark such as 'C' or 'M'")
HISTORY_KINDS = ("bolus", "temp_basal", "basal", "suspend", "resume", "prime", "rewind", "alarm")


@dataclass(frozen=True, slots=True)
class StepBand:
    """From ``from_value`` on (U or U/h), settings are multiples of ``step``."""

    from_value: Annotated[float, Number(0, 100), "first value of the band, U or U/h"]
    step: Annotated[float, Number(0, 10, positive=True), "increment in the band, U or U/h"]


@dataclass(frozen=True, slots=True)
class SpeedBand:
    """From ``from_u`` on a bolus runs at ``u_per_min``; or it lasts ``duration_s`` whatever its size."""

    from_u: Annotated[float, Number(0, 100, "U"), "smallest bolus of the band"]
    u_per_min: Annotated[float | None, Number(0, 100, "U/min", positive=True), "speed of the bolus"] = None
    duration_s: Annotated[float | None, Number(0, 7200, "s", positive=True), "duration of every bolus of the band"] = (
        None
    )


@dataclass(frozen=True, slots=True)
class Claim:
    """What the pump promises of its accuracy: +-``limit_pct``, and below ``small_below_u`` +-``small_limit_u``.

    ``limit_pct`` None: there is no confirmed claim, and nothing can be judged by it.
    """

    mark: Annotated[str, _MARK, "provenance of the claim"]
    text: Annotated[str, Text(), "the claim in words, with its conditions and its document"]
    limit_pct: Annotated[float | None, Number(0, 100, "%", positive=True), "largest error, either sign"] = None
    small_below_u: Annotated[float | None, Number(0, 25, "U"), "below this amount the absolute limit holds"] = None
    small_limit_u: Annotated[float | None, Number(0, 25, "U"), "largest error of a small amount"] = None

    @property
    def decides(self) -> bool:
        """Return whether a check may be judged by this claim."""
        return self.limit_pct is not None


@dataclass(frozen=True, slots=True)
class _BasalTable:
    max_u_per_h: Annotated[float, Number(0, 100, "U/h"), "highest rate"]
    steps: Annotated[tuple[StepBand, ...], ListOf(Nested(StepBand), 1), "increments by rate"]
    segments_max: Annotated[int, Integer(1, 48), "entries of one profile"]
    mark: Annotated[str, _MARK, "provenance"]


@dataclass(frozen=True, slots=True)
class _BolusTable:
    min_u: Annotated[float, Number(0, 25, "U", positive=True), "smallest bolus"]
    max_u: Annotated[float, Number(0, 100, "U"), "largest bolus"]
    steps: Annotated[tuple[StepBand, ...], ListOf(Nested(StepBand), 1), "increments by amount"]
    speeds: Annotated[tuple[SpeedBand, ...], ListOf(Nested(SpeedBand), 1), "speed by amount"]
    mark: Annotated[str, _MARK, "provenance of range and increments"]
    speed_mark: Annotated[str, _MARK, "provenance of the speed"]


@dataclass(frozen=True, slots=True)
class _TempTable:
    min_s: Annotated[float, Number(0, 86400, "s"), "shortest temporary basal"]
    max_s: Annotated[float, Number(0, 259200, "s"), "longest temporary basal"]
    step_s: Annotated[float, Number(0, 86400, "s", positive=True), "durations are multiples of this"]
    max_percent: Annotated[int, Integer(100, 500), "highest percentage"]
    mark: Annotated[str, _MARK, "provenance of the times"]
    percent_mark: Annotated[str, _MARK, "provenance of the percentage"]


@dataclass(frozen=True, slots=True)
class _FamilyTable:
    family: Annotated[int, Integer(0, 99), "model number modulo 100"]
    concentration_u_per_ml: Annotated[float, Number(10, 1000, "U/mL"), "insulin concentration"]
    dose_u: Annotated[float, Number(0, 1, "U", positive=True), "smallest motor pulse"]
    dose_mark: Annotated[str, _MARK, "provenance of the dose"]
    basal: Annotated[_BasalTable, Nested(_BasalTable), "basal rates"]
    bolus: Annotated[_BolusTable, Nested(_BolusTable), "boluses"]
    temp_basal: Annotated[_TempTable, Nested(_TempTable), "temporary basal rates"]
    history: Annotated[tuple[str, ...], ListOf(Choice(HISTORY_KINDS)), "kinds of delivery that the pump logs"]
    history_mark: Annotated[str, _MARK, "provenance of the list of logged kinds"]
    history_amount_step_u: Annotated[float, Number(0, 1, "U", positive=True), "resolution of amounts in the log"]
    sources: Annotated[tuple[str, ...], ListOf(Text()), "where the figures stand"]


@dataclass(frozen=True, slots=True)
class _ClaimsTable:
    basal: Annotated[Claim, Nested(Claim), "accuracy claim for basal delivery"]
    bolus: Annotated[Claim, Nested(Claim), "accuracy claim for boluses"]


@dataclass(frozen=True, slots=True)
class _PumpTable:
    model: Annotated[str, Text(r"\d{3}", "three digits"), "model number as the pump reports it"]
    title: Annotated[str, Text(), "name for people"]
    reservoir_u: Annotated[float, Number(0, 1000, "U", positive=True), "nominal content of a full reservoir"]
    reservoir_mark: Annotated[str, _MARK, "provenance of the reservoir"]
    claims: Annotated[_ClaimsTable, Nested(_ClaimsTable), "accuracy claims"]


@dataclass(frozen=True, slots=True)
class PumpProfile:
    """One pump model as data: ranges, increments, dose rule, speed, what it logs, what it claims."""

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
    marks: dict[str, str] = field(default_factory=dict)  # figure -> provenance mark
    sources: tuple[str, ...] = ()

    @property
    def simulated(self) -> bool:
        """Return whether this profile describes the twin and not a pump that somebody made."""
        return self.id.startswith("sim-")

    def round_basal(self, rate_u_per_h: float) -> float:
        """Return the rate this pump would take for ``rate_u_per_h``: rounded down to its increment, in U/h.

        Clients of these pumps round down (minimed-protocol 0.4, LoopKit MinimedKit). Worked values: 0.99 -> 0.975 on
        a 523, 0.95 on a 522; 9.99 -> 9.95 on either.
        """
        return _round_down(min(max(rate_u_per_h, 0.0), self.basal_max_u_per_h), self.basal_steps)

    def round_bolus(self, amount_u: float) -> float:
        """Return the bolus this pump would take for ``amount_u``: rounded down to its increment, in U."""
        return _round_down(min(max(amount_u, 0.0), self.bolus_max_u), self.bolus_steps)

    def bolus_duration_s(self, amount_u: float) -> float:
        """Return the nominal delivery time in s of a bolus.

        Sources: pump-specs section 1, driver-derived bolus durations. Worked values: 10 U lasts 400 s on family 22 and
        300 s on family 23; 0.5 U lasts 20 s and 40 s.
        """
        band = self.bolus_speeds[0]
        for candidate in self.bolus_speeds:
            if amount_u >= candidate.from_u - _TINY:
                band = candidate
        if band.duration_s is not None:
            return band.duration_s
        return 60.0 * amount_u / (band.u_per_min or math.inf)

    def logs(self, kind: str) -> bool:
        """Return whether the pump's history holds deliveries of this kind (one of `HISTORY_KINDS`)."""
        if kind not in HISTORY_KINDS:
            raise ConfigError(
                f"unknown kind of history '{kind}'", where=self.id, expected=f"one of {', '.join(HISTORY_KINDS)}"
            )
        return kind in self.history


def profile_ids() -> tuple[str, ...]:
    """Return the ids of all shipped profiles, sorted."""
    return tuple(sorted(_profiles()))


def load_profile(profile_id: str) -> PumpProfile:
    """Return the shipped profile of this id; raises `ConfigError` naming the nearest one."""
    profiles = _profiles()
    if profile_id not in profiles:
        near = nearest(profile_id, profiles)
        raise ConfigError(
            f"unknown pump profile '{profile_id}'",
            expected=f"one of {', '.join(sorted(profiles))}",
            hint=near and f"'{near}'",
        )
    return profiles[profile_id]


def parse_profiles(text: str, name: str) -> dict[str, PumpProfile]:
    """Return the profiles of one data file's text, by id; ``name`` stands in messages."""
    return read_family(parse_toml(text, name), Origin(name, text))


def profile_text(profile_id: str) -> str:
    """Return the text of the data file that describes a profile, as it is kept with a run's evidence."""
    folder = Path(__file__).resolve().parent / "data"
    for path in sorted(folder.glob("*.toml")):
        text = path.read_text(encoding="utf-8")
        if profile_id in parse_profiles(text, path.name):
            return text
    raise ConfigError(f"unknown pump profile '{profile_id}'")


@cache
def _profiles() -> dict[str, PumpProfile]:
    folder = Path(__file__).resolve().parent / "data"
    found: dict[str, PumpProfile] = {}
    for path in sorted(folder.glob("*.toml")):
        data, text = read_toml(path)
        found.update(read_family(data, Origin(path.name, text)))
    return found


def read_family(data: dict[str, Any], origin: Origin) -> dict[str, PumpProfile]:
    """Return the profiles of one data file: what a family shares, and one table ``pumps.<id>`` for each pump."""
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
        claims={"basal": pump.claims.basal, "bolus": pump.claims.bolus},
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


def _round_down(value: float, bands: tuple[StepBand, ...]) -> float:
    """Return ``value`` rounded down to a multiple of its band's step, free of binary residue."""
    step = bands[0].step
    for band in bands:
        if value >= band.from_value - _TINY * band.step:
            step = band.step
    return round(math.floor(value / step + _TINY) * step, 9)
