"""Part 9: every check with its reasons, and the measurements behind them."""

from __future__ import annotations

from typing import Any

from reports.blocks import Block, Cell, Facts, Heading, Paragraph, Picture, Section, Table, cells, columns, outcome_cell
from reports.formatting import (
    UNKNOWN,
    amount,
    as_number,
    elapsed,
    general,
    interval,
    plus_minus,
    probability,
    span,
    unit_text,
    with_unit,
)
from reports.reading import first, mapping, rows, text, texts
from reports.sections.basal import basal_blocks
from reports.sections.bolus import bolus_blocks
from reports.sections.doses import dose_blocks
from reports.sections.facts import label_of, value_text
from reports.sections.front import shown_value
from reports.sections.truths import truth_blocks
from reports.sections.walk_back import item_budget_table, monte_carlo_text, walk_back_blocks

PAIRS = {
    "value": "expanded_uncertainty",
    "error_pct": "expanded_uncertainty_pct",
    "measured_u": "expanded_uncertainty_u",
}
REASONS = ("why", "why_not")
BEHIND = frozenset({"budget", "trace", "conformance_probability", "measurement_capability"})  # in tables of their own
TIMES = frozenset({"start_s", "from_s", "to_s", "end_s"})
ITEM_LABELS = {"value": "Value", "error_pct": "Error", "measured_u": "MEAS", "set_u": "SET", "reported_u": "REP"}


def results(document: dict[str, Any]) -> Section:
    """Return part 9."""
    checks = rows(document.get("checks"))
    blocks: list[Block] = [
        Picture(
            "checks",
            "Checks with two limits on a common scale: the point is the value, the bar its expanded uncertainty U "
            "(k = 2), the shaded band lies between the limits. An arrow marks a value beyond the scale.",
        )
    ]
    if not checks:
        blocks.append(Paragraph("This run has no checks.", "muted"))
    for check in checks:
        blocks += check_blocks(check)
    blocks += walk_back_blocks(document)
    blocks += truth_blocks(document)
    blocks += basal_blocks(document)
    blocks += dose_blocks(document)
    blocks += bolus_blocks(document)
    return Section(9, "results", "Results", tuple(blocks))


def check_blocks(check: dict[str, Any]) -> list[Block]:
    """Return one check: outcome, why, value, limits, source, rule, items and budget."""
    name = text(check.get("id"))
    title = text(check.get("title"))
    outcome = text(check.get("outcome"))
    blocks: list[Block] = [Heading(title or name, outcome, f"check-{name}")]
    if check.get("why"):
        blocks.append(Paragraph(text(check["why"]), outcome))
    blocks.append(Facts(tuple((label, value) for label, value in _check_facts(check, name) if value != UNKNOWN)))
    if items := rows(check.get("items")):
        blocks.append(items_table(items, text(check.get("unit")), f"Items of {name}, each judged by itself"))
    if lines := rows(check.get("budget")):
        blocks.append(budget_table(lines, text(check.get("unit")), f"Uncertainty budget of {_budget_of(check, name)}"))
    if (table := item_budget_table(check)) is not None:
        blocks.append(table)
    return blocks


def _budget_of(check: dict[str, Any], name: str) -> str:
    """Return what a budget belongs to: of an "each" check, the item furthest from zero, which is its value."""
    shown = next((item for item in rows(check.get("items")) if item.get("value") == check.get("value")), None)
    label = text(shown.get("label")) if shown else ""
    return f"{name}, {label}" if label else name


def _check_facts(check: dict[str, Any], name: str) -> tuple[tuple[str, str], ...]:
    """Return the facts of one check; unknown ones as an em dash."""
    findings = rows(check.get("findings"))
    rule = text(check.get("decision_rule"))
    return (
        ("Check", name or UNKNOWN),
        ("Measure", text(check.get("measure")) or UNKNOWN),
        ("Interval (run time)", span(check.get("from_s"), check.get("to_s"))),
        ("Value", shown_value(check)),
        (
            "Coverage factor",
            f"k = {general(check.get('coverage_factor'))}" if check.get("coverage_factor") else UNKNOWN,
        ),
        ("Limits", interval(check.get("lower_limit"), check.get("upper_limit"), text(check.get("unit")))),
        ("Limit source", limit_source(check)),
        ("Decision rule", rule or UNKNOWN),
        ("How the interval was widened", text(check.get("interval_basis")) or UNKNOWN),
        ("Monte Carlo (JCGM 101)", monte_carlo_text(check)),
        ("Probability of conformance", probability(check.get("conformance_probability"))),
        ("Measurement capability", general(check.get("measurement_capability"), 3)),
        ("Requirements", ", ".join(texts(check.get("requirements"))) or "none stated"),
        *((f"Finding {text(finding.get('id'))}", text(finding.get("text"))) for finding in findings),
    )


def limit_source(check: dict[str, Any]) -> str:
    """Return id, words and evidence mark of a limit's source."""
    source = mapping(check.get("limit_source"))
    if not source:
        return "none: reported, not judged"
    told = ": ".join(part for part in (text(source.get("id")), text(source.get("text"))) if part)
    return f"{told} [{text(source['mark'])}]" if source.get("mark") else told


def budget_table(lines: list[dict[str, Any]], unit: str, caption: str) -> Table:
    """Return an uncertainty budget (GUM): one row per component, contributions in the result's unit."""
    head = columns(
        "*Component",
        "^Type",
        "Distribution",
        ">u",
        ">Sensitivity",
        f">Contribution ({unit_text(unit) or '1'})",
        "*Source",
    )
    body = tuple(
        cells(
            text(line.get("name")),
            text(line.get("evaluation")),
            text(line.get("distribution")),
            with_unit(general(line.get("standard_uncertainty"), 3), text(line.get("unit"))),
            general(line.get("sensitivity"), 3),
            general(line.get("contribution"), 3),
            text(line.get("source")),
        )
        for line in lines
    )
    return Table(head, body, caption)


def items_table(items: list[dict[str, Any]], unit: str, caption: str) -> Table:
    """Return the items of an "each" check with whatever columns they carry; reasons only where an item did not pass."""
    items = [_with_limits(item) for item in items]
    keys = list(dict.fromkeys(key for item in items for key in item if key not in REASONS and key not in BEHIND))
    hidden = {partner for key, partner in PAIRS.items() if key in keys}
    empty = {key for key in keys if all(item.get(key) in (None, "") for item in items)}
    shown = [key for key in keys if key not in hidden | empty]
    reasons = [_reason(item) for item in items]
    head = columns(">No.", *(_item_head(key, keys, unit) for key in shown), *(["*Why"] if any(reasons) else []))
    body = tuple(
        (
            Cell(str(number)),
            *(_item_cell(item, key, unit) for key in shown),
            *([Cell(reason)] if any(reasons) else []),
        )
        for number, (item, reason) in enumerate(zip(items, reasons, strict=True), start=1)
    )
    return Table(head, body, caption)


def _with_limits(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item with its two limits as one text, before its outcome."""
    own = {"lower_limit", "upper_limit"} & item.keys()
    kept = {key: value for key, value in item.items() if key not in {"lower_limit", "upper_limit", "outcome"}}
    if own:
        kept["limits"] = interval(item.get("lower_limit"), item.get("upper_limit"))
    return {**kept, "outcome": item["outcome"]} if "outcome" in item else kept


def _reason(item: dict[str, Any]) -> str:
    """Return why an item did not pass; nothing for one that did."""
    return "" if item.get("outcome") == "PASS" else text(first(item, REASONS))


def _item_head(key: str, keys: list[str], unit: str) -> str:
    """Return a column spec for one key of an item."""
    if key in {"outcome", "label"}:
        return key.capitalize()
    label, suffix = label_of(key)
    label = ITEM_LABELS.get(key, label)
    shown = unit_text(unit) if key in {"value", "limits"} else suffix
    if key in TIMES:
        shown = "h:mm:ss"
    spread = " ± U" if PAIRS.get(key) in keys else ""
    return f">{label}{spread} ({shown})" if shown else f">{label}{spread}"


def _item_cell(item: dict[str, Any], key: str, unit: str) -> Cell:
    """Return one value of an item."""
    value = item.get(key)
    if key == "outcome":
        return outcome_cell(text(value))
    if key in TIMES:
        return Cell(elapsed(value))
    if key in PAIRS:
        signed = key == "error_pct" or unit_text(unit) == "%"
        return Cell(plus_minus(value, item.get(PAIRS[key]), signed=signed and key != "measured_u"))
    if key.endswith("_u"):
        return Cell(amount(value))
    return Cell(general(value, 5) if as_number(value) is not None else value_text(value))
