"""From raw readings to the result: every number on the way, so that a reader can do the sums again."""

from __future__ import annotations

import math
from typing import Any

from reports.blocks import Block, Facts, Heading, Paragraph, See, Table, cells, columns
from reports.formatting import NBSP, UNKNOWN, as_number, elapsed, general, plus_minus, probability, unit_text, with_unit
from reports.reading import mapping, numbers, rows, text, texts

COMPONENTS_SHOWN = 7
MODEL = (
    "V = 1000 · k_tube · [ (W2 − W1 + drift + E·(t2 − t1)) · span · (1 − ρa1/ρb) + (ρa2 − ρa1) · V_load ] / "
    "(ρl − ρa2) − taken off, in µL with W in mg, ρ in kg/m³, V_load in cm³ and t in h."
)
QUANTITIES = (
    ("hours", "t2 − t1", "h"),
    ("evaporation_mg_per_h", "E, evaporation added back", "mg/h"),
    ("drift_mg", "Drift of the span on the gross load", "mg"),
    ("span", "Span factor by reference weight", ""),
    ("air_start_kg_per_m3", "ρa1, air at the start (CIPM-2007)", "kg/m³"),
    ("air_end_kg_per_m3", "ρa2, air at the end (CIPM-2007)", "kg/m³"),
    ("liquid_kg_per_m3", "ρl, liquid", "kg/m³"),
    ("reference_kg_per_m3", "ρb, adjustment mass", "kg/m³"),
    ("load_cm3", "V_load, vessel and content", "cm³"),
    ("k_tube", "k_tube, immersed tube", ""),
    ("taken_off_ul", "Taken off: basal under the bolus", "µL"),
    ("volume_ul", "V, volume that left the outlet", "µL"),
)
IN_TABLE = frozenset({"hours", "volume_ul", "taken_off_ul"})
NEUTRAL = {"drift_mg": 0.0, "span": 1.0, "taken_off_ul": 0.0}  # terms that did nothing are not shown
NAMES = {
    "ul_per_u": ("µL in one U", "µL/U"),
    "set_u": ("SET", "U"),
    "reported_u": ("REP", "U"),
    "duration_s": ("Duration (t90 − t10)/0.8", "s"),
    "nominal_s": ("Nominal duration", "s"),
}


def walk_back_blocks(document: dict[str, Any]) -> list[Block]:
    """Return the way from raw readings to every check's value, and what each item's u is made of; often nothing."""
    checks = rows(document.get("checks"))
    traced = [(place, check) for place, check in enumerate(checks) if mapping(check.get("trace"))]
    blocks: list[Block] = []
    if traced:
        blocks = [
            Paragraph(MODEL),
            Paragraph(
                "A reading stands as file:block:line; this prints it: zcat FILE | awk '/^R BLOCK /{n=1} n{if(n==LINE)"
                "{print;exit}n++}'. W1 and W2 are means of the readings from first to last, or lie on a line between "
                "two.",
                "muted",
            ),
        ]
    for place, check in enumerate(checks):
        found = _check(check) if mapping(check.get("trace")) else []
        if (table := item_budget_table(check)) is not None:
            found.append(table)
        if found:
            links = (("The result", f"check-{place}"), ("Its budget", f"budget-{place}"))
            blocks += [Heading(f"Way of {text(check.get('id'))}", "", f"way-{place}"), See(links), *found]
    return blocks


def item_budget_table(check: dict[str, Any]) -> Table | None:
    """Return what the components contribute to u of every item, the largest in columns of their own."""
    items = [item for item in rows(check.get("items")) if item.get("budget")]
    parts = [item for item in rows(mapping(check.get("trace")).get("parts")) if item.get("budget")]
    held, components = items or parts, rows(check.get("components"))
    if not held or not components:
        return None
    sums = [0.0] * len(components)
    for item in held:
        for number, contribution in _contributions(item):
            if 0 <= number < len(sums):
                sums[number] += contribution**2
    largest = sorted(range(len(components)), key=lambda number: -sums[number])[:COMPONENTS_SHOWN]
    letters = "abcdefghijklmnop"
    unit = unit_text(text(check.get("unit"))) or "1"
    head = columns(
        ">No.",
        "*Item",
        *(f">{letters[place]}" for place in range(len(largest))),
        *([">others"] if len(components) > len(largest) else []),
        f">u ({unit})",
        ">p",
        ">C_m",
    )
    body = tuple(_budget_row(number, item, largest, len(components)) for number, item in enumerate(held, start=1))
    told = "; ".join(
        f"{letters[place]}: {text(components[number].get('name'))}" for place, number in enumerate(largest)
    )
    note = (
        f"{told}; others: root of the sum of squares of the rest. p: probability of conformance, C_m: measurement "
        "capability. Values and sensitivities of every component stand in result.json."
    )
    return Table(head, body, f"Contributions to u of each item of {text(check.get('id'))}, in {unit}", note)


def monte_carlo_text(check: dict[str, Any]) -> str:
    """Return in one line how Monte Carlo compares with y +- U; an em dash where it was not done."""
    found = mapping(check.get("monte_carlo"))
    bounds = numbers(found.get("interval"))
    if len(bounds) != 2:
        return UNKNOWN
    unit = text(check.get("unit"))
    both = f"y{NBSP}±{NBSP}U"
    verdict = f"agrees with {both}" if found.get("agrees") else f"differs from {both}, see the finding"
    doubts = "; ".join(texts(found.get("doubts")))
    return (
        f"u = {with_unit(general(found.get('u'), 2), unit)}, 95{NBSP}% interval "
        f"[{general(bounds[0], 4)}, {general(bounds[1], 4)}]{NBSP}{unit_text(unit)}, "
        f"{general(found.get('draws'), 7)} draws; {verdict}{f' ({doubts})' if doubts else ''}"
    )


def _contributions(item: dict[str, Any]) -> list[tuple[int, float]]:
    budget = item.get("budget")
    held = [numbers(row) for row in budget] if isinstance(budget, list) else []
    return [(int(row[0]), row[3]) for row in held if len(row) == 4 and all(map(math.isfinite, row))]


def _budget_row(number: int, item: dict[str, Any], largest: list[int], count: int) -> tuple[Any, ...]:
    held = dict(_contributions(item))
    rest = math.hypot(*(value for key, value in held.items() if key not in largest))
    return cells(
        number,
        text(item.get("label")) or UNKNOWN,
        *(general(held.get(key), 2) for key in largest),
        *([general(rest, 2)] if count > len(largest) else []),
        general(math.hypot(*held.values()), 3),
        probability(item.get("conformance_probability")),
        general(item.get("measurement_capability"), 3),
    )


def _check(check: dict[str, Any]) -> list[Block]:
    """Return the way of one check: its numbers, or a row for each of its items or parts."""
    trace, name, unit = mapping(check.get("trace")), text(check.get("id")), text(check.get("unit"))
    formula = f"value = {text(trace.get('formula'))}"
    if trace.get("part_formula"):
        formula += f"; each part = {text(trace['part_formula'])}"
    concentration = with_unit(general(trace.get("concentration_u_per_ml")), "U/mL")
    blocks: list[Block] = [Paragraph(f"{formula}. Concentration {concentration}.")]
    if "start" in trace:
        return [*blocks, Facts((*_facts(trace), ("Value", with_unit(general(trace.get("value"), 7), unit))))]
    each = rows(check.get("items")) or rows(trace.get("parts"))
    held = [item for item in each if mapping(item.get("trace")).get("start")]
    if held:
        shared = mapping(trace.get("shared"))
        first = {**shared, **mapping(held[0]["trace"])}
        blocks += [_table(held, unit, name, shared), _common(first, whole=len(held) == 1 or _is_shared(shared, first))]
    elif bare := [item for item in each if mapping(mapping(item.get("trace")).get("numbers"))]:
        blocks.append(_numbers_table(bare, unit, name))
    return blocks


def _facts(trace: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    found = [("W1", _level(mapping(trace.get("start")))), ("W2", _level(mapping(trace.get("end"))))]
    found += [
        (label, with_unit(general(trace.get(key), 8), unit))
        for key, label, unit in QUANTITIES
        if as_number(trace.get(key)) is not None and trace.get(key) != NEUTRAL.get(key)
    ]
    found += [
        (NAMES.get(key, (key, ""))[0], with_unit(general(value, 7), NAMES.get(key, (key, ""))[1]))
        for key, value in mapping(trace.get("numbers")).items()
    ]
    return tuple(found)


def _level(level: dict[str, Any]) -> str:
    """Return a level in words: its mass, how it was made, and the readings it was made of."""
    ends = [mapping(level.get(end)) for end in ("first", "last")]
    count = text(level.get("readings"))
    how = {"mean": f"mean of {count} readings", "interpolated": "on the line between two readings"}.get(
        text(level.get("how")), "one reading"
    )
    if as_number(level.get("bend_mg")):
        how += f", {with_unit(general(level.get('bend_mg'), 5), 'mg')} off it because the rate changes between them"
    if as_number(level.get("fall_mg")):
        how += f", {with_unit(general(level.get('fall_mg'), 5), 'mg')} added for falls of the level before it"
    told = " to ".join(dict.fromkeys(_reading(end) for end in ends if end))
    return f"{with_unit(general(level.get('mass_mg'), 9), 'mg')} at {elapsed(level.get('at_s'))}, {how}: {told}"


def _reading(reading: dict[str, Any]) -> str:
    return f"{with_unit(general(reading.get('mass_mg'), 9), 'mg')} ({_place(reading)})"


def _place(reading: dict[str, Any]) -> str:
    """Return where a reading stands: file, block and line."""
    return text(reading.get("place")) or f"{general(reading.get('at_s'), 9)}{NBSP}s"


def _is_shared(shared: dict[str, Any], first: dict[str, Any]) -> bool:
    """Whether nothing but what the table shows differs between the items."""
    return all(key in shared for key, _, _ in QUANTITIES if key in first and key not in IN_TABLE)


def _table(held: list[dict[str, Any]], unit: str, name: str, shared: dict[str, Any]) -> Table:
    head = columns(
        ">No.",
        ">W1 (mg)",
        "*from",
        ">W2 (mg)",
        "*from",
        ">t2 − t1 (h)",
        ">E·Δt (mg)",
        ">V (µL)",
        f">Value ± U ({unit_text(unit) or '1'})",
    )
    return Table(head, tuple(_row(number, item, shared) for number, item in enumerate(held, start=1)), f"Way of {name}")


def _row(number: int, item: dict[str, Any], shared: dict[str, Any]) -> tuple[Any, ...]:
    trace = {**shared, **mapping(item["trace"])}
    start, end = mapping(trace.get("start")), mapping(trace.get("end"))
    hours, loss = as_number(trace.get("hours")), as_number(trace.get("evaporation_mg_per_h"))
    return cells(
        number,
        general(start.get("mass_mg"), 8),
        _short(start),
        general(end.get("mass_mg"), 8),
        _short(end),
        general(hours, 6),
        general(hours * loss, 3) if hours is not None and loss is not None else UNKNOWN,
        general(trace.get("volume_ul"), 7),
        plus_minus(item.get("value"), item.get("expanded_uncertainty"), signed=True),
    )


def _short(level: dict[str, Any]) -> str:
    """Return a level's readings as count and places: block : line of the first and the last."""
    ends = [mapping(level.get(end)) for end in ("first", "last")]
    places = [text(end.get("place")).partition(":")[2] or f"{general(end.get('at_s'), 8)} s" for end in ends if end]
    return f"{text(level.get('readings'))}: {'–'.join(dict.fromkeys(places))}"


def _common(trace: dict[str, Any], *, whole: bool) -> Facts:
    """Return what the items share, else what the first one has."""
    found = [
        (label, with_unit(general(trace.get(key), 8), unit))
        for key, label, unit in QUANTITIES
        if key not in IN_TABLE and as_number(trace.get(key)) is not None and trace.get(key) != NEUTRAL.get(key)
    ]
    heading = ("Of all of them", "as follows") if whole else ("Of the first one", "the others stand in result.json")
    return Facts((heading, *found))


def _numbers_table(held: list[dict[str, Any]], unit: str, name: str) -> Table:
    keys = list(mapping(mapping(held[0].get("trace")).get("numbers")))
    head = columns(
        ">No.",
        "*Item",
        *(f">{NAMES.get(key, (key, ''))[0]} ({NAMES.get(key, (key, ''))[1]})" for key in keys),
        f">Value ± U ({unit_text(unit) or '1'})",
    )
    body = tuple(
        cells(
            number,
            text(item.get("label")),
            *(general(mapping(mapping(item["trace"]).get("numbers")).get(key), 7) for key in keys),
            plus_minus(item.get("value"), item.get("expanded_uncertainty")),
        )
        for number, item in enumerate(held, start=1)
    )
    return Table(head, body, f"Way of {name}")
