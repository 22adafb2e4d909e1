"""The twin's devices on pseudo-terminals or TCP sockets, in real time, for anyone's client.

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
import select
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from rig.clock import SystemClock, to_s
from rig.errors import UsageError
from rig.sim.air.folder import SensorFolder
from rig.sim.air.wire import FolderWire
from rig.sim.balances.menu import LineSettings
from rig.sim.bench import SimulatedBench
from rig.sim.faults import refuse_syringe_faults
from rig.sim.instrument_faults import refuse_instrument_faults
from rig.sim.instruments.session import Instrument
from rig.sim.tcp import TcpListener
from rig.sim.valves import FolderPins, read_wires
from rig.sim.wires import PtyWire, TcpWire, Wire
from rig.transport.virtual import SimulatedDevice

DEVICES = ("pump", "balance", "syringe", "air", "supply", "meter")
RESERVED_SERIALS = range(900_000, 901_000)
MAX_SPEED = 10_000.0
PINS_NS = 20_000_000  # between two looks at the files of the lines
IDLE_S = 0.1  # how long a stop request may go unnoticed
BITS_PER_BYTE = 10  # 8N1
BAUD = {"cc111x": 19_200, "carelink": 9_600, "syringe": 19_200}  # nominal, where a wire is USB


class Plug(Protocol):
    """What can be pulled out and put back: a wire, or a port for several clients."""

    name: str
    path: str
    plugged: bool

    def open(self) -> str:
        """Take a new way out of the process; return what clients open."""

    def hang_up(self) -> None:
        """Whoever is connected sees a device that went away."""


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
        self._readers: dict[int, Callable[[int], None]] = {}  # by descriptor
        self._devices: dict[str, Plug] = {}

    def add(self, name: str, device: SimulatedDevice, baud: int = 9_600, bits: int = BITS_PER_BYTE) -> str:
        """Put a device on a new wire; return what clients open. ``baud`` and ``bits`` matter to a paced server."""
        wire: Wire
        if isinstance(device, SensorFolder):
            wire = FolderWire(self, name, device)
        else:
            wire = self._new_wire(name, device, bits * 1_000_000_000 // baud if self._pace else 0)
        self._devices[name] = wire
        path = self._plug_in(wire)
        device.attach(wire)
        return path

    def share(self, name: str, session: Callable[[], SimulatedDevice]) -> str:
        """Put an instrument on a new wire; over TCP each client has a session of its own. Return what clients open."""
        return self.add(name, session())

    def _new_wire(self, name: str, device: SimulatedDevice, ns_per_byte: int) -> Wire:
        return PtyWire(self, name, device, ns_per_byte)

    def watch(self, descriptor: int, read: Callable[[int], None]) -> None:
        """Call ``read`` with the link time whenever a descriptor has something to read."""
        self._readers[descriptor] = read

    def forget(self, descriptor: int) -> None:
        """Watch a descriptor no longer."""
        self._readers.pop(descriptor, None)

    def rig_ns(self, link_ns: int) -> int:
        """Return the plant's time at a link time."""
        return self.clock.rig_ns(link_ns)

    def unplug(self, name: str) -> None:
        """Pull a device's plug: its pseudo-terminal hangs up and its name is gone."""
        port = self._devices[name]
        if port.plugged:
            port.hang_up()
            self._forget_name(port)

    def replug(self, name: str) -> None:
        """Put the plug back in, on a new pseudo-terminal under the same name."""
        if not self._devices[name].plugged:
            self._plug_in(self._devices[name])

    def _plug_in(self, port: Plug) -> str:
        path = port.open()
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

    def _forget_name(self, port: Plug) -> None:
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
        ready, _, _ = select.select(list(self._readers), [], [], wait_s)
        for descriptor in ready:
            if (read := self._readers.get(descriptor)) is not None:
                read(time.monotonic_ns())
        now_ns = time.monotonic_ns()
        while self._queue and self._queue[0][0] <= now_ns:
            at_ns, _, action = heapq.heappop(self._queue)
            action(at_ns)

    def close(self) -> None:
        """Close every pseudo-terminal; clients see their device unplugged."""
        for name in self._devices:
            self.unplug(name)


class TcpServer(PtyServer):
    """The same on raw TCP sockets, one port per device from the given one on; port 0 takes any free ones."""

    def __init__(
        self, host: str, port: int, speed: float = 1.0, epoch_ns: int | None = None, pace: bool = False
    ) -> None:
        super().__init__(speed, epoch_ns, pace)
        self._host = host
        self._next = port

    def share(self, name: str, session: Callable[[], SimulatedDevice]) -> str:
        """Listen for any number of clients of an instrument."""
        self._devices[name] = listener = TcpListener(self, name, self._address(), session)
        return self._plug_in(listener)

    def _new_wire(self, name: str, device: SimulatedDevice, ns_per_byte: int) -> Wire:
        return TcpWire(self, name, device, ns_per_byte, self._address())

    def _address(self) -> tuple[str, int]:
        number = self._next
        self._next += bool(number)
        return self._host, number


@dataclass(frozen=True, slots=True)
class Wiring:
    """How devices are served: rig seconds in a link second, the link time at which both agree, names, the stick."""

    speed: float = 1.0
    epoch_ns: int | None = None  # None: now
    names: Path | None = None  # a folder for stable names
    link: str = "cc111x"  # or "carelink"
    gpio: Path | None = None  # the folder in which a guardian keeps its lines
    valves: Sequence[str] = ()  # DEED=PIN[:LEVEL], see `rig.sim.valves`
    tcp: tuple[str, int] | None = None  # host and first port; None: pseudo-terminals
    pace: bool = False  # bytes take their time on the wire
    balance: str = "mt-sics"  # its protocol
    balance_model: str = ""  # the first of that protocol
    supply: str = "e36312a"  # models of what is in the loop of the pump's battery, where it is served
    meter: str = "34461a"
    air: str = "ptu300"  # driver of the sensor of the air


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
    """Serve devices of one twin until ``stop()`` or KeyboardInterrupt: stick, balance, syringe pump, supply, meter.

    ``announce`` gets one JSON line per device: device, model, link of the pump, port, speed and epoch_ns, the monotonic
    link time at which rig time equals link time; of a supply and a meter, the VISA resource, too. With a folder for
    names, the names are announced. With the epoch of a simulator that ran before, plant and pump begin there and live
    through the time since. The sealed ledger is written at the end. Raises `UsageError` for unknown devices, models,
    faults, or a serial number outside the range reserved for simulators.

    ``model`` is that of the syringe pump where one is served (default ne-1000), else that of the pump (default 723). A
    supply that is served alone is off, as after power-up; on a bench with others it has been set and switched on, so
    that the pump could be primed.
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
    refuse_instrument_faults(faults, devices)
    wires = read_wires(wiring.valves)
    if bool(wires) != (wiring.gpio is not None):
        raise UsageError("valves without the folder of their lines, or a folder without valves", expected="both")
    server = _server(wiring)
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
        balance=wiring.balance,
        balance_name=wiring.balance_model,
    )
    scale = bench.balance_model
    played: dict[str, tuple[SimulatedDevice, LineSettings, dict[str, str]]] = {
        "pump": (bench.pump_stick, LineSettings(BAUD[wiring.link]), {"model": bench.model.name, "link": wiring.link}),
        "balance": (
            bench.balance,
            scale.line,
            {"model": bench.balance.model, "protocol": scale.protocol, "line": str(scale.line)},
        ),
    }
    if "syringe" in devices:
        mounted = model or "ne-1000"
        played["syringe"] = (bench.mount_syringe(mounted), LineSettings(BAUD["syringe"]), {"model": mounted})
    played |= _played_air(bench, devices, wiring)
    shared = _mount(bench, devices, wiring)
    try:
        for name in devices:
            if name in shared:
                port = server.share(name, shared[name].session)
                facts = {"model": shared[name].name, "visa": _resource(port)}
            else:
                device, settings, facts = played[name]
                port = server.add(name, device, settings.baud, settings.bits)
            told = {"device": name, **facts, "port": port, "speed": wiring.speed, "epoch_ns": server.epoch_ns}
            announce(json.dumps(told))
        _seed_unplugging(bench, server, devices)
        if wiring.gpio is not None:
            _watch_pins(server, FolderPins(wiring.gpio, wires, bench.pins(wires, server.clock.now_ns)))
        server.run(stop)
    except KeyboardInterrupt:
        return
    finally:
        server.close()
        bench.advance(max(server.epoch_ns, server.clock.now_ns()))
        bench.close()


def _mount(bench: SimulatedBench, devices: Sequence[str], wiring: Wiring) -> dict[str, Instrument]:
    """Put supply and meter into the loop of the pump's battery, where they are wanted."""
    mounted: dict[str, Instrument] = {}
    if "supply" in devices:
        mounted["supply"] = bench.mount_supply(wiring.supply, prepared=len(devices) > 1)
    if "meter" in devices:
        mounted["meter"] = bench.mount_meter(wiring.meter)
    return mounted


def _resource(port: str) -> str:
    """Return what VISA calls a port."""
    host, _, number = port.removeprefix("tcp://").rpartition(":")
    return f"TCPIP::{host}::{number}::SOCKET" if port.startswith("tcp://") else f"ASRL{port}::INSTR"


def _played_air(
    bench: SimulatedBench, devices: Sequence[str], wiring: Wiring
) -> dict[str, tuple[SimulatedDevice, LineSettings, dict[str, str]]]:
    """Return the sensor of the air, where one is served."""
    if "air" not in devices:
        return {}
    line = LineSettings(4_800, 7, "E") if wiring.air == "ptu300" else LineSettings(9_600)
    return {"air": (bench.air_sensor(wiring.air), line, {"model": wiring.air, "line": str(line)})}


def _seed_unplugging(bench: SimulatedBench, server: PtyServer, devices: Sequence[str]) -> None:
    """Pull the plugs of what is served where faults say so."""
    bench.seed_unplugging(server, server.clock.link_at, devices)
    bench.seed_air_unplugging(server, server.clock.link_at, [name for name in devices if name == "air"])


def _watch_pins(server: PtyServer, pins: FolderPins) -> None:
    """Let the valves follow the lines that a guardian keeps in a folder."""

    def look(_at_ns: int) -> None:
        pins.look()
        server.schedule(time.monotonic_ns() + PINS_NS, look)

    server.schedule(time.monotonic_ns(), look)


def _server(wiring: Wiring) -> PtyServer:
    if wiring.tcp is None:
        return PtyServer(wiring.speed, wiring.epoch_ns, wiring.pace, wiring.names)
    if wiring.names is not None:
        raise UsageError("a TCP port has no name in a folder", expected="--ports with --pty, or --tcp alone")
    return TcpServer(*wiring.tcp, wiring.speed, wiring.epoch_ns, wiring.pace)
