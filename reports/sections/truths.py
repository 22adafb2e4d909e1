"""Programmed, reported, weighed: every event in three truths, those without a partner first, and the totals."""

from __future__ import annotations

from typing import Any

from reports.blocks import Block, Cell, Heading, Paragraph, Picture, See, Table, cells, columns
from reports.formatting import UNKNOWN, amount, as_number, elapsed, fixed, general, plus_minus, with_unit
from reports.reading import mapping, rows, text

KINDS = {"temp_basal": "temp basal", "square": "square wave", "dual": "dual wave", "unknown": "not known"}
STATUS = {
    "matched": "matched",
    "differs": "amounts differ",
    "set-not-reported": "not in the log",
    "set-not-measured": "did not come",
    "reported-not-set": "nobody programmed it",
    "measured-not-set": "nobody programmed it",
    "not-read": "log not read",
}
FEW = 12  # rows of a table that stays in section 9
BAD = frozenset(STATUS) - {"matched", "not-read"}


def truth_blocks(document: dict[str, Any]) -> list[Block]:
    """Return the comparison of programmed, reported and weighed volume; long tables stand in the annex."""
    source = mapping(mapping(document.get("analysis")).get("truths"))
    deliveries, events, totals = rows(document.get("deliveries")), rows(source.get("rows")), rows(source.get("totals"))
    blocks: list[Block] = [
        Heading("Programmed, reported, weighed", "", "truths"),
        Picture(
            "cumulative",
            "Cumulative volume: programmed (SET), reported (REP: what has left the reservoir, whenever the pump was "
            "asked) and measured (MEAS); below, measured minus programmed.",
        ),
    ]
    if events:
        blocks.append(Paragraph(_summary(mapping(source.get("counts")), events)))
        blocks += [Paragraph(f"{note}.", "muted") for note in source.get("notes") or [] if isinstance(note, str)]
        unmatched = [event for event in events if text(event.get("status")) in BAD]
        if len(events) <= FEW:
            blocks.append(_events(events))
        elif unmatched:
            blocks.append(_events(unmatched, "Events without a partner, or whose amounts differ (k = 2)"))
    if searched := _searched(mapping(source.get("search"))):
        blocks.append(Paragraph(searched))
    if totals:
        blocks.append(_totals(totals if len(totals) <= FEW else totals[-1:]))
    if deliveries and len(deliveries) <= FEW:
        blocks.append(delivery_table(deliveries))
    blocks.append(See((("Every event", "every-event"), ("Totals", "every-total"), ("Deliveries", "every-delivery"))))
    return blocks


def truth_annex(document: dict[str, Any]) -> list[Block]:
    """Return in full the tables that are too long for section 9."""
    source = mapping(mapping(document.get("analysis")).get("truths"))
    parts = (
        ("Events in three truths", "every-event", rows(source.get("rows")), _events),
        ("Totals", "every-total", rows(source.get("totals")), _totals),
        ("Deliveries", "every-delivery", rows(document.get("deliveries")), delivery_table),
    )
    blocks: list[Block] = []
    for title, anchor, held, table in parts:
        if len(held) > FEW:
            blocks += [Heading(title, "", anchor), table(held)]
    return blocks


def _summary(counts: dict[str, Any], events: list[dict[str, Any]]) -> str:
    """Return how many events agree in all truths that can know of them, and how many do not."""
    agreed = int(as_number(counts.get("matched")) or 0)
    told = [
        f"{int(as_number(count) or 0)} {STATUS.get(status, status)}"
        for status, count in counts.items()
        if status != "matched"
    ]
    return f"{agreed} of {len(events)} events agree; {', '.join(told)}." if told else f"All {agreed} events agree."


def _events(events: list[dict[str, Any]], caption: str = "Every event: programmed, reported, weighed (k = 2)") -> Table:
    """Return one row per event in three truths, in the order stored: those without a partner first."""
    body: list[tuple[Cell, ...]] = []
    former = ""
    for event in events:
        part = "Without a partner, or amounts that differ" if text(event.get("status")) in BAD else "In agreement"
        if part != former and (former or part != "In agreement"):
            body.append((Cell(part),))
        former = part
        body.append(_event(event))
    head = columns(
        "Event",
        ">SET at",
        ">SET",
        ">REP at",
        ">REP",
        ">MEAS at",
        ">MEAS ± U (U)",
        ">MEAS − SET",
        ">REP − MEAS",
        "*Match",
    )
    note = (
        "Times in h:mm:ss on the run's clock, differences in U; times of the log by the pump's clock as it was "
        "read. An em dash under REP or MEAS: that truth does not know of the event. Matched one to one."
    )
    return Table(head, tuple(body), caption, note)


def _event(event: dict[str, Any]) -> tuple[Cell, ...]:
    status = text(event.get("status"))
    why = text(event.get("why_not"))
    shown = STATUS.get(status, status) + (f": {why}" if why else "")
    kind = text(event.get("kind"))
    return (
        Cell(KINDS.get(kind, kind)),
        *cells(
            elapsed(event.get("set_at_s")),
            _side(event.get("set_u"), event.get("set_text")),
            elapsed(event.get("reported_at_s")),
            _side(event.get("reported_u"), event.get("reported_text") or _there(event.get("reported_at_s"))),
            elapsed(event.get("measured_at_s")),
            plus_minus(event.get("measured_u"), event.get("expanded_uncertainty_u")),
            fixed(event.get("measured_less_set_u"), 4, signed=True),
            fixed(event.get("reported_less_measured_u"), 4, signed=True),
        ),
        Cell(shown),
    )


def _side(volume_u: Any, words: Any) -> str:
    """Return an amount in U, or what stands for it in words."""
    if as_number(volume_u) is not None:
        return with_unit(amount(volume_u), "U")
    return text(words) or UNKNOWN


def _there(at_s: Any) -> str:
    return "logged" if as_number(at_s) is not None else ""


def _searched(search: dict[str, Any]) -> str:
    """Return in words what was searched for deliveries that nobody programmed, and how small they may be."""
    parts = [
        f"{elapsed(search.get(f'{name}_s'))} {where} (h:mm:ss; at least "
        f"{with_unit(general(search.get(f'{name}_limit_u'), 2), 'U')} would be found in 95 % of cases)"
        for name, where in (("quiet", "in which nothing was programmed"), ("basal", "of running basal"))
        if as_number(search.get(f"{name}_limit_u")) is not None
    ]
    if not parts:
        return ""
    return (
        f"Searched for deliveries that nobody programmed: {' and '.join(parts)}. Noise alone raises a false alarm in "
        f"at most {general(search.get('false_alarm_per_run'), 1)} of runs."
    )


def _totals(totals: list[dict[str, Any]]) -> Table:
    """Return the totals since the first delivery, at each reading of the pump's reservoir."""
    body = tuple(
        cells(
            elapsed(row.get("at_s")),
            fixed(row.get("set_u"), 3),
            fixed(row.get("reported_u"), 3),
            plus_minus(row.get("measured_u"), row.get("expanded_uncertainty_u")),
            fixed(row.get("reported_less_set_u"), 3, signed=True),
        )
        for row in totals
    )
    head = columns(">Run time (h:mm:ss)", ">SET (U)", ">REP (U)", ">MEAS ± U (U)", ">REP − SET (U)")
    note = "REP: fall of the reservoir as the pump reads it. MEAS: — where the interval was not weighed whole."
    return Table(head, body, "Totals since the first delivery (k = 2)", note)


def delivery_table(deliveries: list[dict[str, Any]]) -> Table:
    """Return one row per delivery with its three truths."""
    head = columns(
        ">No.",
        "*Delivery",
        ">Start (h:mm:ss)",
        ">End (h:mm:ss)",
        ">SET (U)",
        ">REP (U)",
        ">MEAS ± U (U)",
        "*Source of REP",
    )
    body = tuple(
        cells(
            number,
            KINDS.get(text(delivery.get("kind")), text(delivery.get("kind"))),
            elapsed(delivery.get("start_s")),
            elapsed(delivery.get("end_s")),
            amount(delivery.get("set_u")),
            amount(delivery.get("reported_u")),
            plus_minus(delivery.get("measured_u"), delivery.get("expanded_uncertainty_u")),
            _reported_source(delivery),
        )
        for number, delivery in enumerate(deliveries, start=1)
    )
    note = "REP is — where this pump does not report that kind of delivery."
    return Table(head, body, "Deliveries: programmed, reported, measured (k = 2)", note)


def _reported_source(delivery: dict[str, Any]) -> str:
    """Return where REP comes from, with its resolution."""
    source = text(delivery.get("reported_source"))
    resolution = as_number(delivery.get("reported_resolution_u"))
    if not source:
        return UNKNOWN
    return f"{source}, to {with_unit(general(resolution), 'U')}" if resolution is not None else source
