"""Everything a profile may say of a pump: each key is declared here once, with its kind and meaning.

A figure that is left out is unknown. The JSON Schema and the reference page come from these declarations.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, TypeAlias

from rig.driver_names import NAME_PATTERN
from rig.profiles.bands import Bands, SpeedBand, StepBand
from rig.profiles.claims import NO_CLAIM, Claim
from rig.profiles.figures import UNKNOWN, Figure, FigureOf
from rig.profiles.lists import Alarm, BenchResult, Fact, OcclusionCase
from rig.profiles.strict import Choice, Flag, Integer, ListOf, Nested, Number, Text

HISTORY_KINDS = ("bolus", "temp_basal", "basal", "suspend", "resume", "prime", "rewind", "alarm")
EXCLUDABLE = ("fill_tubing", "fill_cannula", "none")
BOLUS_KINDS = ("normal", "extended", "dual", "quick")

_AMOUNT = FigureOf(Number(0, 1000, "U"))
_RATE = FigureOf(Number(0, 100, "U/h"))
_TIME = FigureOf(Number(0, 2_592_000, "s"))
_PERCENT = FigureOf(Number(0, 1000, "%"))
_COUNT = FigureOf(Integer(0, 100))
_WORDS = FigureOf(Text())
_FLAG = FigureOf(Flag())
_STEPS = FigureOf(Bands(StepBand))
_SPEEDS = FigureOf(Bands(SpeedBand))


_Shortest: TypeAlias = Annotated[Figure[float], _TIME, "shortest, s"]
_Longest: TypeAlias = Annotated[Figure[float], _TIME, "longest, s"]
_TimeStep: TypeAlias = Annotated[Figure[float], _TIME, "durations are multiples of this, s"]


@dataclass(frozen=True, slots=True)
class Reservoir:
    """The reservoir, what the display tells of it, and when the pump calls it low."""

    capacity_u: Annotated[Figure[float], _AMOUNT, "nominal content of a full reservoir, U"] = UNKNOWN
    least_fill_u: Annotated[Figure[float], _AMOUNT, "smallest filling that the pump takes, U"] = UNKNOWN
    display_exact_below_u: Annotated[
        Figure[float], _AMOUNT, "the display is exact up to here, U; the capacity when it always is"
    ] = UNKNOWN
    low_least_u: Annotated[Figure[float], _AMOUNT, "lowest setting of the low-reservoir warning, U"] = UNKNOWN
    low_most_u: Annotated[Figure[float], _AMOUNT, "highest setting, U"] = UNKNOWN
    low_default_u: Annotated[Figure[float], _AMOUNT, "setting as delivered, U"] = UNKNOWN
    low_least_s: Annotated[Figure[float], _TIME, "the same warning by time left: lowest setting, s"] = UNKNOWN
    low_most_s: Annotated[Figure[float], _TIME, "highest setting, s"] = UNKNOWN
    low_default_s: Annotated[Figure[float], _TIME, "setting as delivered, s"] = UNKNOWN
    low_again: Annotated[Figure[str], _WORDS, "when the warning comes again"] = UNKNOWN
    low_by_display: Annotated[Figure[bool], _FLAG, "the warning acts on the displayed, not the actual amount"] = UNKNOWN


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the motor doses, and what it may do at worst."""

    dose_u: Annotated[Figure[float], FigureOf(Number(0, 10, "U", positive=True)), "smallest motor pulse, U"] = UNKNOWN
    modulation: Annotated[
        Figure[str],
        FigureOf(Choice(("frequency", "volume", "both"))),
        "what changes with the basal rate: how often it doses, how much, or both",
    ] = UNKNOWN
    period_s: Annotated[Figure[float], _TIME, "time between doses where the volume is modulated, s"] = UNKNOWN
    first_dose: Annotated[Figure[str], _WORDS, "when the first dose of a rate comes"] = UNKNOWN
    max_pressure_kpa: Annotated[Figure[float], FigureOf(Number(0, 1000, "kPa")), "largest pressure, kPa"] = UNKNOWN
    single_fault_u: Annotated[Figure[float], _AMOUNT, "largest over-delivery in a single fault, U"] = UNKNOWN


@dataclass(frozen=True, slots=True)
class Basal:
    """Basal rates and their profiles."""

    min_u_per_h: Annotated[Figure[float], _RATE, "lowest rate, U/h"] = UNKNOWN
    max_u_per_h: Annotated[Figure[float], _RATE, "highest rate, U/h"] = UNKNOWN
    steps: Annotated[Figure[tuple[StepBand, ...]], _STEPS, "increments by rate"] = UNKNOWN
    default_max_u_per_h: Annotated[Figure[float], _RATE, "limit as delivered, U/h"] = UNKNOWN
    segments_max: Annotated[Figure[int], _COUNT, "entries of one pattern"] = UNKNOWN
    segment_least_s: Annotated[Figure[float], _TIME, "shortest segment, s"] = UNKNOWN
    patterns: Annotated[Figure[int], _COUNT, "number of patterns"] = UNKNOWN
    pattern_names: Annotated[Figure[tuple[str, ...]], FigureOf(ListOf(Text(), 1)), "names of the patterns"] = UNKNOWN


@dataclass(frozen=True, slots=True)
class Bolus:
    """Boluses: range, increments, speed, what comes late."""

    min_u: Annotated[Figure[float], _AMOUNT, "smallest bolus, U"] = UNKNOWN
    max_u: Annotated[Figure[float], _AMOUNT, "largest bolus, U"] = UNKNOWN
    steps: Annotated[Figure[tuple[StepBand, ...]], _STEPS, "increments by amount"] = UNKNOWN
    speeds: Annotated[Figure[tuple[SpeedBand, ...]], _SPEEDS, "speed by amount"] = UNKNOWN
    quick_speeds: Annotated[Figure[tuple[SpeedBand, ...]], _SPEEDS, "speed of the quick setting"] = UNKNOWN
    default_max_u: Annotated[Figure[float], _AMOUNT, "limit as delivered, U"] = UNKNOWN
    start_delay_s: Annotated[Figure[float], _TIME, "time from confirming to the first dose, s"] = UNKNOWN
    tail_fraction: Annotated[Figure[float], FigureOf(Number(0, 1)), "share of a bolus seen after its nominal end"] = (
        UNKNOWN
    )
    kinds: Annotated[Figure[tuple[str, ...]], FigureOf(ListOf(Choice(BOLUS_KINDS), 1)), "kinds of bolus"] = UNKNOWN


@dataclass(frozen=True, slots=True)
class TempBasal:
    """Temporary basal rates."""

    kinds: Annotated[
        Figure[tuple[str, ...]], FigureOf(ListOf(Choice(("absolute", "percent")), 1)), "how they are given"
    ] = UNKNOWN
    max_u_per_h: Annotated[Figure[float], _RATE, "highest absolute rate, U/h"] = UNKNOWN
    step_u_per_h: Annotated[Figure[float], _RATE, "increment of an absolute rate, U/h"] = UNKNOWN
    max_percent: Annotated[Figure[float], _PERCENT, "highest percentage"] = UNKNOWN
    step_percent: Annotated[Figure[float], _PERCENT, "increment of a percentage"] = UNKNOWN
    min_s: _Shortest = UNKNOWN
    max_s: _Longest = UNKNOWN
    step_s: _TimeStep = UNKNOWN


@dataclass(frozen=True, slots=True)
class Extended:
    """Square-wave, extended and multiwave boluses."""

    min_u: Annotated[Figure[float], _AMOUNT, "smallest amount, U"] = UNKNOWN
    max_u: Annotated[Figure[float], _AMOUNT, "largest amount, U"] = UNKNOWN
    step_u: Annotated[Figure[float], _AMOUNT, "increment, U"] = UNKNOWN
    min_s: _Shortest = UNKNOWN
    max_s: _Longest = UNKNOWN
    step_s: _TimeStep = UNKNOWN


@dataclass(frozen=True, slots=True)
class Fill:
    """Priming: tubing and cannula."""

    tubing_least_u: Annotated[Figure[float], _AMOUNT, "smallest fill of the tubing, U"] = UNKNOWN
    tubing_most_u: Annotated[Figure[float], _AMOUNT, "largest fill of the tubing, U"] = UNKNOWN
    cannula_least_u: Annotated[Figure[float], _AMOUNT, "smallest fill of the cannula, U"] = UNKNOWN
    cannula_most_u: Annotated[Figure[float], _AMOUNT, "largest fill of the cannula, U"] = UNKNOWN
    cannula_default_u: Annotated[Figure[float], _AMOUNT, "fill of the cannula as delivered, U"] = UNKNOWN
    prime_u: Annotated[Figure[float], _AMOUNT, "fixed prime, U"] = UNKNOWN
    prime_speed_u_per_min: Annotated[Figure[float], FigureOf(Number(0, 100, "U/min")), "its speed, U/min"] = UNKNOWN


@dataclass(frozen=True, slots=True)
class Log:
    """What the pump's history holds."""

    kinds: Annotated[
        Figure[tuple[str, ...]], FigureOf(ListOf(Choice(HISTORY_KINDS))), "kinds of delivery that the pump logs"
    ] = UNKNOWN
    amount_step_u: Annotated[
        Figure[float], FigureOf(Number(0, 1, "U", positive=True)), "resolution of amounts in the log, U"
    ] = UNKNOWN
    totals_exclude: Annotated[
        Figure[tuple[str, ...]], FigureOf(ListOf(Choice(EXCLUDABLE), 1)), "deliveries left out of the totals"
    ] = UNKNOWN


@dataclass(frozen=True, slots=True)
class Occlusion:
    """When a blockage is noticed, how much is missed by then, what comes when it opens."""

    missed_average_u: Annotated[Figure[float], _AMOUNT, "insulin missed on average until the alarm, U"] = UNKNOWN
    missed_most_u: Annotated[Figure[float], _AMOUNT, "insulin missed at most until the alarm, U"] = UNKNOWN
    released: Annotated[Figure[str], _WORDS, "what is delivered when the blockage opens"] = UNKNOWN
    cases: Annotated[tuple[OcclusionCase, ...], ListOf(Nested(OcclusionCase), 0, 40), "times to the alarm"] = ()


@dataclass(frozen=True, slots=True)
class Unit:
    """The thing itself: battery, life, environment, what it tells when."""

    battery: Annotated[Figure[str], _WORDS, "battery"] = UNKNOWN
    battery_life_s: Annotated[Figure[float], _TIME, "life of a battery, at least, s"] = UNKNOWN
    use_s: Annotated[Figure[float], _TIME, "time of use before it asks to be replaced, s"] = UNKNOWN
    grace_s: Annotated[Figure[float], _TIME, "time after that until it stops, s"] = UNKNOWN
    stop_s: Annotated[Figure[float], _TIME, "age at which it stops whatever happens, s"] = UNKNOWN
    temperature_least_c: Annotated[Figure[float], FigureOf(Number(-40, 60, "C")), "lowest temperature, C"] = UNKNOWN
    temperature_most_c: Annotated[Figure[float], FigureOf(Number(-40, 80, "C")), "highest temperature, C"] = UNKNOWN
    humidity_least_pct: Annotated[Figure[float], _PERCENT, "lowest relative humidity, %"] = UNKNOWN
    humidity_most_pct: Annotated[Figure[float], _PERCENT, "highest relative humidity, %"] = UNKNOWN
    alarm_latency: Annotated[Figure[str], _WORDS, "how late an alarm may reach the interface"] = UNKNOWN
    meter_valid_s: Annotated[Figure[float], _TIME, "how long a meter's glucose reading may be used, s"] = UNKNOWN
    insulin_action_least_s: Annotated[Figure[float], _TIME, "shortest active insulin time, s"] = UNKNOWN
    insulin_action_most_s: Annotated[Figure[float], _TIME, "longest active insulin time, s"] = UNKNOWN


@dataclass(frozen=True, slots=True)
class Claims:
    """Accuracy claims for basal delivery and boluses."""

    basal: Annotated[Claim, Nested(Claim), "accuracy claim for basal delivery"] = NO_CLAIM
    bolus: Annotated[Claim, Nested(Claim), "accuracy claim for boluses"] = NO_CLAIM


@dataclass(frozen=True, slots=True)
class PumpFacts:
    """One pump as data; in a file's ``[shared]`` table: what all its pumps have in common.

    ``driver`` empty: data only, no driver of the rig talks to it.
    """

    title: Annotated[str, Text(), "name for people"] = ""
    maker: Annotated[str, Text(), "who makes it"] = ""
    like: Annotated[str, Text(r"[a-z0-9-]{1,40}", "the id of a pump of this file"), "pump that it takes after"] = ""
    driver: Annotated[
        str, Text(NAME_PATTERN, "a name such as minimed"), "driver that talks to it; left out: data only"
    ] = ""
    model: Annotated[
        str, Text(r"[A-Za-z0-9][A-Za-z0-9.-]{0,19}", "letters and digits"), "model number as the pump reports it"
    ] = ""
    family: Annotated[int, Integer(0, 99), "model number modulo 100"] = -1
    concentration_u_per_ml: Annotated[
        Figure[float], FigureOf(Number(10, 1000, "U/mL")), "insulin concentration, U/mL"
    ] = UNKNOWN
    reservoir: Annotated[Reservoir, Nested(Reservoir), "reservoir"] = field(default=Reservoir())
    delivery: Annotated[Delivery, Nested(Delivery), "dose rule"] = field(default=Delivery())
    basal: Annotated[Basal, Nested(Basal), "basal rates"] = field(default=Basal())
    bolus: Annotated[Bolus, Nested(Bolus), "boluses"] = field(default=Bolus())
    temp_basal: Annotated[TempBasal, Nested(TempBasal), "temporary basal rates"] = field(default=TempBasal())
    extended: Annotated[Extended, Nested(Extended), "extended boluses"] = field(default=Extended())
    fill: Annotated[Fill, Nested(Fill), "priming"] = field(default=Fill())
    log: Annotated[Log, Nested(Log), "history"] = field(default=Log())
    occlusion: Annotated[Occlusion, Nested(Occlusion), "blockages"] = field(default=Occlusion())
    unit: Annotated[Unit, Nested(Unit), "battery, life, environment"] = field(default=Unit())
    claims: Annotated[Claims, Nested(Claims), "accuracy claims"] = field(default=Claims())
    alarms: Annotated[tuple[Alarm, ...], ListOf(Nested(Alarm)), "alarms by code and name"] = ()
    results: Annotated[tuple[BenchResult, ...], ListOf(Nested(BenchResult)), "bench results, for information"] = ()
    facts: Annotated[tuple[Fact, ...], ListOf(Nested(Fact)), "what no other key says"] = ()
    id: str = ""
    sources: tuple[tuple[str, Any], ...] = ()  # key and `rig.profiles.figures.Source`, as the file names them

    @property
    def simulated(self) -> bool:
        """Return whether this describes the twin and not a pump that somebody made."""
        return self.id.startswith("sim-")

    @property
    def data_only(self) -> bool:
        """Return whether no driver of the rig talks to it."""
        return not self.driver
