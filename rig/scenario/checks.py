"""Checks as written -> `Check`: what a measure allows, and that every limit has a source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rig.errors import ScenarioError
from rig.profiles.strict import nearest
from rig.scenario.document import Place
from rig.scenario.kinds import refuse
from rig.scenario.measures import MEASURES, Measure
from rig.scenario.model import BolusStep, Check, Step
from rig.scenario.sources import CLAIMS, DEFAULT_LIMITS, known_ids, looks_like_id
from rig.units import format_number

_WHOLE = " that is not cancelled"
EXAMPLES = {"%": "5", "s": "30", "h": "5", "V": "1.2", "mA": "15"}


def build_checks(
    tables: Sequence[dict[str, Any]], steps: tuple[Step, ...], names: dict[str, int], file: Place
) -> tuple[Check, ...]:
    """Return the checks; raises `ScenarioError` on a doubled id and on whatever a measure cannot mean."""
    checks: list[Check] = []
    seen: dict[str, int] = {}
    for table in tables:
        place = Place(file.name, table["line"], f"checks.{table['id']}")
        if table["id"] in seen:
            raise refuse(place, f"the id '{table['id']}' is taken by the check on line {seen[table['id']]}")
        seen[table["id"]] = table["line"]
        checks.append(_check(table, steps, names, place))
    return tuple(checks)


def _check(table: dict[str, Any], steps: tuple[Step, ...], names: dict[str, int], place: Place) -> Check:
    measure = MEASURES[table["measure"]]
    step = _step_index(table["step"], measure, steps, names, place)
    _check_amount(table["amount"], measure, steps, step, place)
    lower, upper = _limits(table, measure, place)
    _check_source(table["source"], measure, lower is None and upper is None, place)
    from_s = table["from"]
    if from_s is None and table["for"] is not None:
        from_s = 0.0
    return Check(
        id=table["id"],
        title=table["title"] or table["id"],
        measure=measure.id,
        from_s=from_s,
        for_s=table["for"],
        step=step,
        amount_u=table["amount"],
        lower=lower,
        upper=upper,
        unit=measure.unit,
        source=table["source"],
        decision=table["decision"],
        requirements=table["requirements"],
        line=table["line"],
    )


def _step_index(
    name: str | None, measure: Measure, steps: tuple[Step, ...], names: dict[str, int], place: Place
) -> int | None:
    kinds = " or ".join(measure.kinds)
    if name is None:
        if not any(_fits(step, measure) for step in steps):
            raise refuse(
                place,
                f"{measure.id} finds nothing to measure",
                f"a {kinds} step in the scenario{_WHOLE if 'bolus' in measure.kinds else ''}",
            )
        return None
    if name not in names:
        near = nearest(name, names)
        known = f"one of {', '.join(names)}" if names else "a step with 'name: ...'"
        raise refuse(place, f"no step is named '{name}'", known, near and f"'{near}'")
    index = names[name]
    if not _fits(steps[index], measure):
        raise refuse(
            place,
            f"{measure.id} cannot look at the {steps[index].kind} step '{name}'",
            f"a {kinds} step{_WHOLE if 'bolus' in measure.kinds else ''}",
        )
    return index


def _fits(step: Step, measure: Measure) -> bool:
    """Return whether a measure can look at a step; no claim says how much of a cancelled bolus is due when."""
    cancelled = isinstance(step, BolusStep) and step.cancel_after_s is not None
    return step.kind in measure.kinds and not (cancelled and measure.kinds == ("bolus",))


def _check_amount(
    amount_u: float | None, measure: Measure, steps: tuple[Step, ...], index: int | None, place: Place
) -> None:
    if amount_u is None:
        return
    if "bolus" not in measure.kinds:
        raise refuse(place, f"'amount' means nothing to {measure.id}", "a bolus measure")
    looked_at = steps if index is None else steps[index : index + 1]
    amounts = sorted({step.amount_u for step in looked_at if isinstance(step, BolusStep)})
    if amount_u not in amounts:
        there = ", ".join(f"{format_number(amount)} U" for amount in amounts) or "no bolus at all"
        raise refuse(place, f"the scenario gives no bolus of {format_number(amount_u)} U", there)


def _limits(table: dict[str, Any], measure: Measure, place: Place) -> tuple[float | None, float | None]:
    """Return lower and upper limit in the measure's unit; both None when the check names none."""
    given = {key: _in_hours(table[key], measure) for key in ("limit", "min", "max") if table[key] is not None}
    example = f"{EXAMPLES.get(measure.unit, '0.05')} {measure.unit}"
    for key, (value, unit) in given.items():
        if unit != measure.unit:
            shown = f"{format_number(value)} {unit}"
            raise refuse(place, f"'{key}: {shown}' has the wrong unit for {measure.id}", f"one such as '{example}'")
    if "limit" not in given:
        lower, upper = (given[key][0] if key in given else None for key in ("min", "max"))
        if lower is not None and upper is not None and lower >= upper:
            raise refuse(place, "min is not less than max", "min < max")
        return lower, upper
    if len(given) > 1:
        raise refuse(place, "'limit' stands beside 'min' or 'max'", "either 'limit', or 'min' and 'max'")
    if not measure.symmetric:
        share = "a share such as " if measure.proportion else ""
        one_sided = "'min: 85 %'" if measure.proportion else "'min: ...' or 'max: ...'"
        raise refuse(place, f"{share}{measure.id} has no symmetric limit", one_sided)
    if given["limit"][0] <= 0:
        raise refuse(place, "a symmetric limit must be more than 0", f"'limit: {example}'")
    return -given["limit"][0], given["limit"][0]


def _in_hours(limit: tuple[float, str], measure: Measure) -> tuple[float, str]:
    value, unit = limit
    return (value / 3600.0, "h") if (unit, measure.unit) == ("s", "h") else limit


def _check_source(source: str | None, measure: Measure, no_limit: bool, place: Place) -> None:
    """Refuse a limit from nowhere, and a source that is not what it says."""
    if source is None:
        if not no_limit:
            known = "pump.accuracy.basal, pump.accuracy.bolus, a rig default such as L-B1, or the name of a document"
            raise refuse(place, "the limit has no source", f"'source:' with {known}")
        return
    if source in CLAIMS:
        if measure.claim != CLAIMS[source]:
            hint = f"'pump.accuracy.{measure.claim}'" if measure.claim else ""
            raise refuse(place, f"{source} says nothing about {measure.id}", "a source for this measure", hint)
    elif source in DEFAULT_LIMITS:
        _check_default(source, measure, no_limit, place)
    elif looks_like_id(source):
        near = nearest(source, known_ids())
        raise refuse(place, f"unknown source '{source}'", f"one of {', '.join(known_ids())}", near and f"'{near}'")
    elif no_limit:
        raise refuse(place, f"the source '{source[:40]}' is named for no limit", "'limit:', 'min:' or 'max:' beside it")


def _check_default(source: str, measure: Measure, no_limit: bool, place: Place) -> None:
    default = DEFAULT_LIMITS[source]
    if measure.id not in default.measures:
        raise refuse(place, f"{source} is no limit for {measure.id}", f"the measure {' or '.join(default.measures)}")
    if not default.decides:
        if not no_limit:
            raise refuse(place, f"{source} is information and never judges", "no limit beside it, or another source")
        return
    if no_limit and not default.brings_limit:
        raise ScenarioError(
            f"{source} holds no figure of its own",
            where=str(place),
            expected="'min:' or 'max:' beside it, or no source",
        )
