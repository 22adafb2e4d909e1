"""Checks of whole drivers: the twin's device behind a line that a fuzzed input mangles.

Each chunk that passes, either way, uses up a few bytes of the input, which say what becomes of it.
"""

from __future__ import annotations

from collections.abc import Callable

from rig.clock import to_s
from rig.drivers.harvard import HarvardPump
from rig.drivers.minimed.ways import minimed_pump
from rig.drivers.mt_sics import SicsBalance
from rig.drivers.new_era import NewEraPump
from rig.errors import BenchError
from rig.instruments import Acceptance
from rig.sim.syringe.device import SerialPump
from rig.transport.virtual import Port, SimulatedDevice
from tests.fuzz.independent import PUMP, check_words, from_line_code
from tests.sim.kit import HOUR_NS, Rig
from tests.sim.syringe_kit import SyringeRig

AN_HOUR_S = 3600.0  # of virtual time: no single request of a driver may take longer
BOLUS_U = 1.0


class Input:
    """Gives out the bytes of a fuzzed input; zeros, which mangle nothing, once they are used up."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0
        self.spoilt = False  # some bytes that passed became others

    def byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def mangled(self, chunk: bytes) -> bytes:
        """Return what arrives of a chunk."""
        deed = self.byte() & 7
        self.spoilt = self.spoilt or deed in (2, 5, 6, 7)
        if deed == 0:
            return chunk
        at, value = self.byte() % (len(chunk) + 1), self.byte()
        head, tail = chunk[:at], chunk[at:]
        return {
            1: b"",
            2: head + bytes((value ^ tail[0],)) + tail[1:] if tail else chunk,
            3: chunk + chunk,
            4: head,
            5: tail,
            6: head + bytes((value,)) + tail,
            7: bytes((value,)) * (value & 63),
        }[deed]


class BadLine:
    """A device behind a line that mangles; a `SimulatedDevice` in front of another."""

    def __init__(self, device: SimulatedDevice, given: Input) -> None:
        self._device, self._given = device, given
        self._port: Port | None = None
        self.heard: list[bytes] = []

    def attach(self, port: Port) -> None:
        self._port = port
        self._device.attach(self)

    def receive(self, data: bytes, now_ns: int) -> None:
        self.heard.append(data)
        arrived = self._given.mangled(data)
        if arrived:
            self._device.receive(arrived, now_ns)

    @property
    def _wire(self) -> Port:
        assert self._port is not None
        return self._port

    def send(self, data: bytes, at_ns: int) -> None:
        arrived = self._given.mangled(data)
        if arrived:
            self._wire.send(arrived, at_ns)

    def call_at(self, at_ns: int, action: Callable[[int], None]) -> None:
        self._wire.call_at(at_ns, action)

    def rig_ns(self, link_ns: int) -> int:
        return self._wire.rig_ns(link_ns)


def _asked(rig: Rig, request: Callable[[], object]) -> object:
    """Return an answer, or the documented error; neither may take an hour."""
    began_ns = rig.now_ns
    try:
        return request()
    except BenchError as error:
        check_words(error)
        return error
    finally:
        assert to_s(rig.now_ns - began_ns) < AN_HOUR_S


def _minimed(data: bytes, link: str) -> None:
    """A MiniMed pump: whatever the line does, a bolus leaves the driver once, and is delivered once or not at all."""
    given = Input(data)
    rig = Rig(link=link)
    line = BadLine(rig.bench.pump_stick, given)
    way = rig.links.connect("mangled", line)
    pump = minimed_pump(rig.links, way, PUMP, frozenset({PUMP}), kind=link)
    _asked(rig, pump.open)
    for request in (pump.battery, pump.reservoir_u, pump.status, pump.profile, pump.history):
        _asked(rig, request)
    before_u = rig.ledger.displaced_u(0, rig.now_ns + HOUR_NS)
    assert before_u == 0.0
    outcome = _asked(rig, lambda: pump.bolus(BOLUS_U))
    assert sum(_starts_bolus(data) for data in line.heard) <= 1
    delivered_u = rig.ledger.displaced_u(0, rig.now_ns + HOUR_NS)
    # Eight bits of CRC do not see every spoilt packet: then it may be another amount.
    if not given.spoilt:
        whole = abs(delivered_u - BOLUS_U) < 0.026
        assert whole or delivered_u == 0.0, delivered_u
        assert whole or outcome is not Acceptance.ACKNOWLEDGED
        assert not whole or not isinstance(outcome, BenchError), outcome


def _starts_bolus(written: bytes) -> bool:
    """Return whether the driver wrote the parameters of a bolus, to either stick."""
    if written[:1] == b"\x01":
        return len(written) > 14 and written[13] == 0x42
    packet = from_line_code(written[10:-1]) if written[:1] == b"\x05" else None
    return packet is not None and len(packet) == 71 and packet[4] == 0x42


def cc111x(data: bytes) -> None:
    """Through the radio stick."""
    _minimed(data, "cc111x")


def carelink(data: bytes) -> None:
    """Through the CareLink stick."""
    _minimed(data, "carelink")


def balance(data: bytes) -> None:
    """A balance: a reading has the stamp of its bytes and is within the pan's capacity, or it is refused."""
    rig = Rig()
    way = rig.links.connect("mangled", BadLine(rig.bench.balance, Input(data)))
    driver = SicsBalance(rig.links, way, stable_timeout_s=2.0)
    _asked(rig, driver.open)
    for request in (driver.weigh, driver.weigh, driver.weigh_stable, driver.identify):
        _asked(rig, request)


def new_era(data: bytes) -> None:
    """A New Era pump: it runs only when it was told to, and stops when it says that it stopped."""
    _flow(data, "ne-1000", lambda links, link, safe_s: NewEraPump(links, link, safe_timeout_s=safe_s))


def harvard(data: bytes) -> None:
    """A Harvard pump, likewise."""
    _flow(data, "harvard-11", lambda links, link, _safe_s: HarvardPump(links, link))


def _flow(data: bytes, model: str, driver: Callable[..., NewEraPump | HarvardPump]) -> None:
    given = Input(data)
    safe_s = (0, 250)[given.byte() & 1]

    def wire(pump: SerialPump) -> SimulatedDevice:
        return BadLine(pump, given)

    rig = SyringeRig(model, wire=wire)
    pump = driver(rig.links, rig.line, safe_s)
    _asked(rig, pump.open)
    for request in (lambda: pump.set_diameter(14.43), lambda: pump.set_rate(500.0), pump.status, pump.dispensed):
        _asked(rig, request)
    if safe_s:  # without a checksum a spoilt character may be another command
        assert rig.book.displaced_ul(0, rig.now_ns) == 0.0
    started = _asked(rig, pump.infuse)
    assert not safe_s or started is not Acceptance.ACKNOWLEDGED or rig.pump.drive.running
    stopped = _asked(rig, pump.stop)
    assert not safe_s or stopped is not Acceptance.ACKNOWLEDGED or not rig.pump.drive.running
