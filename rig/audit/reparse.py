"""Read the balance's bytes again, and compare with the readings that stand beside them.

The rules are those of the drivers' `weigh`: what came before a request is passed over, the first line that tells of no
key press is its reply, and the reading is stamped with the chunk that completed it. Of a stream the newest line is
taken, so that a line without a reading is no fault; a reading without its line is.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path

from rig.audit.evidence import PREFIX
from rig.audit.findings import Audit
from rig.audit.languages import Language, Take, language_of, stream_parser
from rig.errors import RigError
from rig.record.reader import Segment, WeighingColumns, read_chunks
from rig.wire.weights import Weight

BALANCE = "balance"


@dataclass(slots=True)
class _Request:
    """One request for a weight, and what came upon it."""

    take: Take
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
    language: Language
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
        take = self.language.requests.get(data)
        self._close(followed=take is not None)
        before_ns = at_ns if self.passed_ns is None else self.passed_ns
        self.request = None if take is None else _Request(take, at_ns, before_ns)
        self.passed_ns = at_ns
        self.trying = self.trying or data in self.language.greetings

    def received(self, at_ns: int, data: bytes) -> None:
        self.passed_ns = at_ns
        request = self.request
        if request is None or request.done:
            return
        request.inbox += data
        try:
            weight = request.take(request.inbox)
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
            if followed and not trying and not late and self.language.greetings:
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


@dataclass(slots=True)
class StreamReplay:
    """The link of a balance that streamed: each reading must be what a line says that had come by then."""

    columns: WeighingColumns
    parse: Take
    matched: set[int] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    rows: dict[int, int] = field(default_factory=dict)
    rest: bytearray = field(default_factory=bytearray)
    before_ns: int = -1
    _times: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rows = {at_ns: row for row, at_ns in enumerate(self.columns.answered_ns)}
        if len(self.rows) != len(self.columns.answered_ns):
            self.faults.append("two readings have the same time")
        self._times = sorted(self.rows)

    def sent(self, at_ns: int, data: bytes) -> None:
        """Pass over what was sent: in a stream nothing is asked."""

    def received(self, at_ns: int, data: bytes) -> None:
        """Compare the readings that a chunk gave: each was stamped when it came, or a little before its end."""
        self.rest += data
        lines = bytes(self.rest).splitlines(keepends=True)
        whole = [each for each in lines if each.endswith(b"\n")]
        del self.rest[: sum(map(len, whole))]
        said = [weight for line in whole if (weight := self._read(line)) is not None]
        first, last = bisect_right(self._times, self.before_ns), bisect_right(self._times, at_ns)
        self.before_ns = at_ns
        for time_ns in self._times[first:last]:
            row, columns = self.rows[time_ns], self.columns
            wanted = (columns.mass_mg[row], columns.resolution_mg[row], bool(columns.stable[row]))
            if wanted in said:
                del said[: said.index(wanted) + 1]
                self.matched.add(row)

    def _read(self, line: bytes) -> tuple[float, float, bool] | None:
        try:
            weight = self.parse(bytearray(line))
        except RigError:
            return None
        return None if weight is None else weight[:3]

    def end(self) -> list[str]:
        """Return what does not fit, once everything was replayed."""
        columns = self.columns
        for row, at_ns in enumerate(columns.answered_ns):
            if row not in self.matched:
                self.faults.append(f"the reading of {columns.mass_mg[row]!r} mg at {at_ns} ns follows from no line")
        return self.faults


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
        replays = _replays(segment)
        if replays is None:
            audit.fault(PREFIX + segment.file, f"no codec here reads a balance of protocol '{_protocol(segment)}'")
            continue
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


def _replays(segment: Segment) -> dict[str, _Replay | StreamReplay] | None:
    """Return what reads each balance's bytes again; None where the protocol is not known here."""
    protocol = _protocol(segment)
    language, parse = language_of(protocol), stream_parser(protocol)
    if language is None or parse is None:
        return None
    columns = {BALANCE: WeighingColumns(), **segment.weighings}
    if _how(segment).get("mode") == "stream":
        return {name: StreamReplay(each, parse) for name, each in columns.items()}
    timeout_ns = language.timeout_ns * _speed(segment)
    return {name: _Replay(each, language, timeout_ns) for name, each in columns.items()}


def _how(segment: Segment) -> dict[str, object]:
    """Return what the record says of the way in which the balance was read; older ones say nothing: MT-SICS, polled."""
    how = segment.header.get("balance")
    return how if isinstance(how, dict) else {}


def _protocol(segment: Segment) -> str:
    return str(_how(segment).get("protocol", "mt-sics"))


def _speed(segment: Segment) -> float:
    clock = segment.header.get("clock")
    return float(clock.get("speed", 1.0)) if isinstance(clock, dict) else 1.0
