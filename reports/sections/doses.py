"""Single doses: sizes, intervals, averages of n, and what was missed, doubled, late or clustered, with its limit."""

from __future__ import annotations

from typing import Any

from reports.blocks import Block, Facts, Heading, Paragraph, Picture, Table, cells, columns
from reports.formatting import UNKNOWN, amount, as_number, elapsed, fixed, general, span
from reports.reading import mapping, rows, text, texts

WITHIN = (5, 10, 15, 20, 25, 30)
KINDS = ("missed", "doubled", "late", "early", "clustered")
SIZES = "Error of each dose in order, and the distribution of the doses. Below the dashed line a dose cannot be seen."
INTERVALS = "Time between consecutive doses; the sampling of the balance widens it as the table says."


def dose_blocks(document: dict[str, Any]) -> list[Block]:
    """Return all that is known of single doses; nothing when the run has none."""
    blocks: list[Block] = []
    for index, table in enumerate(rows(mapping(document.get("analysis")).get("doses"))):
        blocks.append(Heading(f"Single doses: {text(table.get('label'))}"))
        blocks += _one(table, index)
    return blocks


def _one(table: dict[str, Any], index: int) -> list[Block]:
    if table.get("why_not"):
        return [Paragraph(f"Single doses are not evaluated: {text(table['why_not'])}.", "muted"), *_steps(table)]
    events = mapping(table.get("events"))
    blocks: list[Block] = [Facts(_summary(table)), _limits(table, events)]
    blocks += [Paragraph(f"{_sentence(why)}.", "muted") for why in texts(events.get("why_not"))]
    blocks.append(Picture(f"doses-{index}", SIZES))
    if sizes := mapping(table.get("sizes")):
        blocks.append(_sizes(sizes))
    if averages := rows(table.get("averages")):
        blocks.append(_averages(averages))
    blocks.append(Picture(f"dose-intervals-{index}", INTERVALS))
    blocks.append(_events(events))
    return blocks


def _steps(table: dict[str, Any]) -> list[Block]:
    """Return what the detector without a schedule found."""
    steps = mapping(table.get("steps"))
    if not steps:
        return []
    found = (
        f"Without a schedule {general(steps.get('found'), 6)} steps of {amount(steps.get('limit_u'))} U or more were "
        f"found; {general(table.get('programmed'), 6)} doses were programmed."
    )
    return [Paragraph(found, "muted")]


def _summary(table: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    sizes, intervals = mapping(table.get("sizes")), mapping(table.get("intervals"))
    spread = (
        f"{fixed(intervals.get('mean_s'), 1)} s, SD {fixed(intervals.get('sd_pct'), 1)} % "
        f"({fixed(intervals.get('sd_s'), 1)} s, of which sampling {fixed(intervals.get('sampling_sd_s'), 1)} s)"
    )
    found = f"{general(table.get('measured'), 6)} of {general(table.get('scheduled'), 6)} due"
    held = (
        ("Interval (run time)", span(table.get("from_s"), table.get("to_s"))),
        ("Doses programmed (SET)", general(table.get("programmed"), 6)),
        ("Nominal dose", f"{amount(table.get('dose_u'))} U"),
        ("Doses measured", found),
        ("Mean dose", f"{fixed(sizes.get('mean_u'), 5)} U ({fixed(sizes.get('mean_pct'), 2, signed=True)} %)"),
        (
            "Size, SD",
            f"{fixed(sizes.get('sd_pct'), 1)} %, of which the bench {fixed(sizes.get('u_sd_pct'), 1)} %",
        ),
        ("Interval between doses, mean and SD", spread),
    )
    return tuple((label, value) for label, value in held if UNKNOWN not in value)


def _limits(table: dict[str, Any], events: dict[str, Any]) -> Paragraph:
    """Return the detection limits in words."""
    dose = as_number(table.get("dose_u")) or 0.0
    limit = as_number(table.get("detection_limit_u"))
    if limit is None:
        return Paragraph("No dose could be measured.", "muted")
    parts = [f"Detection limit of a single dose: {fixed(limit, 4)} U at 3 u, against doses of {amount(dose)} U."]
    lasting, passing = as_number(events.get("lasting_limit_doses")), as_number(events.get("passing_limit_doses"))
    if lasting is not None and passing is not None:
        parts.append(
            f"A dose is called missed or doubled when the level departs for good by {fixed(lasting, 2)} doses or more, "
            f"late or clustered when it departs by {fixed(passing, 2)} doses and comes back, or comes more than "
            f"{general(events.get('time_limit_s'), 3)} s off its time; at most one false alarm in 1,000 runs."
        )
    return Paragraph(" ".join(parts))


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _sizes(sizes: dict[str, Any]) -> Table:
    heads = [f">± {limit} %" for limit in WITHIN]
    within = [as_number(sizes.get(f"within_{limit}_pct")) for limit in WITHIN]
    body = (
        cells("Within (% of doses)", *(fixed(share, 1) for share in within)),
        cells("Outside (% of doses)", *(UNKNOWN if share is None else fixed(100.0 - share, 1) for share in within)),
    )
    return Table(columns("*Single doses", *heads), body, "Single doses against the nominal dose", "Limits inclusive.")


def _averages(averages: list[dict[str, Any]]) -> Table:
    body = tuple(
        cells(
            _average_name(row),
            general(row.get("count"), 6),
            fixed(row.get("min_pct"), 2, signed=True),
            fixed(row.get("max_pct"), 2, signed=True),
            fixed(row.get("outside_15_pct"), 1),
            f"{general(row.get('blocks_outside_15'), 6)} of {general(row.get('blocks'), 6)}",
        )
        for row in averages
    )
    head = columns(
        ">Average over",
        ">Averages",
        ">Smallest error (%)",
        ">Largest error (%)",
        ">Outside ± 15 % (%)",
        ">Of separate ones",
    )
    note = "Means of consecutive doses that advance by one and overlap; separate ones share no dose."
    return Table(head, body, "Averages of consecutive doses", note)


def _average_name(row: dict[str, Any]) -> str:
    doses = f"{general(row.get('doses'), 6)} doses"
    return doses if as_number(row.get("minutes")) is None else f"{general(row['minutes'])} min ({doses})"


def _events(events: dict[str, Any]) -> Block:
    counts = ", ".join(f"{kind} {general(events.get(kind), 6)}" for kind in KINDS if events.get(kind) is not None)
    items = rows(events.get("items"))
    if not items:
        return Paragraph(f"Doses off the schedule: {counts or 'none'}.")
    body = tuple(
        cells(
            text(item.get("kind")),
            elapsed(item.get("at_s")),
            general(item.get("number"), 6),
            general(item.get("doses"), 6),
            fixed(item.get("change_doses"), 2, signed=True),
            _after(item),
        )
        for item in items
    )
    head = columns("*What", ">Run time (h:mm:ss)", ">Dose", ">Doses", ">Departure (doses)", ">Made up after")
    note = (
        f"In all: {counts}. A dose that is made up for later looks the same as one missed and one given twice. "
        "Findings, never verdicts."
    )
    return Table(head, body, "Doses off the schedule", note)


def _after(item: dict[str, Any]) -> str:
    if as_number(item.get("by_doses")) is not None:
        return f"{general(item['by_doses'], 4)} doses"
    if as_number(item.get("by_s")) is not None:
        return f"{fixed(item['by_s'], 1, signed=True)} s"
    return UNKNOWN
