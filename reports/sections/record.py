"""Parts 10 to 12, 14 and 15: exclusions, deviations, timeline, inventory, signatures."""

from __future__ import annotations

from collections import Counter
from typing import Any

from reports.blocks import (
    LONG_TABLE,
    Block,
    Cell,
    Facts,
    Heading,
    Paragraph,
    Section,
    See,
    Signatures,
    Table,
    cells,
    columns,
)
from reports.formatting import UNKNOWN, as_number, elapsed, general, span
from reports.interruptions import stretches
from reports.reading import first, rows, text
from reports.sections.facts import facts, value_text
from reports.sections.quality import quality

MOST_EVENTS = 600
FEW = 8
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
    """Return part 12: what happened, in order; of a long run what came often in one line, all in the annex."""
    events = rows(document.get("events"))
    blocks: list[Block] = [Paragraph("No events were recorded.", "muted")]
    if is_long_timeline(document):
        note = f"{len(events)} events; what came more than {FEW} times stands in one line, where it came first."
        blocks = [_event_table(_in_short(events), "Events of the run, in short", note), See((("All", "events"),))]
    elif events:
        blocks = [_event_table([_event(event) for event in events], "Events of the run", "")]
    return Section(12, "timeline", "Timeline", tuple(blocks))


def is_long_timeline(document: dict[str, Any]) -> bool:
    """Return whether the events stand in the annex."""
    return len(rows(document.get("events"))) > LONG_TABLE


def event_blocks(document: dict[str, Any]) -> list[Block]:
    """Return the long timeline for the annex; very long ones are cut in the middle and say so."""
    events = rows(document.get("events"))
    shown = events if len(events) <= MOST_EVENTS else [*events[: MOST_EVENTS // 2], *events[-MOST_EVENTS // 2 :]]
    left = len(events) - len(shown)
    note = (
        f"{left} of {len(events)} events in the middle are left out here; result.json and the record hold all."
        if left
        else ""
    )
    return [Heading("Timeline", "", "events"), _event_table([_event(event) for event in shown], "Events", note)]


def _event_table(body: list[tuple[Cell, ...]], caption: str, note: str) -> Table:
    return Table(columns(">Time (h:mm:ss)", "Event", "*Details"), tuple(body), caption, note)


def _event(event: dict[str, Any]) -> tuple[Cell, ...]:
    return cells(_event_time(event), _event_name(event), _event_data(event))


def _in_short(events: list[dict[str, Any]]) -> list[tuple[Cell, ...]]:
    """Return one row per event, but one for all of a name that came often."""
    counts = Counter(map(_event_name, events))
    last = {_event_name(event): _event_time(event) for event in events}
    told: set[str] = set()
    body = []
    for event in events:
        name = _event_name(event)
        if counts[name] <= FEW:
            body.append(_event(event))
        elif name not in told:
            told.add(name)
            body.append(cells(_event_time(event), name, f"{counts[name]} times, the last at {last[name]}"))
    return body


def _event_name(event: dict[str, Any]) -> str:
    return text(first(event, ("name", "kind", "event"))) or UNKNOWN


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
