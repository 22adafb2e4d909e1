"""The twin's supplies and meters in the situations of a conformance suite; what they cannot play is None.

The pump of a bench is the load: it sleeps, and draws little over a milliampere. A supply is prepared by nobody: it is
as after power-up, but for what a situation needs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

from rig.plugins.spec import Scene
from rig.sim.bench import SimulatedBench
from rig.sim.instruments.models import METERS, SUPPLIES
from rig.transport.virtual import Port, SimulatedDevice

START: Final = datetime(2025, 3, 9, 14)  # noqa: DTZ001 - as the other scenes
LATE_NS: Final = 3_000_000_000
MEASURES: Final = re.compile(rb"(?i)\b(MEAS|READ\?|FETC|R\?)")
SETS_VOLTS: Final = re.compile(rb"(?i)(VOLT(AGE)? |APPL(Y)? )(?!.*PROT)")
SETS_RANGE: Final = re.compile(rb"(?i)(CONF(IGURE)?:|RANG)[^?]*$")
SWITCHES_OFF: Final = re.compile(rb"(?i)OUTP(UT)?[^;]*[ ,](OFF|0)\b")

_FAULTS: Final[dict[str, tuple[str, ...]]] = {
    "silent": ("{}.silent=on",),
    "overload": ("meter.over_range=on",),
}
_PLAYED: Final = {
    "supply": (
        "identified", "left_error", "set", "protected", "unprotected", "on_and_off", "stays_on", "reads_back_otherwise",
        "refused", "tripped", "silent", "damaged", "late", "stranger", "unplugged",
    ),
    "meter": (
        "identified", "left_error", "one", "burst", "overload", "unconfigured", "range_otherwise", "silent", "damaged",
        "stranger",
    ),
}  # fmt: skip


class _Before:
    """Stands before a session: what it was told before, what never arrives, what comes back wrong the first time."""

    def __init__(
        self,
        session: SimulatedDevice,
        *,
        told: tuple[bytes, ...] = (),
        loses: re.Pattern[bytes] | None = None,
        spoils: Callable[[bytes, int], tuple[bytes, int]] | None = None,
    ) -> None:
        self._session = session
        self._told = told
        self._loses = loses
        self._spoils = spoils
        self._port: Port | None = None
        self._spoil_next = False

    def attach(self, port: Port) -> None:
        """Learn the wire, and hear what somebody said before."""
        self._port = port
        self._session.attach(self)
        for number, message in enumerate(self._told):
            port.call_at(number - len(self._told), partial(self._session.receive, message))

    def receive(self, data: bytes, now_ns: int) -> None:
        """Hand on what the host says, but for what gets lost."""
        if self._loses is not None and self._loses.search(data):
            return
        if self._spoils is not None and MEASURES.search(data):
            self._spoil_next = True
        self._session.receive(data, now_ns)

    def send(self, data: bytes, at_ns: int) -> None:
        """Hand on what the instrument says; spoilt, once."""
        if self._port is None:
            raise RuntimeError("a simulated instrument spoke before it was attached")
        if self._spoil_next and self._spoils is not None:
            self._spoil_next = False
            spoils, self._spoils = self._spoils, None
            data, at_ns = spoils(data, at_ns)
        self._port.send(data, at_ns)

    def call_at(self, at_ns: int, action: Callable[[int], None]) -> None:
        """Hand on an appointment."""
        if self._port is None:
            raise RuntimeError("a simulated instrument was used before it was attached")
        self._port.call_at(at_ns, action)

    def rig_ns(self, link_ns: int) -> int:
        """Return the plant's time."""
        return link_ns if self._port is None else self._port.rig_ns(link_ns)


def supply(situation: str, model: str = "E36312A") -> Scene | None:
    """Return a supply of the twin by the name it gives itself, alone with its pump."""
    if situation not in _PLAYED["supply"]:
        return None
    twin = _twin(situation, "supply")
    if situation == "stranger":
        return Scene(twin.balance, "", "")
    instrument = twin.mount_supply(_key(model, {name: each[0].name for name, each in SUPPLIES.items()}), prepared=False)
    session = instrument.session()
    first = instrument.output(1)
    if situation == "stays_on":
        instrument.prepare(1.5, 0.5, 1.8, 0)
        device: SimulatedDevice = _Before(session, loses=SWITCHES_OFF)
    elif situation == "tripped":
        instrument.prepare(1.9, 0.5, 1.8, 0)
        first.volts = 1.5
        device = session
    elif situation == "reads_back_otherwise":
        device = _Before(session, loses=SETS_VOLTS)
    else:
        device = _wrapped(situation, session)
    return Scene(device, _serial(instrument.manners.identity), model)


def meter(situation: str, model: str = "34461A") -> Scene | None:
    """Return a meter of the twin by the name it gives itself, in the lead of a pump that sleeps."""
    if situation not in _PLAYED["meter"]:
        return None
    twin = _twin(situation, "meter")
    if situation == "stranger":
        return Scene(twin.balance, "", "")
    instrument = twin.mount_meter(_key(model, {name: each.name for name, each in METERS.items()}))
    session = instrument.session()
    device = _Before(session, loses=SETS_RANGE) if situation == "range_otherwise" else _wrapped(situation, session)
    return Scene(device, _serial(instrument.manners.identity), model)


def _twin(situation: str, kind: str) -> SimulatedBench:
    faults = [fault.format(kind) for fault in _FAULTS.get(situation, ())]
    return SimulatedBench(start_local=START, faults=faults)


def _wrapped(situation: str, session: SimulatedDevice) -> SimulatedDevice:
    if situation == "left_error":
        return _Before(session, told=(b"NONSENSE 1\n",))
    if situation == "damaged":
        return _Before(session, spoils=lambda data, at_ns: (data[: len(data) // 2], at_ns))
    if situation == "late":
        return _Before(session, spoils=lambda data, at_ns: (data, at_ns + LATE_NS))
    return session


def _key(model: str, names: dict[str, str]) -> str:
    """Return under which name a model is simulated."""
    return next((key for key, name in names.items() if name == model), model)


def _serial(identity: str) -> str:
    return identity.split(",")[2]
