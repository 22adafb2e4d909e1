"""The twin's devices on pseudo-terminals, in real time, for anyone's client.

The server keeps only the master end of each pseudo-terminal: clients that ask `fuser` before they open a port must not
find it in use. The kernel keeps the slave and its raw mode (nothing is echoed back as a command) for as long as the
master is open. While no client has the slave open, the master reads EIO and is asked again every `ABSENT_S`; what a
device says meanwhile is lost, as on a port that nobody has opened.

With a folder for names, each device has a stable name there, a symbolic link to its pseudo-terminal that stands for
/dev/serial/by-id: a simulator that was killed and started again, or a device that was unplugged and plugged in again,
is found under the same name.

Plant time runs ``speed`` times as fast as link time, from a common epoch; link time (time-outs, wake-up, the spacing of
a stream) is the machine's monotonic clock and is never scaled.
"""

from __future__ import annotations

import contextlib
import heapq
import json
import math
import os
import pty
import select
import time
import tty
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from rig.clock import SystemClock, to_s
from rig.errors import TransportError, UsageError
from rig.sim.bench import SimulatedBench
from rig.sim.faults import refuse_syringe_faults
from rig.sim.valves import FolderPins, read_wires
from rig.transport.virtual import SimulatedDevice

DEVICES = ("pump", "balance", "syringe")
RESERVED_SERIALS = range(900_000, 901_000)
MAX_SPEED = 10_000.0
PINS_NS = 20_000_000  # between two looks at the files of the lines
IDLE_S = 0.1  # how long a stop request may go unnoticed
ABSENT_S = 0.01  # how long a client may go unnoticed; the hastiest known one gives its stick 50 ms
READ_SIZE = 4096
BITS_PER_BYTE = 10  # 8N1
BAUD = {"cc111x": 19_200, "carelink": 9_600, "balance": 9_600, "syringe": 19_200}  # nominal, where a wire is USB


class PtyServer:
    """Any simulated devices, each on a pseudo-terminal of its own; one select loop, no threads."""

    def __init__(
        self, speed: float = 1.0, epoch_ns: int | None = None, pace: bool = False, names: Path | None = None
    ) -> None:
        if not 0.0 < speed <= MAX_SPEED or not math.isfinite(speed):
            raise UsageError(f"a speed of {speed:g} is impossible", expected=f"more than 0, at most {MAX_SPEED:g}")
        self.epoch_ns = time.monotonic_ns() if epoch_ns is None else epoch_ns
        self.clock = SystemClock(speed, self.epoch_ns)
        if self.epoch_ns > time.monotonic_ns():
            raise UsageError(
                f"the epoch {self.epoch_ns} ns is still to come",
                expected="the epoch_ns that a simulator printed since this machine was started",
            )
        self._pace = pace
        self._names = names
        self._queue: list[tuple[int, int, Callable[[int], None]]] = []
        self._sequence = 0
        self._ports: dict[int, _PtyPort] = {}  # by the descriptor of the master, those that are plugged in
        self._devices: dict[str, _PtyPort] = {}

    def add(self, name: str, device: SimulatedDevice, baud: int = 9_600) -> str:
        """Put a device on a new pseudo-terminal; return the path clients open. ``baud`` matters to a paced server."""
        ns_per_byte = BITS_PER_BYTE * 1_000_000_000 // baud if self._pace else 0
        self._devices[name] = port = _PtyPort(self, name, device, ns_per_byte)
        path = self._plug_in(port)
        device.attach(port)
        return path

    def unplug(self, name: str) -> None:
        """Pull a device's plug: its pseudo-terminal hangs up and its name is gone."""
        port = self._devices[name]
        if port.plugged:
            self._ports.pop(port.master)
            port.hang_up()
            self._forget_name(port)

    def replug(self, name: str) -> None:
        """Put the plug back in, on a new pseudo-terminal under the same name."""
        if not self._devices[name].plugged:
            self._plug_in(self._devices[name])

    def _plug_in(self, port: _PtyPort) -> str:
        path = port.open()
        self._ports[port.master] = port
        if self._names is None:
            return path
        stable = self._names / port.name
        try:
            self._names.mkdir(parents=True, exist_ok=True)
            fresh = self._names / f".{port.name}.{os.getpid()}"
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(path)
            fresh.replace(stable)
        except OSError as error:
            raise UsageError(
                f"the port cannot be given a name there ({error})", where=str(stable), expected="a folder to write to"
            ) from error
        return str(stable)

    def _forget_name(self, port: _PtyPort) -> None:
        """Remove a name that still leads to this pseudo-terminal; another simulator may have it by now."""
        if self._names is None:
            return
        stable = self._names / port.name
        with contextlib.suppress(OSError):
            if str(stable.readlink()) == port.path:
                stable.unlink()

    def schedule(self, at_ns: int, action: Callable[[int], None]) -> None:
        """Call ``action`` at a link time, or at once when it is over."""
        self._sequence += 1
        heapq.heappush(self._queue, (at_ns, self._sequence, action))

    def run(self, stop: Callable[[], bool]) -> None:
        """Serve until ``stop()`` says so."""
        while not stop():
            self.step(IDLE_S)

    def step(self, most_s: float) -> None:
        """Wait for bytes or the next event, at most ``most_s``, and handle what is there."""
        now_ns = time.monotonic_ns()
        wait_s = most_s
        if self._queue:
            wait_s = min(most_s, max(0.0, (self._queue[0][0] - now_ns) * 1e-9))
        absent = [port for port in self._ports.values() if not port.is_open]
        there = [master for master, port in self._ports.items() if port.is_open]
        ready, _, _ = select.select(there, [], [], min(wait_s, ABSENT_S) if absent else wait_s)
        for port in [*absent, *(self._ports[master] for master in ready)]:
            port.read(time.monotonic_ns())
        now_ns = time.monotonic_ns()
        while self._queue and self._queue[0][0] <= now_ns:
            at_ns, _, action = heapq.heappop(self._queue)
            action(at_ns)

    def close(self) -> None:
        """Close every pseudo-terminal; clients see their device unplugged."""
        for name in self._devices:
            self.unplug(name)


class _PtyPort:
    """One wire between a pseudo-terminal and a device."""

    def __init__(self, server: PtyServer, name: str, device: SimulatedDevice, ns_per_byte: int) -> None:
        self.name = name
        self.plugged = False
        self.is_open = False  # by a client, as far as the last reading told
        self.master = -1
        self.path = ""
        self._server = server
        self._device = device
        self._plugging = 0  # what was on the wire when the plug was pulled never arrives
        self._ns_per_byte = ns_per_byte
        self._free_ns = 0  # when the wire has sent what was put on it before

    def open(self) -> str:
        """Take a new pseudo-terminal; return the path of its slave."""
        try:
            self.master, slave = pty.openpty()
        except OSError as error:
            raise TransportError(f"no pseudo-terminal can be had ({error})", where=self.name) from error
        tty.setraw(slave)
        os.set_blocking(self.master, False)
        self.path = os.ttyname(slave)
        os.close(slave)
        self.plugged, self.is_open = True, False
        return self.path

    def hang_up(self) -> None:
        """Close the master: whoever has the slave open sees a device that went away."""
        self.plugged = self.is_open = False
        self._plugging += 1
        os.close(self.master)

    def send(self, data: bytes, at_ns: int) -> None:
        """Put bytes on the wire at a link time; paced, they arrive one after the other at the baud rate."""
        if not self._ns_per_byte:
            self._server.schedule(at_ns, partial(self._write, data, self._plugging))
            return
        begin_ns = max(at_ns, self._free_ns)
        self._free_ns = begin_ns + len(data) * self._ns_per_byte
        for number in range(len(data)):
            piece = data[number : number + 1]
            self._server.schedule(
                begin_ns + (number + 1) * self._ns_per_byte, partial(self._write, piece, self._plugging)
            )

    def call_at(self, at_ns: int, action: Callable[[int], None]) -> None:
        """Call the device back at a link time."""
        self._server.schedule(at_ns, action)

    def rig_ns(self, link_ns: int) -> int:
        """Return the plant's time at a link time."""
        return self._server.clock.rig_ns(link_ns)

    def read(self, now_ns: int) -> None:
        """Hand the device what a client wrote, and notice whether there is a client."""
        try:
            data = os.read(self.master, READ_SIZE)
        except (BlockingIOError, InterruptedError):
            self.is_open = True
            return
        except OSError:  # EIO: the last client closed the slave, or none has opened it yet
            data = b""
        self.is_open = bool(data)
        if data:
            self._device.receive(data, now_ns)

    def _write(self, data: bytes, plugging: int, _now_ns: int) -> None:
        if plugging != self._plugging or not self.is_open:
            return
        try:
            os.write(self.master, data)
        except BlockingIOError:
            return  # nobody reads and the terminal's buffer is full: a wire loses such bytes too


@dataclass(frozen=True, slots=True)
class Wiring:
    """How devices are served: rig seconds in a link second, the link time at which both agree, names, the stick."""

    speed: float = 1.0
    epoch_ns: int | None = None  # None: now
    names: Path | None = None  # a folder for stable names
    link: str = "cc111x"  # or "carelink"
    gpio: Path | None = None  # the folder in which a guardian keeps its lines
    valves: Sequence[str] = ()  # DEED=PIN[:LEVEL], see `rig.sim.valves`


def serve(
    devices: Sequence[str] = ("pump", "balance"),
    *,
    model: str | None = None,
    serial: str = "900123",
    seed: int = 1,
    faults: Sequence[str] = (),
    sealed_ledger: Path | None = None,
    wiring: Wiring = Wiring(),
    announce: Callable[[str], None],
    stop: Callable[[], bool],
) -> None:
    """Serve the pump's stick, the balance and/or a syringe pump of one twin until ``stop()`` or KeyboardInterrupt.

    ``announce`` gets one JSON line per device: device, model, link of the pump, port, speed and epoch_ns, the monotonic
    link time at which rig time equals link time. With a folder for names, the names are announced. With the epoch of a
    simulator that ran before, plant and pump begin there and live through the time since. The sealed ledger is written
    at the end. Raises `UsageError` for unknown devices, models, faults, or a serial number outside the range reserved
    for simulators.

    ``model`` is that of the syringe pump where one is served (default ne-1000), else that of the pump (default 723).
    """
    if not devices or not set(devices) <= set(DEVICES):
        raise UsageError(f"cannot serve {', '.join(devices) or 'nothing'}", expected=" or ".join(DEVICES))
    if not serial.isascii() or not serial.isdigit() or len(serial) != 6 or int(serial) not in RESERVED_SERIALS:
        raise UsageError(
            f"'{serial}' may be a real pump's serial number",
            expected=f"{RESERVED_SERIALS.start} to {RESERVED_SERIALS.stop - 1}, reserved for simulated pumps",
        )
    if "syringe" not in devices:
        refuse_syringe_faults(faults)
    wires = read_wires(wiring.valves)
    if bool(wires) != (wiring.gpio is not None):
        raise UsageError("valves without the folder of their lines, or a folder without valves", expected="both")
    server = PtyServer(wiring.speed, wiring.epoch_ns, names=wiring.names)
    since_epoch = timedelta(seconds=to_s(server.clock.link_ns() - server.epoch_ns))
    bench = SimulatedBench(
        model=model if model and "syringe" not in devices else "723",
        link=wiring.link,
        serial=serial,
        seed=seed,
        start_local=datetime.now() - since_epoch,  # noqa: DTZ005 - a pump knows no time zone
        faults=faults,
        sealed_ledger=sealed_ledger,
        rig_start_ns=server.epoch_ns,
    )
    played: dict[str, tuple[SimulatedDevice, int, dict[str, str]]] = {
        "pump": (bench.pump_stick, BAUD[wiring.link], {"model": bench.model.name, "link": wiring.link}),
        "balance": (bench.balance, BAUD["balance"], {"model": bench.parameters.balance_model}),
    }
    if "syringe" in devices:
        mounted = model or "ne-1000"
        played["syringe"] = (bench.mount_syringe(mounted), BAUD["syringe"], {"model": mounted})
    try:
        for name in devices:
            device, baud, facts = played[name]
            port = server.add(name, device, baud)
            line = {"device": name, **facts, "port": port, "speed": wiring.speed, "epoch_ns": server.epoch_ns}
            announce(json.dumps(line))
        bench.seed_unplugging(server, server.clock.link_at, devices)
        if wiring.gpio is not None:
            _watch_pins(server, FolderPins(wiring.gpio, wires, bench.pins(wires, server.clock.now_ns)))
        server.run(stop)
    except KeyboardInterrupt:
        return
    finally:
        server.close()
        bench.advance(max(server.epoch_ns, server.clock.now_ns()))
        bench.close()


def _watch_pins(server: PtyServer, pins: FolderPins) -> None:
    """Let the valves follow the lines that a guardian keeps in a folder."""

    def look(_at_ns: int) -> None:
        pins.look()
        server.schedule(time.monotonic_ns() + PINS_NS, look)

    server.schedule(time.monotonic_ns(), look)
