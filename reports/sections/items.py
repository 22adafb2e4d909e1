"""The items of an "each" check: all of them where they are few, else those that must be seen, and all in the annex."""

from __future__ import annotations

from collections import Counter
from typing import Any

from reports.blocks import LONG_TABLE, Block, Cell, Paragraph, Table, columns, outcome_cell
from reports.formatting import amount, as_number, elapsed, general, interval, plus_minus, unit_text
from reports.reading import first, rows, text
from reports.sections.facts import label_of, value_text

PAIRS = {
    "value": "expanded_uncertainty",
    "error_pct": "expanded_uncertainty_pct",
    "measured_u": "expanded_uncertainty_u",
}
REASONS = ("why", "why_not")
CALM = frozenset({"PASS", "REPORT_ONLY"})
BEHIND = frozenset({"budget", "trace", "conformance_probability", "measurement_capability"})  # in tables of their own
TIMES = frozenset({"start_s", "from_s", "to_s", "end_s"})
ITEM_LABELS = {"value": "Value", "error_pct": "Error", "measured_u": "MEAS", "set_u": "SET", "reported_u": "REP"}


def item_blocks(check: dict[str, Any]) -> list[Block]:
    """Return the items of a check for section 9: of many only those that did not pass, and the check's value."""
    items, name, unit = rows(check.get("items")), text(check.get("id")), text(check.get("unit"))
    if not items:
        return []
    if not are_many(check):
        return [items_table(items, unit, f"Items of {name}, each judged by itself")]
    apart = {index for index, item in enumerate(items) if item.get("outcome") not in CALM}
    shown = apart | {index for index, item in enumerate(items) if item is shown_item(check)}
    counts = Counter(text(item.get("outcome")).replace("_", " ") for item in items)
    told = ", ".join(f"{count} {outcome or 'undecided'}" for outcome, count in counts.items())
    if not shown:
        return [Paragraph(f"{len(items)} items: {told}.")]
    which = "the check's value, and those that neither pass nor are only reported" if apart else "the check's value"
    return [items_table(items, unit, f"{len(shown)} of {len(items)} items of {name} ({told}): {which}", shown)]


def all_items(check: dict[str, Any]) -> Table:
    """Return every item of a check."""
    return items_table(rows(check.get("items")), text(check.get("unit")), f"Every item of {text(check.get('id'))}")


def are_many(check: dict[str, Any]) -> bool:
    """Return whether the items of a check stand in the annex, not in section 9."""
    return len(rows(check.get("items"))) > LONG_TABLE


def shown_item(check: dict[str, Any]) -> dict[str, Any] | None:
    """Return the item whose value is the check's: of an "each" check, the one furthest from zero."""
    return next((item for item in rows(check.get("items")) if item.get("value") == check.get("value")), None)


def items_table(items: list[dict[str, Any]], unit: str, caption: str, only: set[int] | None = None) -> Table:
    """Return the items of an "each" check with whatever columns they carry; ``only`` picks some by their place.

    A reason stands where an item did not pass; one that all items share stands once, below the table.
    """
    items = [_with_limits(item) for item in items]
    keys = list(dict.fromkeys(key for item in items for key in item if key not in REASONS and key not in BEHIND))
    hidden = {partner for key, partner in PAIRS.items() if key in keys}
    empty = {key for key in keys if all(item.get(key) in (None, "") for item in items)}
    shown = [key for key in keys if key not in hidden | empty]
    reasons = [_reason(item) for item in items]
    note = ""
    if len(items) > 1 and len(set(reasons)) == 1 and reasons[0]:
        note, reasons = f"All of them: {reasons[0]}.", ["" for _ in items]
    head = columns(">No.", *(_item_head(key, keys, unit) for key in shown), *(["*Why"] if any(reasons) else []))
    body = tuple(
        (
            Cell(str(number)),
            *(_item_cell(item, key, unit) for key in shown),
            *([Cell(reason)] if any(reasons) else []),
        )
        for number, (item, reason) in enumerate(zip(items, reasons, strict=True), start=1)
        if only is None or number - 1 in only
    )
    return Table(head, body, caption, note)


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
