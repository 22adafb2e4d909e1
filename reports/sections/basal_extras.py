"""Beside the standard's basal tables: whole doses, three estimators of the rate, the volumetric trumpet."""

from __future__ import annotations

from typing import Any

from reports.blocks import Block, Paragraph, Table, cells, columns
from reports.formatting import UNKNOWN, as_number, fixed, general, interval, measured, plus_minus, span
from reports.reading import mapping, rows, text, texts

STATISTICS = (
    ("Hours", "count", 0),
    ("Mean error (%)", "mean_pct", 2),
    ("Standard deviation, n − 1 (%)", "sd_pct", 2),
    ("Mean absolute error, MARD (%)", "mard_pct", 2),
    ("Median absolute error (%)", "median_abs_pct", 2),
    *((f"Within ± {limit} % (% of hours)", f"within_{limit}_pct", 1) for limit in (5, 10, 15, 20, 25, 30)),
)


def extra_blocks(item: dict[str, Any]) -> list[Block]:
    """Return the further blocks of one basal interval."""
    blocks: list[Block] = []
    aligned = mapping(item.get("aligned"))
    if aligned:
        blocks.append(_aligned(item, aligned))
    elif item.get("aligned_why_not"):
        blocks.append(Paragraph(f"Whole doses: {text(item['aligned_why_not'])}.", "muted"))
    if hours := mapping(item.get("windows_1h_aligned")):
        blocks.append(_hours(mapping(item.get("windows_1h")), hours))
    elif item.get("windows_1h_aligned_why_not"):
        blocks.append(Paragraph(f"Hours of whole doses: none, {text(item['windows_1h_aligned_why_not'])}.", "muted"))
    if points := rows(item.get("trumpet_volumetric")):
        blocks.append(_volumetric(points))
    if estimates := rows(item.get("estimates")):
        blocks += _estimates(item, estimates)
    return blocks


def _aligned(item: dict[str, Any], aligned: dict[str, Any]) -> Table:
    """Return the overall error twice: as asked, and from dose edge to dose edge."""
    body = (
        cells(
            "window as asked",
            span(item.get("from_s"), item.get("to_s")),
            UNKNOWN,
            plus_minus(item.get("overall_error_pct"), item.get("expanded_uncertainty_pct"), signed=True),
        ),
        cells(
            "dose edge to dose edge",
            span(aligned.get("from_s"), aligned.get("to_s")),
            fixed(aligned.get("doses"), 1),
            plus_minus(aligned.get("error_pct"), aligned.get("expanded_uncertainty_pct"), signed=True),
        ),
    )
    head = columns("*Window", ">Run time", ">Doses (SET)", ">Error ± U (%)")
    note = "Below 100 doses the window as asked carries one dose/√6; between doses no dose is at an edge."
    return Table(head, body, "Overall error over whole doses (k = 2)", note)


def _hours(fixed_hours: dict[str, Any], aligned: dict[str, Any]) -> Table:
    body = tuple(
        cells(label, _number(fixed_hours.get(key), digits), _number(aligned.get(key), digits))
        for label, key, digits in STATISTICS
    )
    head = columns("*One-hour windows", ">On the clock", ">Whole doses")
    note = (
        "Complete hours, not overlapping; limits inclusive. Whole doses: each mark moved to half a dose interval after "
        "a dose; what was programmed is counted between the marks."
    )
    if as_number(aligned.get("on_the_clock")):
        note += f" Hours that cannot be moved so, and count as on the clock: {general(aligned['on_the_clock'], 6)}."
    return Table(head, body, "One-hour windows with whole doses", note)


def _number(value: Any, digits: int) -> str:
    return general(value, 6) if digits == 0 else fixed(value, digits)


def _volumetric(points: list[dict[str, Any]]) -> Table:
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
    note = "The windows of volumetric and syringe pumps, samples of 0.5 min, over the analysis period of the trumpet."
    return Table(head, body, "Trumpet curve, volumetric set", note)


def _estimates(item: dict[str, Any], estimates: list[dict[str, Any]]) -> list[Block]:
    body = tuple(
        cells(
            text(row.get("kind")),
            measured(row.get("rate_u_per_h"), row.get("expanded_uncertainty_u_per_h"), "", default=5),
            plus_minus(row.get("error_pct"), row.get("expanded_uncertainty_pct"), signed=True),
            fixed(row.get("noise_u_per_h"), 6),
            UNKNOWN if as_number(row.get("pulse_bias_pct")) is None else fixed(row["pulse_bias_pct"], 3, signed=True),
        )
        for row in estimates
    )
    head = columns(
        "*Estimator", ">Mean rate ± U (U/h)", ">Error ± U (%)", ">U of noise alone (U/h)", ">Bias by pulses (%)"
    )
    best = as_number(item.get("best_averaging_s"))
    note = (
        f"Over {span(item.get('estimates_from_s'), item.get('estimates_to_s'))}. Judged is the difference of end "
        "points; U of the others comes from the blanks' noise and evaporation, never from residuals."
    )
    if best is not None:
        note += f" By the blank's Allan curve, averaging longer than {general(best, 4)} s makes a slope no better."
    table = Table(head, body, "Mean rate by three estimators (k = 2)", note)
    told = [Paragraph(f"{text(each)}.") for each in texts(item.get("estimates_disagree"))]
    return [table, *told]
