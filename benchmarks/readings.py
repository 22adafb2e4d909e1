"""Cost of one balance reading: through a pseudo-terminal and in process, against bare calls in the same run.

Rows: 1a a complete reading (deadline, two stamps, strict parse, exact decimal, transcript) at most 1.35 times raw
``os.write`` and ``os.read``; 1b its CPU at most 0.12 of pyserial ``write`` and ``read_until``; 2a in process, transport
only, at most 2.5 times a direct call; 2b through the whole driver at most 5 times. Peers that are installed are
measured beside it. Run: ``python -m benchmarks.readings``.
"""

import gc
import importlib.util
import os
import re
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

import serial

from benchmarks.far_end import ANSWER, answering
from rig.clock import SystemClock, VirtualClock
from rig.drivers.mt_sics import SicsBalance
from rig.transport.serial_links import SerialLinks, SerialSettings
from rig.transport.virtual import Port, VirtualLinks

REPEATS = 41
ROUND_TRIPS = 300
CALLS = 3000

STRICT = re.compile(rb"S [SD] {1,9}(-?[0-9]+\.[0-9]+) g\r\n").fullmatch

Case = Callable[[], object]


def _slice(case: Case, count: int) -> tuple[float, float]:
    """Return (wall, CPU) in s of ``count`` calls."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    for _ in range(count):
        case()
    return time.perf_counter() - wall_s, time.process_time() - cpu_s


def _interleaved(cases: dict[str, Case], floor: str, count: int) -> dict[str, tuple[float, float, float]]:
    """Return for each case its wall time over that of the floor slices before and after (median), its CPU in us (best:
    other work on the machine only adds to it), and its wall time in us (median).
    """
    ratios: dict[str, list[float]] = {name: [] for name in cases}
    cpus: dict[str, list[float]] = {name: [] for name in cases}
    walls: dict[str, list[float]] = {name: [] for name in cases}
    gc.disable()  # else the floor pays for what the transcripts of the others have piled up
    for _ in range(REPEATS):
        before, _ = _slice(cases[floor], count)
        for name, case in cases.items():
            wall_s, cpu_s = _slice(case, count)
            after, _ = _slice(cases[floor], count)
            ratios[name].append(2.0 * wall_s / (before + after))
            cpus[name].append(cpu_s / count * 1e6)
            walls[name].append(wall_s / count * 1e6)
            before = after
        gc.collect()
    gc.enable()
    return {name: (statistics.median(ratios[name]), min(cpus[name]), statistics.median(walls[name])) for name in cases}


def _rig(port: str) -> tuple[SerialLinks, SicsBalance, list[object]]:
    transcript: list[object] = []
    links = SerialLinks(SystemClock(), lambda *seen: transcript.append(seen))
    return links, SicsBalance(links, links.open("balance", port, SerialSettings())), transcript


def serial_rows() -> None:
    """Print rows 1a and 1b; each case has a far end of its own."""
    with ExitStack() as stack:
        language = ""

        def port() -> str:
            nonlocal language
            name, language = stack.enter_context(answering())
            return name

        descriptor = os.open(port(), os.O_RDWR | os.O_NOCTTY)
        stack.callback(os.close, descriptor)

        def raw() -> bytes:
            os.write(descriptor, b"SI\r\n")
            answer = os.read(descriptor, 4096)
            while not answer.endswith(b"\n"):  # a pseudo-terminal hands a line over in two pieces now and then
                answer += os.read(descriptor, 4096)
            return answer

        links, balance, _ = _rig(port())
        stack.callback(links.close)
        opened = stack.enter_context(serial.Serial(port(), timeout=1.0))

        def until() -> Decimal:
            opened.write(b"SI\r\n")
            return Decimal(opened.read_until(b"\r\n").split()[2].decode())

        cases: dict[str, Case] = {"raw": raw, "rig": balance.weigh, "pyserial read_until": until, **_peers(port)}
        found = _interleaved(cases, "raw", ROUND_TRIPS)
    print(f"through a pseudo-terminal, far end in {language}, {REPEATS} repetitions of {ROUND_TRIPS}:")
    for name, (ratio, cpu_us, wall_us) in found.items():
        print(f"  {name:24} {ratio:6.2f} x raw  {wall_us:7.1f} us, {cpu_us:7.1f} us of CPU at best")
    print(f"1a complete reading / raw: {found['rig'][0]:.2f} (goal 1.35)")
    print(f"1b its CPU / pyserial read_until: {found['rig'][1] / found['pyserial read_until'][1]:.3f} (goal 0.12)")


class Answering:
    """A device in this process that answers at once."""

    def __init__(self) -> None:
        self._port: Port | None = None

    def attach(self, port: Port) -> None:
        """Learn the wire."""
        self._port = port

    def receive(self, data: bytes, now_ns: int) -> None:
        """Answer."""
        assert self._port is not None
        self._port.send(self.handle(data), now_ns)

    def handle(self, data: bytes) -> bytes:
        """Return the answer: the direct call."""
        return ANSWER if data == b"SI\r\n" else b"ES\r\n"


def memory_rows() -> None:
    """Print rows 2a and 2b."""
    device = Answering()
    transcript: list[object] = []
    links = VirtualLinks(VirtualClock(), lambda *seen: transcript.append(seen))
    link = links.connect("balance", device)
    balance = SicsBalance(links, link)

    def read(line: bytes) -> Decimal:
        match = STRICT(line)
        assert match is not None
        return Decimal(match[1].decode())

    def direct() -> object:
        return read(device.handle(b"SI\r\n"))

    bare = VirtualLinks(VirtualClock())
    wire = bare.connect("bare", Answering())

    def transport() -> object:
        wire.write(b"SI\r\n")
        bare.wait(1_000_000_000 + bare.clock.link_ns(), wire)
        line = bytes(wire.inbox)
        wire.inbox.clear()
        return read(line)

    def whole() -> object:
        if len(transcript) > 100_000:
            transcript.clear()
        return balance.weigh()

    found = _interleaved({"direct": direct, "transport": transport, "driver": whole}, "direct", CALLS)
    for name, (ratio, _, wall_us) in found.items():
        print(f"  {name:24} {ratio:6.2f} x direct  {wall_us:6.2f} us")
    print(f"2a in process, transport only / direct call: {found['transport'][0]:.2f} (goal 2.5)")
    print(f"2b in process, whole driver / direct call: {found['driver'][0]:.2f} (goal 5)")


def _peers(port: Callable[[], str]) -> dict[str, Case]:
    """Return the same reading by other libraries, where they are installed."""
    peers: dict[str, Case] = {}
    if importlib.util.find_spec("pymeasure"):
        adapters: Any = importlib.import_module("pymeasure.adapters")
        adapter = adapters.SerialAdapter(port(), timeout=1.0, read_termination="\r\n", write_termination="\r\n")

        def pymeasure() -> Decimal:
            adapter.write("SI")
            return Decimal(adapter.read().split()[2])

        peers["PyMeasure"] = pymeasure
    if importlib.util.find_spec("pyvisa_py"):
        pyvisa: Any = importlib.import_module("pyvisa")
        resource = pyvisa.ResourceManager("@py").open_resource(f"ASRL{port()}::INSTR")
        resource.read_termination = resource.write_termination = "\r\n"
        resource.timeout = 1000
        peers["PyVISA-py"] = lambda: Decimal(resource.query("SI").split()[2])
    return peers


def main() -> None:
    """Print every row."""
    serial_rows()
    memory_rows()


if __name__ == "__main__":
    main()
