"""Runs in several segments, put together from runs made by hand: cut off, repeated from a step on, re-attached."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from rig.judging.evidence import Evidence
from rig.judging.stretches import joined
from rig.record.reader import ClockPair, Event, RunRecord, Segment, WeighingColumns
from tests.judging.runs import NS

STARTED = datetime(2026, 3, 2, 7, tzinfo=UTC)
BOOT = "boot-a"


def segment(
    record: RunRecord,
    number: int = 1,
    *,
    from_s: float = 0.0,
    to_s: float = 1e9,
    started_s: float | None = None,
    end: str | None = None,
    boot: str = BOOT,
    began: datetime = STARTED,
    synchronised: str = "yes",
) -> Segment:
    """Return a part of a record as a segment; ``end`` None: it was cut off. Times stay as they are."""
    low, high = round(from_s * NS), round(min(to_s, 1e9) * NS)
    events = tuple(event for event in record.events if low <= event.at_ns <= high)
    weighings = {name: _between(columns, low, high) for name, columns in record.weighings.items()}
    started_ns = low if started_s is None else round(started_s * NS)
    last_ns = max([started_ns, *(event.at_ns for event in events)])
    clocks = tuple(
        ClockPair(at_ns, began + timedelta(microseconds=(at_ns - started_ns) / 1000), synchronised, 0.01)
        for at_ns in (started_ns, last_ns)
    )
    clock = {"kind": "SystemClock", "speed": 1.0, "started_ns": started_ns, "boot_id": boot}
    header = {**record.header, "clock": clock, "started_utc": began.isoformat(), "segment": number}
    ending = {} if end is None else {"reason": end, "ended_utc": (began + timedelta(hours=48)).isoformat()}
    return Segment(f"record-{number:03d}.log.gz", number, header, weighings, events, record.ambient, clocks, (),
                   end is not None, ending, "")  # fmt: skip


def _between(columns: WeighingColumns, low_ns: int, high_ns: int) -> WeighingColumns:
    keep = [index for index, at_ns in enumerate(columns.answered_ns) if low_ns <= at_ns <= high_ns]
    return WeighingColumns(
        array("q", [columns.asked_ns[index] for index in keep]),
        array("q", [columns.answered_ns[index] for index in keep]),
        array("d", [columns.mass_mg[index] for index in keep]),
        array("d", [columns.resolution_mg[index] for index in keep]),
        bytearray(columns.stable[index] for index in keep),
    )


def resumed(part: Segment, mode: str, step: int, scenario_s: float, **more: Any) -> Segment:
    """Return a segment that says how it goes on."""
    at_ns = int(part.header["clock"]["started_ns"])
    data = {"segment": part.number, "mode": mode, "step": step, "scenario_s": scenario_s, **more}
    return replace(part, events=(Event(at_ns, "run_resumed", data), *part.events))


def together(evidence: Evidence, parts: Sequence[Segment]) -> Evidence:
    """Return the evidence of a run of these segments."""
    record = replace(evidence.record, damage=())
    return replace(evidence, record=replace(joined(record, parts), header=parts[0].header))


def shifted(part: Segment, mg: Callable[[int], float]) -> Segment:
    """Return a segment whose readings are higher by ``mg(time in ns)``."""
    columns = part.weighings["balance"]
    masses = array("d", [m + mg(at_ns) for m, at_ns in zip(columns.mass_mg, columns.answered_ns, strict=True)])
    return replace(part, weighings={"balance": replace(columns, mass_mg=masses)})


def moved(part: Segment, by_s: float) -> Segment:
    """Return a segment on a monotonic clock that shows ``by_s`` more."""
    by_ns = round(by_s * NS)
    columns = part.weighings["balance"]
    weighings = replace(
        columns,
        asked_ns=array("q", [at_ns + by_ns for at_ns in columns.asked_ns]),
        answered_ns=array("q", [at_ns + by_ns for at_ns in columns.answered_ns]),
    )
    clock = {**part.header["clock"], "started_ns": part.header["clock"]["started_ns"] + by_ns}
    return replace(
        part,
        header={**part.header, "clock": clock},
        weighings={"balance": weighings},
        events=tuple(
            replace(event, at_ns=event.at_ns + by_ns, data=_later(event.data, by_ns)) for event in part.events
        ),
        clocks=tuple(replace(pair, monotonic_ns=pair.monotonic_ns + by_ns) for pair in part.clocks),
        ambient=tuple(replace(each, at_ns=each.at_ns + by_ns) for each in part.ambient),
    )


def _later(data: dict[str, Any], by_ns: int) -> dict[str, Any]:
    """Return an event's data with every time in it later."""
    return {
        name: _later(value, by_ns) if isinstance(value, dict) else value + by_ns if name.endswith("_ns") else value
        for name, value in data.items()
    }
