"""Rows of a profile that come in any number: occlusion times, alarms, bench results, other facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from rig.profiles.figures import KEY
from rig.profiles.marks import LETTERS
from rig.profiles.strict import Choice, Integer, ListOf, Number, Text

_SOURCE = ListOf(KEY, 1, 10)
_TIME = Number(0, 1_000_000, "s", positive=True)
_AMOUNT = Number(0, 1000, "U")


@dataclass(frozen=True, slots=True)
class OcclusionCase:
    """How long a blocked pump keeps quiet under one condition, and what it has missed by then.

    Missed volume is rate times time, rounded as the document prints it; a misprint keeps its note.
    """

    kind: Annotated[str, Choice(("basal", "bolus")), "what was running"]
    mark: Annotated[str, LETTERS, "provenance"]
    rate_u_per_h: Annotated[float | None, Number(0, 100, "U/h"), "basal rate"] = None
    u_per_day: Annotated[float | None, Number(0, 1000, "U/d"), "basal amount of a day"] = None
    amount_u: Annotated[float | None, _AMOUNT, "bolus"] = None
    amount_from_u: Annotated[float | None, _AMOUNT, "smallest bolus that it holds for"] = None
    speed_u_per_min: Annotated[float | None, Number(0, 100, "U/min"), "speed of the bolus"] = None
    min_s: Annotated[float | None, _TIME, "shortest time to the alarm, s"] = None
    typical_s: Annotated[float | None, _TIME, "typical time to the alarm, s"] = None
    typical_to_s: Annotated[float | None, _TIME, "upper end, where the typical time is a range, s"] = None
    max_s: Annotated[float | None, _TIME, "longest time to the alarm, s"] = None
    missed_min_u: Annotated[float | None, _AMOUNT, "missed by the shortest time, U"] = None
    missed_typical_u: Annotated[float | None, _AMOUNT, "missed by the typical time, U"] = None
    missed_typical_to_u: Annotated[float | None, _AMOUNT, "missed by the upper end of the typical time, U"] = None
    missed_max_u: Annotated[float | None, _AMOUNT, "missed by the longest time, U"] = None
    source: Annotated[tuple[str, ...], _SOURCE, "where it stands"] = ()
    note: Annotated[str, Text(), "what else matters"] = ""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm: the code by which the pump's history or screen names it, if it has one, and its name."""

    name: Annotated[str, Text(), "name"]
    mark: Annotated[str, LETTERS, "provenance"]
    code: Annotated[str, Text(r"[A-Z]{0,2}[0-9]{1,3}", "a code such as 4 or A8, in quotes"), "code"] = ""
    source: Annotated[tuple[str, ...], _SOURCE, "where it stands"] = ()
    note: Annotated[str, Text(), "what else matters"] = ""


@dataclass(frozen=True, slots=True)
class BenchResult:
    """One published result, as information: it never decides anything."""

    measure: Annotated[
        str,
        Choice(
            (
                "delivered_u",
                "mean_error_pct",
                "median_absolute_error_pct",
                "within_pct",
                "outside_pct",
                "duration_s",
                "alarm_s",
            )
        ),
        "what was measured; within and outside: share of doses or windows inside or outside +-bound_pct",
    ]
    mark: Annotated[str, LETTERS, "provenance"]
    rate_u_per_h: Annotated[float | None, Number(0, 100, "U/h"), "basal rate"] = None
    amount_u: Annotated[float | None, _AMOUNT, "bolus"] = None
    window_s: Annotated[float | None, _TIME, "length of the window, s"] = None
    doses: Annotated[int | None, Integer(1, 10_000), "length of the window in doses"] = None
    bound_pct: Annotated[float | None, Number(0, 100, "%"), "the share is of what lies within or outside this"] = None
    count: Annotated[int | None, Integer(1, 100_000), "number of doses, boluses or pumps"] = None
    value: Annotated[float | None, Number(-1e6, 1e6), "mean, median or share"] = None
    low: Annotated[float | None, Number(-1e6, 1e6), "smallest"] = None
    high: Annotated[float | None, Number(-1e6, 1e6), "largest"] = None
    source: Annotated[tuple[str, ...], _SOURCE, "where it stands"] = ()
    note: Annotated[str, Text(), "statistic and conditions"] = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that matters on a bench and has no key of its own."""

    text: Annotated[str, Text(), "the fact"]
    mark: Annotated[str, LETTERS, "provenance"]
    source: Annotated[tuple[str, ...], _SOURCE, "where it stands"] = ()
