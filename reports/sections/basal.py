"""Basal results: overall error, trumpet, one-hour windows, cumulative volume (layout A), segments."""

from __future__ import annotations

from typing import Any

from reports.blocks import Block, Facts, Heading, Paragraph, Picture, Table, cells, columns
from reports.formatting import (
    UNKNOWN,
    amount,
    as_number,
    elapsed,
    fixed,
    general,
    interval,
    measured,
    plus_minus,
    span,
    with_unit,
)
from reports.reading import mapping, rows, text
from reports.sections.basal_extras import extra_blocks

WITHIN = (5, 10, 15, 20, 25, 30)


STARTUP = Picture(
    "startup",
    "Start-up graph: flow over time from the start of delivery, with the programmed rate (IEC 60601-2-24).",
)
TRUMPET = (
    "Trumpet curve: largest and smallest percentage error over every window of that length (IEC 60601-2-24). "
    "The shaded band is what equal, ideal pulses of unknown phase would show."
)


def basal_blocks(document: dict[str, Any]) -> list[Block]:
    """Return all basal measurements; nothing when the run has none."""
    held = rows(mapping(document.get("analysis")).get("basal"))
    if not held:
        return [STARTUP]
    blocks: list[Block] = []
    for index, item in enumerate(held):
        label = text(item.get("label")) or text(item.get("step"))
        blocks.append(Heading(f"Basal accuracy: {label}" if label else "Basal accuracy"))
        blocks += [STARTUP] if index == 0 else []
        blocks += _one(item, index)
    return blocks


def _one(item: dict[str, Any], index: int) -> list[Block]:
    """Return the tables and figures of one basal interval."""
    blocks: list[Block] = [
        Paragraph(f"Not evaluated: {text(item[key])}.", "muted")
        for key in ("why_not", "trumpet_why_not")
        if item.get(key)
    ]
    if summary := _summary(item):
        blocks.append(Facts(summary))
    if points := rows(item.get("trumpet")):
        blocks.append(_trumpet(points, item))
    blocks.append(Picture(f"trumpet-{index}", TRUMPET))
    hours = mapping(item.get("windows_1h"))
    if hours and not mapping(item.get("windows_1h_aligned")):  # else both stand side by side
        blocks.append(_windows(hours))
    blocks.append(
        Picture(f"windows-{index}", "Error of each complete hour in order, and the distribution of the hours.")
    )
    if reached := rows(item.get("cumulative")):
        blocks.append(_layout_a(reached))
    if segments := rows(item.get("segments")):
        blocks.append(_segments(segments))
    return blocks + extra_blocks(item)


def _summary(item: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return interval, volumes and the overall error."""
    held = (
        ("Interval (run time)", span(item.get("from_s"), item.get("to_s"))),
        ("Programmed (SET)", with_unit(amount(item.get("set_u")), "U")),
        ("Measured (MEAS)", measured(item.get("measured_u"), item.get("expanded_uncertainty_u"), "U")),
        ("Overall error A", measured(item.get("overall_error_pct"), item.get("expanded_uncertainty_pct"), "%")),
    )
    return tuple((label, value) for label, value in held if value != UNKNOWN)


def _trumpet(points: list[dict[str, Any]], item: dict[str, Any]) -> Table:
    """Return the trumpet as a table with the number of windows beside each pair."""
    body = tuple(
        cells(
            general(point.get("window_min")),
            general(point.get("count"), 6),
            fixed(point.get("min_pct"), 2, signed=True),
            fixed(point.get("max_pct"), 2, signed=True),
            interval(point.get("ideal_min_pct"), point.get("ideal_max_pct"), "", 3),
        )
        for point in points
    )
    head = columns(">Window (min)", ">Windows", ">Smallest error (%)", ">Largest error (%)", ">Ideal pulses (%)")
    from_s, length_s = as_number(item.get("trumpet_from_s")), as_number(item.get("trumpet_analysis_s"))
    begun = f"Analysis period of {elapsed(length_s)} from {elapsed(from_s)} on (run time). " if length_s else ""
    note = "Windows overlap and advance by one sample interval; at long windows they share most of their data."
    return Table(head, body, "Trumpet curve", begun + note)


def _windows(hours: dict[str, Any]) -> Table:
    """Return the statistics of complete one-hour windows."""
    pairs: list[tuple[str, str]] = [
        ("Complete hours", general(hours.get("count"), 6)),
        ("Mean error (%)", fixed(hours.get("mean_pct"), 2, signed=True)),
        ("Standard deviation, n − 1 (%)", fixed(hours.get("sd_pct"), 2)),
        ("Mean absolute error, MARD (%)", fixed(hours.get("mard_pct"), 2)),
        ("Median absolute error (%)", fixed(hours.get("median_abs_pct"), 2)),
        *((f"Within ± {limit} % (% of hours)", fixed(hours.get(f"within_{limit}_pct"), 1)) for limit in WITHIN),
    ]
    body = tuple(cells(label, value) for label, value in pairs if value != UNKNOWN)
    return Table(
        columns("*One-hour windows", ">Value"), body, "One-hour windows", "Complete, not overlapping; limits inclusive."
    )


def _layout_a(reached: list[dict[str, Any]]) -> Table:
    """Return layout A: one column per duration with the units requested in brackets."""
    times = [item for item in reached if as_number(item.get("at_h")) is not None]
    heads = [f">{general(item['at_h'], 4)} h ({amount(item.get('expected_u'))} U)" for item in times]
    amounts = [measured(item.get("delivered_u"), item.get("expanded_uncertainty_u"), "", default=3) for item in times]
    return Table(
        columns("*Duration (requested)", *heads),
        (cells("Amount delivered (U)", *amounts),),
        "Volume delivered over time",
        "One pump, counted from the start of the record: there is no range over pumps.",
    )


def _segments(segments: list[dict[str, Any]]) -> Table:
    """Return one row per rate of a profile; the error column only where errors are stored."""
    with_error = any(as_number(segment.get("error_pct")) is not None for segment in segments)
    body = []
    for segment in segments:
        row = [
            elapsed(segment.get("from_s")),
            elapsed(segment.get("to_s")),
            amount(segment.get("rate_u_per_h")),
            amount(segment.get("set_u")),
            plus_minus(segment.get("measured_u"), segment.get("expanded_uncertainty_u")),
        ]
        error = plus_minus(segment.get("error_pct"), segment.get("expanded_uncertainty_pct"), signed=True)
        body.append(cells(*row, error) if with_error else cells(*row))
    head = [">From (h:mm:ss)", ">To (h:mm:ss)", ">Rate (U/h)", ">SET (U)", ">MEAS ± U (U)"]
    return Table(
        columns(*head, ">Error ± U (%)") if with_error else columns(*head),
        tuple(body),
        "Segments of constant rate (k = 2)",
    )
