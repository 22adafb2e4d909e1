"""Read the balance's bytes again, and compare with the readings that stand beside them.

The rules are those of `rig.drivers.mt_sics.SicsBalance.weigh`: what came before a request is passed over, the first
line that tells of no key press is its reply, and the reading is stamped with the chunk that completed it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from rig.audit.evidence import PREFIX
from rig.audit.findings import Audit
from rig.errors import RigError
from rig.record.reader import Segment, WeighingColumns, read_chunks
from rig.wire.mt_sics import Weight, take_weight

WEIGH_NOW = b"SI\r\n"
RESET = b"@\r\n"
TIMEOUT_NS = 1_000_000_000  # of link time; a reply that comes later is nobody's reading any more
BALANCE = "balance"


@dataclass(slots=True)
class _Request:
    """One ``SI``, and what came upon it."""

    asked_ns: int
    not_before_ns: int  # what passed before it: the driver asks for one thing after the other
    inbox: bytearray = field(default_factory=bytearray)
    answered_ns: int | None = None
    weight: Weight | None = None
    done: bool = False


@dataclass(slots=True)
class _Replay:
    """A balance's link, as far as it was read."""

    columns: WeighingColumns
    timeout_ns: float
    request: _Request | None = None
    trying: bool = False  # after a reset, the driver takes one weight to see that the balance weighs; nobody records it
    matched: set[int] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    rows: dict[int, int] = field(default_factory=dict)
    passed_ns: int | None = None  # when the last bytes passed

    def __post_init__(self) -> None:
        self.rows = {at_ns: row for row, at_ns in enumerate(self.columns.answered_ns)}
        if len(self.rows) != len(self.columns.answered_ns):
            self.faults.append("two readings have the same time")

    def sent(self, at_ns: int, data: bytes) -> None:
        self._close(followed=data == WEIGH_NOW)
        before_ns = at_ns if self.passed_ns is None else self.passed_ns
        self.request = _Request(at_ns, before_ns) if data == WEIGH_NOW else None
        self.passed_ns = at_ns
        self.trying = self.trying or data == RESET

    def received(self, at_ns: int, data: bytes) -> None:
        self.passed_ns = at_ns
        request = self.request
        if request is None or request.done:
            return
        request.inbox += data
        try:
            weight = take_weight(request.inbox)
        except RigError:
            request.done = True  # a refusal or a reply that breaks the grammar: no reading
            return
        if weight is not None:
            request.answered_ns, request.weight, request.done = at_ns, weight, True

    def end(self) -> list[str]:
        """Return what does not fit, once everything was replayed."""
        self._close(followed=False)
        columns = self.columns
        for row, at_ns in enumerate(columns.answered_ns):
            if row not in self.matched:
                self.faults.append(f"the reading of {columns.mass_mg[row]!r} mg at {at_ns} ns follows from no bytes")
        return self.faults

    def _close(self, *, followed: bool) -> None:
        """Compare the last request's reply; only a further request proves that the driver took it as a reading."""
        request, self.request = self.request, None
        if request is None or request.weight is None or request.answered_ns is None:
            return
        weight, at_ns = request.weight, request.answered_ns
        row = self.rows.get(at_ns)
        trying, self.trying = self.trying, False
        if row is None:
            late = at_ns - request.asked_ns > self.timeout_ns
            if followed and not trying and not late:
                self.faults.append(f"the reply {weight.text!r} at {at_ns} ns has no reading beside it")
            return
        self.matched.add(row)
        columns = self.columns
        said = (columns.mass_mg[row], columns.resolution_mg[row], bool(columns.stable[row]))
        if said != (weight.mass_mg, weight.resolution_mg, weight.stable):
            self.faults.append(f"the reading at {at_ns} ns says {_words(*said)}, its bytes say {_words(*weight[:3])}")
        if columns.asked_ns[row] > request.asked_ns:
            self.faults.append(f"the reading at {at_ns} ns says that it was asked for after it was")
        elif columns.asked_ns[row] < request.not_before_ns:
            self.faults.append(f"the reading at {at_ns} ns says that it was asked for before what came before it")


def _words(mass_mg: float, resolution_mg: float, stable: bool) -> str:
    return f"{mass_mg!r} mg in steps of {resolution_mg!r} mg, {'stable' if stable else 'not stable'}"


def reparse(folder: Path, segments: dict[int, Segment], audit: Audit) -> int:
    """Compare every reading of a run with its bytes; return how many were compared."""
    compared = 0
    for segment in segments.values():
        if (other := _other_driver(segment)) is not None:
            audit.fault(
                PREFIX + segment.file, f"plug-in {other} read the balance: nobody here can read its bytes again"
            )
            continue
        replays = {name: _Replay(columns, _timeout_ns(segment)) for name, columns in segment.weighings.items()}
        replays.setdefault(BALANCE, _Replay(WeighingColumns(), _timeout_ns(segment)))
        for link, direction, at_ns, data in read_chunks(folder / "evidence" / segment.file):
            replay = replays.get(link)
            if replay is None:
                continue
            if direction == ">":
                replay.sent(at_ns, data)
            else:
                replay.received(at_ns, data)
        for replay in replays.values():
            for fault in replay.end():
                audit.fault(PREFIX + segment.file, fault)
            compared += len(replay.matched)
    return compared


def _other_driver(segment: Segment) -> str | None:
    """Return whose balance driver it was when it was not the rig's own: its protocol is not known here."""
    drivers = segment.header.get("third_party_drivers")
    for driver in drivers if isinstance(drivers, list) else []:
        if isinstance(driver, dict) and driver.get("role") == BALANCE:
            return f"{driver.get('name')} of {driver.get('distribution')} {driver.get('version')}"
    return None


def _timeout_ns(segment: Segment) -> float:
    """Return the driver's time-out in rig time."""
    clock = segment.header.get("clock")
    speed = clock.get("speed", 1.0) if isinstance(clock, dict) else 1.0
    return TIMEOUT_NS * float(speed)
