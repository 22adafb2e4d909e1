"""Real pseudo-terminals that hang up and come back: the kernel between sampler and twin, and nothing faked."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest

from rig.bench import WeighingBench
from rig.clock import SystemClock, to_ns
from rig.config import BenchConfig, load_bench
from rig.drivers.minimed import minimed_pump
from rig.drivers.mt_sics import SicsBalance
from rig.errors import DeviceChanged
from rig.instruments import Acceptance
from rig.plugins.air_bench import OpenSensor
from rig.plugins.registry import find_driver, open_environment
from rig.plugins.spec import Address
from rig.record.reader import read_run
from rig.record.writer import RecordWriter
from rig.runner.air import AirWatch
from rig.runner.sampler import Sampler
from rig.runner.stop import StopRequest
from rig.sim.balances.sics import SicsBalance as SimulatedSics
from rig.sim.bench import SimulatedBench
from rig.sim.serve import PtyServer
from rig.transport.serial_links import SerialLinks, SerialSettings
from tests.sim.kit import EXACT, START

SPEED = 20.0
PUMP = "900123"


class Bench:
    """A twin on pseudo-terminals, served by a thread that also pulls plugs; and this side's links to it."""

    def __init__(self, folder: Path, speed: float) -> None:
        self.server = PtyServer(speed, names=folder / "ports")
        self.twin = SimulatedBench(start_local=START, parameters=EXACT, rig_start_ns=self.server.epoch_ns)
        self.server.add("pump", self.twin.pump_stick)
        self.server.add("balance", self.twin.balance)
        self.clock = SystemClock(speed, self.server.epoch_ns)
        self.links = SerialLinks(self.clock)
        self.folder = folder
        self._stop = threading.Event()
        self._asked: list[Callable[[], None]] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while not self._stop.is_set():
            self.server.step(0.005)
            while self._asked:
                self._asked.pop(0)()

    def do(self, action: Callable[[], None], after_s: float = 0.0) -> None:
        """Let the server's thread do something after a while of link time."""
        at_ns = self.clock.link_ns() + to_ns(after_s)
        self._asked.append(lambda: self.server.schedule(at_ns, lambda _ns: action()))

    def port(self, name: str) -> str:
        return str(self.folder / "ports" / name)

    def close(self) -> None:
        self.links.close()
        self._stop.set()
        self._thread.join(5.0)
        self.server.close()


@pytest.fixture
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    opened = Bench(tmp_path, getattr(request, "param", SPEED))
    yield opened
    opened.close()


def _sampler(bench: Bench) -> tuple[Sampler, RecordWriter]:
    (bench.folder / "evidence").mkdir()
    writer = RecordWriter(bench.folder / "evidence" / "record-001.log.gz", {"run_id": "r"})
    bench.links.tap = writer.tap
    bench.links.tell = lambda name, data: writer.event(bench.clock.now_ns(), name, data)
    link = bench.links.open("balance", bench.port("balance"), SerialSettings())
    balance = SicsBalance(bench.links, link)
    balance.open()
    sampler = Sampler(bench.links, balance, writer, StopRequest(), 120.0, link)
    assert sampler.weigh() is not None
    return sampler, writer


def test_sampling_goes_on_after_a_cable_was_pulled_and_put_back(bench: Bench) -> None:
    sampler, writer = _sampler(bench)
    bench.do(lambda: bench.server.unplug("balance"), 0.3)
    bench.do(lambda: bench.server.replug("balance"), 0.6)
    sampler.sample_until(bench.clock.now_ns() + to_ns(50.0), 1.0)
    writer.close({"reason": "completed"})
    record = read_run(bench.folder)
    names = [event.name for event in record.events]
    assert names.count("link_lost") == names.count("link_reopened") == 1
    back_ns = next(event.at_ns for event in record.events if event.name == "link_reopened")
    assert sampler.latest is not None
    assert sampler.latest.answered_ns > back_ns + to_ns(5.0)


@dataclass
class AirBench:
    """What reads a sensor asks of a bench."""

    config: BenchConfig
    clock: SystemClock
    links: SerialLinks
    sensors: tuple[OpenSensor, ...]


@pytest.mark.parametrize("kind", ["ptu300", "sht4x"])
def test_a_sensor_of_the_air_that_comes_back_under_another_number_is_found_and_its_gap_is_marked(
    bench: Bench, kind: str
) -> None:
    """A pseudo-terminal and a folder of files, both really gone for a while; at 7E1, which the first does not know."""
    device = bench.twin.air_sensor(kind)

    def plug() -> None:
        bench.server.add("air", device)

    bench.do(plug)
    while not (bench.folder / "ports" / "air").exists():
        bench.links.pause(0.01)
    before = (bench.folder / "ports" / "air").resolve()
    shipped = load_bench("simulated-air")
    config = replace(shipped.environment.sensors[0], protocol=kind, port=bench.port("air"))
    config = replace(config, measures=("temperature", "humidity"))
    environment = replace(shipped.environment, sensors=(config,))
    found = find_driver("environment", kind)
    (bench.folder / "evidence").mkdir()
    writer = RecordWriter(bench.folder / "evidence" / "record-001.log.gz", {"run_id": "r"})
    bench.links.tap = writer.tap
    bench.links.tell = lambda name, data: writer.event(bench.clock.now_ns(), name, data)
    link = bench.links.open("air room", config.port, found.spec.link_settings)
    sensor = OpenSensor(config, open_environment(found, bench.links, link, Address("")), link)
    stands = AirBench(replace(shipped, environment=environment), bench.clock, bench.links, (sensor,))
    watch = AirWatch(cast("WeighingBench", stands), writer, 20.0)
    watch.begin()
    bench.do(lambda: bench.server.unplug("air"), 0.1)
    taken: list[tuple[int, int]] = []

    def replug() -> None:
        """Plug it in again, and see that it has another number: the system gives out the lowest that is free."""
        bench.server.replug("air")
        while (bench.folder / "ports" / "air").resolve() == before:
            bench.server.unplug("air")
            taken.append(pty.openpty())
            bench.server.replug("air")

    bench.do(replug, 1.6)
    while not bench.links.reconnects.get("air room"):
        bench.links.pause(0.05)
        watch.tick(bench.clock.now_ns())
    writer.close({"reason": "completed"})
    for descriptor in (each for pair in taken for each in pair):
        os.close(descriptor)
    record = read_run(bench.folder)
    lost, back = (next(each for each in record.events if each.name == name) for name in ("air_lost", "air_back"))
    assert "the device went away" in lost.data["error"]
    assert (bench.folder / "ports" / "air").resolve() != before
    assert not [each for each in record.ambient if lost.at_ns < each.at_ns < back.at_ns]
    assert [each for each in record.ambient if each.at_ns >= back.at_ns]


def test_another_balance_behind_the_same_name_is_refused(bench: Bench) -> None:
    sampler, writer = _sampler(bench)
    balance = bench.twin.balance
    assert isinstance(balance, SimulatedSics)
    balance._settings._constants["I4"] = 'I4 A "B000900002"'
    bench.do(lambda: bench.server.unplug("balance"))
    bench.do(lambda: bench.server.replug("balance"), 0.2)
    with pytest.raises(DeviceChanged, match="B000900002"):
        sampler.sample_until(bench.clock.now_ns() + to_ns(100.0), 1.0)
    writer.close({"reason": "bench_fault"})


@pytest.mark.parametrize("bench", [1.0], indirect=True)
def test_a_bolus_ordered_over_a_stick_that_hangs_up_is_given_once_or_not_at_all(bench: Bench) -> None:
    link = bench.links.open("pump", bench.port("pump"), SerialSettings(19_200))
    pump = minimed_pump(bench.links, link, PUMP, frozenset({PUMP}))
    pump.open()
    pump.wake()
    assert pump.model() == "723"
    sent: list[bytes] = []

    def tap(_link: str, direction: str, _at_ns: int, data: bytes) -> None:
        if direction == ">" and len(data) > 100:
            sent.append(data)
            bench.do(lambda: bench.server.unplug("pump"), 0.09)
            bench.do(lambda: bench.server.replug("pump"), 0.5)

    bench.links.tap = tap
    assert pump.bolus(1.0) is Acceptance.UNKNOWN
    bench.links.tap = lambda *_seen: None
    bolusing = pump.status().bolusing
    assert len(sent) == 1
    assert bolusing == any(each.kind == "bolus" for each in bench.twin.ledger.deliveries)
    assert bench.links.reconnects == {"pump": 1}


def test_a_simulator_that_was_killed_is_found_again_under_its_name(tmp_path: Path) -> None:
    links = SerialLinks(SystemClock())
    simulator, line = _simulate(tmp_path)
    try:
        link = links.open("balance", str(line["port"]), SerialSettings())
        balance = SicsBalance(links, link)
        before = balance.identify()
        simulator.kill()
        simulator.wait(timeout=10)
        links.pause(0.05)
        assert link.lost_because
        simulator.communicate()
        simulator, again = _simulate(tmp_path, "--epoch-ns", str(line["epoch_ns"]))
        assert again == line
        assert links.bring_back(link, balance.identify) is None
        assert balance.identify() == before
        assert balance.weigh().stable
    finally:
        links.close()
        with contextlib.suppress(ProcessLookupError):
            simulator.kill()
        simulator.communicate()


def _simulate(folder: Path, *more: str) -> tuple[subprocess.Popen[str], dict[str, object]]:
    command = [sys.executable, "-m", "rig", "simulate", "balance", "--pty", "--ports", str(folder / "ports"), *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())
