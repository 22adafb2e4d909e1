"""The journal of commands: what is intended is on the disk before its first byte leaves (design 4.5).

Whoever finds the record later, after any kind of end, knows of each command whether it was never begun, was answered,
or may have been carried out and has to be settled by asking the pump. No command is ever sent again because its answer
is missing; what the pump was asked for and does not show may be told it anew, as another command.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rig.clock import Clock
from rig.guardian.guard import Guard
from rig.instruments import Acceptance
from rig.record.reader import Event
from rig.record.writer import RecordWriter

EVENT = "command"
SETTLING = ("acknowledged", "refused", "settled")
BOLUS_ENDS = ("bolus_closed", "bolus_not_delivered", "delivery_settled")


@dataclass(frozen=True, slots=True)
class Command:
    """A command as the journal knows it; ``delivers``: it makes the pump deliver a dose by itself."""

    id: int
    name: str
    at_ns: int
    delivers: bool
    parameters: dict[str, Any]


class Journal:
    """Writes the journal of one segment; ids go on where the segment before ended."""

    def __init__(self, writer: RecordWriter, clock: Clock, guard: Guard, next_id: int = 1) -> None:
        self._writer = writer
        self._clock = clock
        self._guard = guard
        self._next_id = next_id
        self._unknown: dict[int, str] = {}
        self._last: tuple[int, str] | None = None  # the command that was acknowledged last

    def intend(self, name: str, *, delivers: bool = False, **parameters: Any) -> int:
        """Put a command on record and see it on the disk; raises `RecordError` when it does not get there."""
        command_id = self._next_id
        self._next_id += 1
        self._say(command_id, name, "intended", delivers=delivers, **parameters)
        self._writer.flush(pulse=self._guard.beat)
        return command_id

    def answered(self, command_id: int, name: str, acceptance: Acceptance, why: str = "") -> None:
        """Record what the pump's answer was, or that it was lost, and ``why``."""
        if acceptance is Acceptance.UNKNOWN:
            self._say(command_id, name, acceptance.value, **({"why": why} if why else {}))
            self._unknown[command_id] = name
        else:
            self._say(command_id, name, acceptance.value)
            self._last = command_id, name

    def refused(self, command_id: int, name: str, why: str) -> None:
        """Record that the pump refused."""
        self._say(command_id, name, "refused", why=why)

    def settled(self, *, delivered: bool | None, by: str, **support: Any) -> None:
        """Settle what is unknown: the pump was asked, and says what it did; ``support`` is what else speaks for it.

        An acknowledgement that the pump does not bear out is settled as well: it was not this command's.
        """
        if delivered is False and self._last is not None and not self._unknown:
            self._unknown.update([self._last])
        for command_id, name in self._unknown.items():
            self._say(command_id, name, "settled", delivered=delivered, by=by, **support)
        self._unknown.clear()
        self._last = None

    def _say(self, command_id: int, name: str, state: str, **more: Any) -> None:
        data = {"id": command_id, "name": name, "state": state, **more}
        self._writer.event(self._clock.now_ns(), EVENT, data)


def in_flight(events: Sequence[Event]) -> Command | None:
    """Return the command whose outcome the end of ``events`` leaves open, or None.

    Open is a command that was begun and whose end nobody knows, and a bolus that was accepted and not seen to its end:
    how much of it was delivered, only the pump can say. At most one of each is ever open, and the bolus counts more:
    a suspend that cancels it ends nothing before the pump was asked.
    """
    bolus: Command | None = None
    other: Command | None = None
    for event in events:
        data = dict(event.data)
        if event.name in BOLUS_ENDS:
            bolus = None
        elif event.name == EVENT and "id" in data:
            command_id, state = int(data.pop("id")), data.pop("state")
            if state == "intended":
                name, delivers = str(data.pop("name")), bool(data.pop("delivers", False))
                begun = Command(command_id, name, event.at_ns, delivers, data)
                bolus, other = (begun, None) if delivers else (bolus, begun)
            elif bolus is not None and command_id == bolus.id:
                bolus = None if _closes(bolus, state, data) else bolus
            elif other is not None and command_id == other.id and _closes(other, state, data):
                other = None
    return bolus or other


def _closes(command: Command, state: str, data: dict[str, Any]) -> bool:
    """Say whether nothing about a command is open any more."""
    if command.delivers:
        return state == "refused" or (state == "settled" and data.get("delivered") is False)
    return state in SETTLING


def last_id(events: Sequence[Event]) -> int:
    """Return the highest command id of a journal, 0 for an empty one."""
    return max((int(event.data.get("id", 0)) for event in events if event.name == EVENT), default=0)
