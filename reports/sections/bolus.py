"""Bolus results: summary (layout B), bins (layout C), every bolus."""

from __future__ import annotations

from typing import Any

from reports.blocks import Block, Cell, Heading, Paragraph, Picture, See, Table, cells, columns
from reports.formatting import UNKNOWN, amount, as_number, decimals_for, elapsed, fixed, general, plus_minus
from reports.reading import mapping, rows, text
from reports.sections.facts import facts


def bolus_blocks(document: dict[str, Any]) -> list[Block]:
    """Return all bolus measurements; nothing when the run has none."""
    source = mapping(mapping(document.get("analysis")).get("boluses"))
    groups, items = rows(source.get("groups")), rows(source.get("items"))
    if not groups and not items:
        return [Picture("bolus-shape", _SHAPE)]
    blocks: list[Block] = [Heading("Bolus accuracy")]
    blocks += _not_measured(groups)
    groups = [group for group in groups if group.get("n")]
    if groups:
        blocks += [_layout_b(groups), _shares(groups)]
    blocks.append(
        Picture(
            "bolus-errors",
            "Error of each bolus in order of delivery; bars show U (k = 2), dashed lines the limits.",
        )
    )
    blocks += [_layout_c(group) for group in groups if rows(group.get("bins"))]
    blocks += _tolerance(groups)
    blocks.append(Picture("bolus-shape", _SHAPE))
    if items and len(items) <= FEW:
        blocks.append(_every(items))
    blocks.append(See((("Every bolus", "every-bolus"),)))
    return blocks


def every_bolus(document: dict[str, Any]) -> list[Block]:
    """Return every bolus for the annex, where they are too many for section 9."""
    items = rows(mapping(mapping(document.get("analysis")).get("boluses")).get("items"))
    return [Heading("Boluses", "", "every-bolus"), _every(items)] if len(items) > FEW else []


def _not_measured(groups: list[dict[str, Any]]) -> list[Block]:
    """Return what the tables do not hold: every size of which boluses were planned and not measured."""
    told = [
        f"{general(group.get('not_measured'), 6)} of {general(group.get('planned'), 6)} planned boluses of "
        f"{amount(group.get('set_u'))} U"
        for group in groups
        if as_number(group.get("not_measured"))
    ]
    if not told:
        return []
    return [Paragraph(f"Not measured, and in no mean, share or interval below: {'; '.join(told)}.")]


WITHIN = (5, 10, 15)
FEW = 12  # rows of a table that stays in section 9
_SHAPE = "Delivered volume of one bolus of each size over time, from its start."


def _layout_b(groups: list[dict[str, Any]]) -> Table:
    """Return layout B: target, mean, smallest and largest for each size, with the errors in percent."""
    body = tuple(
        cells(
            f"{amount(group.get('set_u'))} (n = {general(group.get('n'), 6)})",
            fixed(group.get("mean_u"), _places(group)),
            fixed(group.get("min_u"), _places(group)),
            fixed(group.get("max_u"), _places(group)),
            general(group.get("sd_u"), 2),
            fixed(group.get("mean_error_pct"), 2, signed=True),
            fixed(group.get("min_error_pct"), 2, signed=True),
            fixed(group.get("max_error_pct"), 2, signed=True),
        )
        for group in groups
    )
    head = columns(
        ">Target (U)",
        ">Mean (U)",
        ">Min (U)",
        ">Max (U)",
        ">SD (U)",
        ">Mean error (%)",
        ">Min (%)",
        ">Max (%)",
    )
    return Table(head, body, "Bolus summary")


def _shares(groups: list[dict[str, Any]]) -> Table:
    """Return the share of boluses within 5, 10 and 15 % with its exact interval, and what so many boluses support."""
    body = tuple(
        cells(
            f"{amount(group.get('set_u'))} (n = {general(group.get('n'), 6)})",
            *(_share(group.get(f"within_{limit}_pct"), group.get(f"within_{limit}_interval_pct")) for limit in WITHIN),
            _supports(mapping(group.get("nonparametric"))),
        )
        for group in groups
    )
    head = columns(">Target (U)", *(f"^Within ± {limit} % (%)" for limit in WITHIN), "*Without a distribution, 95/95")
    note = (
        "In brackets the 95 % interval of the share (Clopper and Pearson). A bolus counts by its measured value; its "
        "own U is not in the interval."
    )
    return Table(head, body, "Shares of boluses", note)


def _share(value: Any, bounds: Any) -> str:
    """Return a share in percent with its interval."""
    low, high = bounds if isinstance(bounds, list) and len(bounds) == 2 else (None, None)
    shown = fixed(value, 1)
    return shown if as_number(low) is None else f"{shown} [{fixed(low, 1)}, {fixed(high, 1)}]"


def _supports(told: dict[str, Any]) -> str:
    """Return what n boluses support without a distribution."""
    if not told:
        return UNKNOWN
    needed, wide = general(told.get("needed_without_failure")), general(told.get("needed_for_range"))
    first = "supports" if told.get("without_failure_supported") else "is too few for"
    return f"n {first} “none outside” (needs {needed}); smallest to largest needs {wide}"


def _places(group: dict[str, Any]) -> int:
    """Return the decimals that show a bolus of this size to a tenth of a percent."""
    return decimals_for((as_number(group.get("set_u")) or 1.0) / 100.0)


def _layout_c(group: dict[str, Any]) -> Table:
    """Return layout C: the ten bins of percent of command, their limits in units, and count/n (percent)."""
    bins = rows(group.get("bins"))
    set_u = as_number(group.get("set_u"))
    total = sum(int(as_number(held.get("count")) or 0) for held in bins)
    heads = [_bin_head(as_number(held.get("lower_pct")), as_number(held.get("upper_pct"))) for held in bins]
    limits = [_bin_units(as_number(held.get("lower_pct")), as_number(held.get("upper_pct")), set_u) for held in bins]
    counts = []
    for held in bins:
        count = as_number(held.get("count"))
        share = f" ({100.0 * count / total:.1f} %)" if count is not None and total else ""
        counts.append(Cell(f"{general(count, 6)}/{total}{share}", "" if count else "muted"))
    return Table(
        columns("*Percent of command", *(f"^{head}" for head in heads)),
        (cells("Amount (U)", *limits), (Cell("Boluses"), *counts), *_bin_intervals(bins)),
        f"Boluses of {amount(set_u)} U (n = {total}) by percent of the programmed amount",
    )


def _bin_intervals(bins: list[dict[str, Any]]) -> tuple[tuple[Cell, ...], ...]:
    """Return the row of exact 95 % intervals of the bins' shares, where they are stored."""
    bounds = [held.get("interval_pct") for held in bins]
    if not all(isinstance(each, list) and len(each) == 2 for each in bounds):
        return ()
    return (cells("95 % interval (%)", *(f"{fixed(low, 1)}–{fixed(high, 1)}" for low, high in bounds)),)  # type: ignore[misc]


def _bin_head(lower: float | None, upper: float | None) -> str:
    """Return the name of a bin in percent."""
    if upper is None:
        return f"> {general(lower)}"
    if not lower:
        return f"< {general(upper)}"
    return f"{general(lower)}–{general(upper)}"


def _bin_units(lower: float | None, upper: float | None, set_u: float | None) -> str:
    """Return the limits of a bin in units of insulin."""
    if set_u is None:
        return UNKNOWN
    low = None if lower is None else lower * set_u / 100.0
    high = None if upper is None else upper * set_u / 100.0
    return _bin_head(low, high)


def _tolerance(groups: list[dict[str, Any]]) -> list[Block]:
    """Return the stored tolerance intervals, one row per size."""
    held = [(group, dict(facts(mapping(group.get("tolerance"))))) for group in groups]
    labels = list(dict.fromkeys(label for _, told in held for label in told))
    body = tuple(
        cells(amount(group.get("set_u")), *(told.get(label, UNKNOWN) for label in labels))
        for group, told in held
        if told
    )
    head = columns(">Target (U)", *(f">{label}" for label in labels))
    return [Table(head, body, "Tolerance intervals of the bolus error")] if body else []


def _every(items: list[dict[str, Any]]) -> Table:
    """Return every bolus, grouped by size where the sizes come in runs."""
    body: list[tuple[Cell, ...]] = []
    former: Any = None
    for number, item in enumerate(items, start=1):
        if item.get("set_u") != former:
            former = item.get("set_u")
            body.append((Cell(f"{amount(former)} U"),))
        shown = plus_minus(item.get("error_pct"), item.get("expanded_uncertainty_pct"), signed=True)
        settled = item.get("settled")
        body.append(
            cells(
                number,
                elapsed(item.get("start_s")),
                amount(item.get("set_u")),
                amount(item.get("reported_u")),
                fixed(item.get("measured_u"), _places(item) + 1),
                shown,
                _seconds(item, "start_delay_s"),
                _seconds(item, "duration_s"),
                text(item.get("why_not")) or (UNKNOWN if settled is None else ("yes" if settled else "no")),
            )
        )
    head = columns(
        ">No.",
        ">Start (h:mm:ss)",
        ">SET (U)",
        ">REP (U)",
        ">MEAS (U)",
        ">Error ± U (%)",
        ">Delay ± U (s)",
        ">Duration ± U (s)",
        "*Settled",
    )
    return Table(head, tuple(body), "Every bolus (k = 2)")


def _seconds(item: dict[str, Any], key: str) -> str:
    """Return a time of a bolus with its U where that is stored."""
    spread = item.get(f"expanded_uncertainty_{key}")
    return fixed(item.get(key), 1) if as_number(spread) is None else plus_minus(item.get(key), spread)
