"""Sixteen balances streaming at 20 Hz into one process: nothing lost, CPU, and how good the stamps are.

Rows: 7a nothing lost, CPU at most 1.3 times a plain poll loop; 7b with the main process at full Python load and the
reader in a process of its own, the median stamp error at most 1.5 times that of a reader in C, and the share over 1 ms
at most that of C plus one point. Readers are measured one after the other, several times, and medians are taken.
Run: ``python -m benchmarks.streams``.
"""

import json
import os
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from benchmarks.far_end import ANSWER, READER, SOURCE, compiled, terminal
from rig.clock import SystemClock
from rig.plugins.streams import Stream
from rig.transport.serial_links import SerialLinks, SerialSettings
from rig.wire.mt_sics import take_weight

LINES, PERIOD_US, SECONDS, REPEATS = 16, 50_000, 5, 5
COUNT = SECONDS * 1_000_000 // PERIOD_US
WARM_MS = 1_000
LINE = len(ANSWER)

Stamps = list[list[int]]
Reader = Callable[[list[str], float], tuple[float, Stamps]]  # CPU seconds once the ports are open, and the stamps


def rig_reader(ports: list[str], seconds: float) -> tuple[float, Stamps]:
    """Read with the rig: links, a stream for each, every line parsed, the bytes kept as a record would."""
    transcript: list[object] = []
    links = SerialLinks(SystemClock(), lambda *seen: transcript.append(seen))
    opened = [links.open(f"balance {number}", port, SerialSettings()) for number, port in enumerate(ports)]
    streams = [Stream(links, link, take_weight) for link in opened]
    for stream in streams:
        stream.start()
    stamps: Stamps = [[] for _ in ports]
    before_s, end_ns = time.process_time(), time.monotonic_ns() + round(seconds * 1e9)
    while time.monotonic_ns() < end_ns:
        links.wait(min(end_ns, time.monotonic_ns() + 250_000_000), None)
        for number, stream in enumerate(streams):
            for each in stream.readings():
                assert each.error is None
                assert each.timing.u_stamp_ns > 0.0
                stamps[number].append(each.timing.stamp_ns)
    cpu_s = time.process_time() - before_s
    links.close()
    return cpu_s, stamps


def loop_reader(ports: list[str], seconds: float) -> tuple[float, Stamps]:
    """Read with a plain poll loop: no deadline, no parse, no record."""
    poll = select.poll()
    descriptors = [os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK) for port in ports]
    stamps: dict[int, list[int]] = {descriptor: [] for descriptor in descriptors}
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    before_s, end_ns = time.process_time(), time.monotonic_ns() + round(seconds * 1e9)
    while time.monotonic_ns() < end_ns:
        for descriptor, _ in poll.poll(250):
            data = os.read(descriptor, 4096)
            now_ns = time.monotonic_ns()
            stamps[descriptor] += [now_ns] * data.count(b"\n")
    cpu_s = time.process_time() - before_s
    for descriptor in descriptors:
        os.close(descriptor)
    return cpu_s, list(stamps.values())


READERS: dict[str, Reader] = {"rig": rig_reader, "loop": loop_reader}


def child(name: str, ports: list[str]) -> None:
    """Be a reader in a process of its own; print its CPU seconds and stamps."""
    cpu_s, stamps = READERS[name](ports, SECONDS + WARM_MS / 1e3 + 3.0)  # longer than anybody sends
    print(json.dumps({"cpu_s": cpu_s, "stamps": stamps}))


def _measure(sender: str, reader: str, name: str, *, busy: bool) -> tuple[int, float, list[float]]:
    """Return (lines lost, CPU s, stamp errors in us) of one reader; ``busy``: this process computes meanwhile."""
    with ExitStack() as stack:
        ends = [terminal() for _ in range(LINES)]
        for master, slave, _ in ends:
            stack.callback(os.close, master)
            stack.callback(os.close, slave)
        masters = [master for master, _, _ in ends]
        ports = [port for _, _, port in ends]
        if name == "C":
            slaves = [slave for _, slave, _ in ends]
            command = [reader, str(round(SECONDS + WARM_MS / 1e3 + 2)), *map(str, slaves)]
            reading = subprocess.Popen(command, stdout=subprocess.PIPE, pass_fds=slaves)
        else:
            command = [sys.executable, "-m", "benchmarks.streams", name, *ports]
            reading = subprocess.Popen(command, stdout=subprocess.PIPE)
            time.sleep(0.7)  # the start of an interpreter is not what is measured
        sends = [sender, "stream", str(PERIOD_US), str(COUNT), str(WARM_MS), *map(str, masters)]
        sending = subprocess.Popen(sends, stdout=subprocess.PIPE, pass_fds=masters)
        end_s = time.monotonic() + SECONDS + WARM_MS / 1e3
        while busy and time.monotonic() < end_s:
            sum(range(1000))
        sent_raw, _ = sending.communicate(timeout=60)
        read_raw, _ = reading.communicate(timeout=60)
    sent = struct.unpack(f"{COUNT * LINES}q", sent_raw)
    cpu_s, stamps = _read(read_raw, name)
    errors, lost = [], 0
    for number in range(LINES):
        wanted = sent[number::LINES]
        lost += len(wanted) - len(stamps[number])
        if len(wanted) == len(stamps[number]):
            errors += [(at - was) / 1e3 for was, at in zip(wanted, stamps[number], strict=True)]
    return lost, cpu_s, errors


def _read(raw: bytes, name: str) -> tuple[float, Stamps]:
    if name != "C":
        found = json.loads(raw)
        return float(found["cpu_s"]), found["stamps"]
    values = struct.unpack(f"{len(raw) // 8}q", raw)
    stamps: Stamps = [[] for _ in range(LINES)]
    for number, at_ns in zip(values[::2], values[1::2], strict=True):
        stamps[number].append(at_ns)
    return 0.0, stamps


def main() -> None:
    """Print the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        sender = compiled(folder, "far_end", SOURCE)
        reader = compiled(folder, "reader", READER)
        if not sender or not Path(reader).exists():
            print("no C compiler: nothing can be measured")
            return
        found: dict[str, list[tuple[int, float, list[float]]]] = {}
        for _ in range(REPEATS):
            for name, busy in (("loop", False), ("rig", False), ("C", True), ("rig", True)):
                found.setdefault(f"{name}{' busy' if busy else ''}", []).append(
                    _measure(sender, reader, name, busy=busy)
                )
    for name, runs in found.items():
        lost = sum(run[0] for run in runs)
        share = statistics.median(run[1] for run in runs) / SECONDS
        p50 = statistics.median(statistics.median(run[2] or [0.0]) for run in runs)
        late = statistics.median(sum(each > 1000 for each in run[2]) / max(1, len(run[2])) for run in runs)
        print(
            f"  {name:10} lost {lost}, CPU {100 * share:.2f} %, stamp error {p50:.0f} us, over 1 ms {100 * late:.1f} %"
        )
    cpu = statistics.median(one[1] / two[1] for one, two in zip(found["rig"], found["loop"], strict=True))
    print(f"7a lost {sum(run[0] for run in found['rig'])} (goal 0), CPU / plain poll loop: {cpu:.2f} (goal 1.3)")
    stamp = statistics.median(
        statistics.median(one[2]) / statistics.median(two[2])
        for one, two in zip(found["rig busy"], found["C busy"], strict=True)
        if one[2] and two[2]
    )
    print(f"7b stamp error, reader in its own process beside a busy one, / reader in C: {stamp:.2f} (goal 1.5)")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        child(sys.argv[1], sys.argv[2:])
    else:
        main()
