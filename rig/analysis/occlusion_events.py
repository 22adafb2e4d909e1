"""The events of an occlusion test as CSV: ``time_s,event``, read strictly.

UTF-8, LF or CRLF, header line, comma, dot decimals, ``#`` comments, unknown columns ignored, as in the weighing log
(design 5.3). Events: ``closed``, ``alarm``, ``opened``; ``pinch_closed``, ``pinch_opened`` with the pump stopped.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rig.analysis.occlusion import OcclusionInstants
from rig.errors import UsageError

EVENTS = ("closed", "alarm", "opened", "pinch_closed", "pinch_opened")
_COLUMNS = ("time_s", "event")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
# What may follow what; "" is the beginning.
_AFTER = {
    "": {"closed", "pinch_closed"},
    "closed": {"alarm", "opened"},
    "alarm": {"opened"},
    "opened": {"closed", "pinch_closed"},
    "pinch_closed": {"pinch_opened"},
    "pinch_opened": {"closed", "pinch_closed"},
}
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Event:
    """One row; ``row`` counts from 1 with the header, as an editor shows it."""

    time_s: float
    name: str
    row: int


@dataclass(frozen=True, slots=True)
class OcclusionEvents:
    """All occlusions and pinches of a file, in the order of time; pinches as (closed s, opened s)."""

    rows: tuple[Event, ...]
    pinches_s: tuple[tuple[float, float], ...]

    def occlusions(self, from_s: float, to_s: float) -> tuple[OcclusionInstants, ...]:
        """Return the occlusions of a record from ``from_s`` to ``to_s``.

        Each owns the readings from the event before it to the event after it. ``UsageError`` for an event outside.
        """
        for event in self.rows:
            if not from_s <= event.time_s <= to_s:
                raise UsageError(
                    f"'{event.name}' at {event.time_s:g} s is not within the record",
                    where=f"events row {event.row}, column time_s",
                    expected=f"{from_s:g} s to {to_s:g} s, on the clock of the weighing log",
                )
        return tuple(self._instants(index, from_s, to_s) for index, e in enumerate(self.rows) if e.name == "closed")

    def _instants(self, index: int, from_s: float, to_s: float) -> OcclusionInstants:
        closed, *later = self.rows[index:]
        alarm = later[0].time_s if later[0].name == "alarm" else None
        rest = later[1:] if alarm is not None else later
        opened = rest[0].time_s if rest and rest[0].name == "opened" else None
        after = rest[1:] if opened is not None else rest
        before_s = self.rows[index - 1].time_s if index else from_s
        return OcclusionInstants(closed.time_s, alarm, opened, before_s, after[0].time_s if after else to_s)


def read_events(path: Path) -> OcclusionEvents:
    """Return the events of a file; ``UsageError`` names the row and the column at fault, or why it cannot be read."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot read it: {error.strerror}", where=str(path)) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UsageError("not UTF-8", where=f"{path} row {line}", expected="UTF-8 text") from None
    return parse_events(text, str(path))


def parse_events(text: str, name: str = "events") -> OcclusionEvents:
    """Return the events of a CSV text; ``UsageError`` names the row and the column at fault."""
    rows = _rows(text, name)
    header_row, header = next(rows, (1, []))
    places = _places(header, header_row, name)
    events: list[Event] = []
    for row, cells in rows:
        if len(cells) != len(header):
            raise UsageError(
                f"{len(cells)} columns", where=f"{name} row {row}", expected=f"{len(header)}, as the header"
            )
        event = Event(_time(cells[places[0]], row, name), _event(cells[places[1]], row, name), row)
        _require_order(events, event, name)
        events.append(event)
    if not events:
        raise UsageError("no events", where=name, expected="at least 'closed' and then 'alarm' or 'opened'")
    if events[-1].name in {"closed", "pinch_closed"}:
        last = events[-1]
        wanted = " or ".join(sorted(_AFTER[last.name]))
        where = f"{name} row {last.row}, column event"
        raise UsageError(f"ends with '{last.name}'", where=where, expected=f"then {wanted}")
    pinches = [event.time_s for event in events if event.name.startswith("pinch_")]
    return OcclusionEvents(tuple(events), tuple(zip(pinches[0::2], pinches[1::2], strict=True)))


def _rows(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (row, cells) of every line that is neither empty nor a comment."""
    for row, line in enumerate(text.split("\n"), 1):
        bare = line.removesuffix("\r")
        if not bare.strip() or bare.lstrip().startswith("#"):
            continue
        if "\r" in bare or "\0" in bare or '"' in bare:
            raise UsageError(
                "a quote or control character", where=f"{name} row {row}", expected="plain comma-separated text"
            )
        yield row, [cell.strip() for cell in bare.split(",")]


def _places(header: list[str], row: int, name: str) -> tuple[int, int]:
    """Return where the two columns are."""
    for column in _COLUMNS:
        if header.count(column) != 1:
            found = "is missing" if column not in header else "is there twice"
            raise UsageError(
                f"column {column} {found}", where=f"{name} row {row}", expected="a header line 'time_s,event'"
            )
    return header.index("time_s"), header.index("event")


def _time(cell: str, row: int, name: str) -> float:
    value = float(cell) if _NUMBER.fullmatch(cell) else math.nan
    if not math.isfinite(value):
        raise UsageError(
            f"'{cell[:_SHOWN]}' is not a time",
            where=f"{name} row {row}, column time_s",
            expected="seconds on the clock of the weighing log, dot for decimals",
        )
    return value


def _event(cell: str, row: int, name: str) -> str:
    if cell not in EVENTS:
        raise UsageError(
            f"'{cell[:_SHOWN]}' is no event", where=f"{name} row {row}, column event", expected=", ".join(EVENTS)
        )
    return cell


def _require_order(events: list[Event], event: Event, name: str) -> None:
    """``UsageError`` where time does not increase or the event cannot follow the one before."""
    if events and not event.time_s > events[-1].time_s:
        raise UsageError(
            f"{event.time_s!r} s after {events[-1].time_s!r} s",
            where=f"{name} row {event.row}, column time_s",
            expected="times that increase",
        )
    before = events[-1].name if events else ""
    if event.name not in _AFTER[before]:
        raise UsageError(
            f"'{event.name}' " + (f"follows '{before}'" if before else "comes first"),
            where=f"{name} row {event.row}, column event",
            expected=" or ".join(sorted(_AFTER[before])),
        )
