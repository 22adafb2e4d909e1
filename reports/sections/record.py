"""Parts 10 to 15: exclusions, deviations, timeline, uncertainty budget, inventory, signatures."""

from __future__ import annotations

from typing import Any

from reports.blocks import Block, Cell, Facts, Paragraph, Picture, Section, Signatures, Table, cells, columns
from reports.figures.gallery import principal_check
from reports.formatting import UNKNOWN, as_number, elapsed, general, span, with_unit
from reports.interruptions import stretches
from reports.reading import first, rows, text
from reports.sections.facts import facts, value_text
from reports.sections.front import shown_value
from reports.sections.quality import quality

MOST_EVENTS = 600
MODES = {
    "start": "start of the run",
    "repeat": "a step repeated from its beginning, armed anew",
    "reattach": "re-attached to the running pump",
}
ROLES = (
    ("Tested by", "I carried out or supervised this run as recorded."),
    ("Reviewed by", "I reviewed the record, the deviations and the results."),
    ("Approved by", "I approve the use of these results."),
)


def exclusions(document: dict[str, Any]) -> Section:
    """Return part 10: gaps and data left out."""
    body = tuple(
        cells(
            elapsed(gap.get("start_s")),
            elapsed(gap.get("end_s")),
            text(gap.get("stream")) or UNKNOWN,
            text(gap.get("cause")) or UNKNOWN,
        )
        for gap in rows(document.get("gaps"))
    )
    blocks: list[Block] = [*_course(document)]
    if body:
        head = columns(">From (h:mm:ss)", ">To (h:mm:ss)", "Stream", "*Cause")
        blocks.append(Table(head, body, "Intervals without readings", "Marked in every figure over run time."))
    else:
        blocks.append(Paragraph("No gaps in the readings were recorded."))
    blocks += quality(document)
    return Section(10, "exclusions", "Exclusions and gaps", tuple(blocks))


def _course(document: dict[str, Any]) -> list[Block]:
    """Return the segments of an interrupted run, and what each of its stretches held."""
    segments = rows(document.get("segments"))
    if len(segments) < 2:
        return []
    body = tuple(
        cells(
            text(each.get("number")),
            elapsed(each.get("from_s")),
            elapsed(each.get("to_s")),
            MODES.get(text(each.get("mode")), text(each.get("mode"))),
            text(each.get("end_reason")).replace("_", " "),
        )
        for each in segments
    )
    head = columns(">Segment", ">From (h:mm:ss)", ">To (h:mm:ss)", "*Began as", "Ended")
    told: list[Block] = [Table(head, body, "Segments of the record", "Marked grey in every figure over run time.")]
    return [*told, *(Paragraph(_stretch(each), "muted") for each in stretches(document))]


def _stretch(each: dict[str, Any]) -> str:
    """Return one stretch in words."""
    steps = [str(int(step) + 1) for step in each.get("steps") or []]
    held = f"steps held whole: {', '.join(steps)}" if steps else "no step held whole"
    began = f"from step {int(as_number(each.get('first_step')) or 0) + 1}"
    words = f"Stretch {text(each.get('number'))}, {span(each.get('from_s'), each.get('to_s'))}, {began}; {held}."
    why = text(each.get("why_not"))
    shown = " Shown in tables and figures." if each.get("shown") else ""
    return words + (f" Not measurable: {why}." if why else "") + shown


def deviations(document: dict[str, Any]) -> Section:
    """Return part 11: deviations, and findings that are not verdicts."""
    held = rows(document.get("deviations"))
    blocks: list[Block] = []
    if held:
        body = tuple(
            cells(
                text(first(item, ("id", "number"))) or str(number),
                text(first(item, ("text", "what", "description", "why"))) or value_text(item),
                _rest(item, frozenset({"id", "number", "text", "what", "description"})),
            )
            for number, item in enumerate(held, start=1)
        )
        blocks.append(Table(columns("No.", "*Deviation", "*Details"), body, "Deviations"))
    else:
        blocks.append(Paragraph("No deviations were recorded."))
    findings = rows(document.get("findings"))
    if findings:
        told = tuple(
            cells(text(item.get("id")), span(item.get("from_s"), item.get("to_s")), text(item.get("text")))
            for item in findings
        )
        note = (
            "A finding comes from its own detector and is not a verdict; those of one check stand beside it in part 9."
        )
        blocks.append(
            Table(columns("Finding", "Interval (run time)", "*What was seen"), told, "Findings of the run", note)
        )
    else:
        blocks.append(Paragraph("No findings of the run as a whole."))
    return Section(11, "deviations", "Deviations and findings", tuple(blocks))


def _rest(item: dict[str, Any], skip: frozenset[str]) -> str:
    """Return what else an entry holds, in one line."""
    return "; ".join(f"{label}: {value}" for label, value in facts(item, skip=skip))


def timeline(document: dict[str, Any]) -> Section:
    """Return part 12: what happened, in order."""
    events = rows(document.get("events"))
    if not events:
        return Section(12, "timeline", "Timeline", (Paragraph("No events were recorded.", "muted"),))
    shown = events if len(events) <= MOST_EVENTS else [*events[: MOST_EVENTS // 2], *events[-MOST_EVENTS // 2 :]]
    body = tuple(
        cells(_event_time(event), text(first(event, ("name", "kind", "event"))) or UNKNOWN, _event_data(event))
        for event in shown
    )
    left = len(events) - len(shown)
    note = (
        f"{left} of {len(events)} events in the middle are left out here; result.json and the record hold all."
        if left
        else ""
    )
    return Section(
        12,
        "timeline",
        "Timeline",
        (Table(columns(">Time (h:mm:ss)", "Event", "*Details"), body, "Events of the run", note),),
    )


def _event_time(event: dict[str, Any]) -> str:
    """Return when an event was, in run time."""
    return elapsed(first(event, ("at_s", "t_s", "time_s", "start_s")))


def _event_data(event: dict[str, Any]) -> str:
    """Return what an event says, in one line."""
    data = event.get("data")
    held = data if isinstance(data, dict) else {}
    known = {"at_s", "t_s", "time_s", "start_s", "at_ns", "name", "kind", "event", "data"}
    return "; ".join(
        f"{label}: {value}" for label, value in facts({**{k: v for k, v in event.items() if k not in known}, **held})
    )


def budget(document: dict[str, Any]) -> Section:
    """Return part 13: the uncertainties of all results side by side, and the principal budget drawn."""
    body = []
    for check in rows(document.get("checks")):
        lines = [line for line in rows(check.get("budget")) if as_number(line.get("contribution")) is not None]
        largest = max(lines, key=lambda line: abs(float(line["contribution"])), default=None)
        unit = text(check.get("unit"))
        body.append(
            cells(
                text(check.get("id")),
                shown_value(check),
                len(lines) or UNKNOWN,
                text(largest.get("name")) if largest else UNKNOWN,
                with_unit(general(largest.get("contribution"), 3), unit) if largest else UNKNOWN,
            )
        )
    blocks: list[Block] = [
        Paragraph(
            "The standard uncertainty u of a result is the root of the sum of squares of its components' contributions "
            "(GUM, JCGM 100:2008, 5.1.2); the expanded uncertainty is U = k·u with k = 2. Each check's full budget "
            "stands beside it in section 9."
        )
    ]
    if body:
        head = columns("*Check", ">Value and U", ">Components", "*Largest component", ">Its contribution (u)")
        blocks.append(Table(head, tuple(body), "Uncertainty of the results"))
    index = principal_check(document)
    if index is not None:
        name = text(rows(document.get("checks"))[index].get("id"))
        blocks.append(Picture("budget", f"Components of the standard uncertainty of {name}, largest first."))
    return Section(13, "budget", "Uncertainty budget", tuple(blocks))


def inventory(document: dict[str, Any]) -> Section:
    """Return part 14: the files this report stands on, with their hashes."""
    held = rows(document.get("inventory"))
    if not held:
        return Section(
            14,
            "inventory",
            "Inventory of the data package",
            (Paragraph("The files of this run and their SHA-256 are in manifest.json beside this report.", "muted"),),
        )
    body = tuple(
        (Cell(text(item.get("path"))), Cell(general(item.get("bytes"), 12)), Cell(text(item.get("sha256")), "code"))
        for item in held
    )
    head = columns("*File", ">Bytes", "SHA-256")
    return Section(
        14, "inventory", "Inventory of the data package", (Table(head, body, "Files this report was made from"),)
    )


def signatures(document: dict[str, Any]) -> Section:
    """Return part 15."""
    blocks: tuple[Block, ...] = (
        Facts(
            (
                ("Run", text(document.get("run_id")) or UNKNOWN),
                ("Outcome", text(document.get("outcome")).replace("_", " ") or UNKNOWN),
            )
        ),
        Signatures(ROLES),
    )
    return Section(15, "signatures", "Signatures", blocks)
