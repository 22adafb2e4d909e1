"""The twin behind real pseudo-terminals; real time, but nothing sleeps."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import socket
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path

import pytest

from rig.cli.main import main
from rig.errors import TransportError, UsageError
from rig.paths import checkout
from rig.sim.bench import SimulatedBench
from rig.sim.serve import PtyServer, TcpServer, Wiring, serve
from tests.sim.kit import EXACT


def talk(descriptor: int, request: bytes, answered: bytes, most_s: float = 5.0) -> bytes:
    """Write, then read until ``answered`` ends what came."""
    if request:
        os.write(descriptor, request)
    received, until_s = b"", time.monotonic() + most_s
    while not received.endswith(answered) and time.monotonic() < until_s:
        if select.select([descriptor], [], [], 0.5)[0]:
            received += os.read(descriptor, 4096)
    return received


class Served:
    """`serve` in a thread, as another process would run it."""

    def __init__(self, **options: object) -> None:
        self.lines: list[dict[str, object]] = []
        self._wanted = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, kwargs=options)
        self._thread.start()
        assert self._wanted.wait(5.0)

    def _run(self, **options: object) -> None:
        serve(announce=self._announce, stop=self._stop.is_set, **options)  # type: ignore[arg-type]

    def _announce(self, line: str) -> None:
        self.lines.append(json.loads(line))
        if len(self.lines) == 2:
            self._wanted.set()

    def port(self, device: str) -> str:
        return str(next(line["port"] for line in self.lines if line["device"] == device))

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5.0)
        assert not self._thread.is_alive()


def test_both_devices_answer_on_their_pseudo_terminals_and_the_ledger_is_written(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.json"
    served = Served(model="522", wiring=Wiring(speed=50.0), sealed_ledger=ledger)
    try:
        assert [(line["device"], line["model"], line["speed"]) for line in served.lines] == [
            ("pump", "522", 50.0),
            ("balance", "SIM220", 50.0),
        ]
        assert isinstance(served.lines[0]["epoch_ns"], int)
        assert served.lines[0]["epoch_ns"] == served.lines[1]["epoch_ns"]
        stick = os.open(served.port("pump"), os.O_RDWR | os.O_NOCTTY)
        assert talk(stick, b"\x02", b"\x00") == b"subg_rfspy 0.9\x00"
        assert talk(stick, bytes.fromhex("03 00 00 00 00 32"), b"\x00") == b"\xaa\x00"
        os.close(stick)
        stick = os.open(served.port("pump"), os.O_RDWR | os.O_NOCTTY)  # a client may come again
        assert talk(stick, b"\x01", b"\x00") == b"OK\x00"
        os.close(stick)
        scale = os.open(served.port("balance"), os.O_RDWR | os.O_NOCTTY)
        assert talk(scale, b"@\r\n", b"\r\n").endswith(b'I4 A "B000900001"\r\n')
        # The announcement at power-up may still stand before it.
        assert b"S S " in talk(scale, b"SI\r\n", b" g\r\n")
        os.close(scale)
    finally:
        served.stop()
    content = json.loads(ledger.read_text())
    assert content["totals"]["outlet_u"] == 0.0
    assert content["through_ns"] - content["start_ns"] > 50 * 50_000_000


def test_the_command_line_serves_a_pump_behind_a_carelink_stick(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rig", "simulate", "pump", "--model", "722", "--link", "carelink", "--pty"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=checkout())
    try:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        assert (line["device"], line["model"], line["link"]) == ("pump", "722", "carelink")
        stick = os.open(line["port"], os.O_RDWR | os.O_NOCTTY)
        os.write(stick, bytes.fromhex("04 00 00"))
        block = b""
        while len(block) < 64 and select.select([stick], [], [], 5.0)[0]:
            block += os.read(stick, 64)
        os.close(stick)
        assert block[:3] == b"\x01\x55\x00"
        assert block[9:19] == b"ComLink II"
    finally:
        process.terminate()
        process.communicate(timeout=10)
    assert process.returncode == 0


def test_plant_time_is_scaled_from_the_epoch_and_link_time_is_not() -> None:
    server = PtyServer(speed=100.0, epoch_ns=1_000)
    assert server.clock.rig_ns(1_000) == 1_000
    assert server.clock.rig_ns(1_050) == 6_000
    server.close()


class Echo:
    """A device that says back what it hears, 20 bytes at a time."""

    def attach(self, port: object) -> None:
        self.port = port

    def receive(self, data: bytes, now_ns: int) -> None:
        self.port.send(data, now_ns)  # type: ignore[attr-defined]


def test_paced_bytes_take_their_time_on_the_wire() -> None:
    server = PtyServer(pace=True)
    path = server.add("balance", Echo())  # 9600 baud: 1.04 ms a byte
    client = os.open(path, os.O_RDWR | os.O_NOCTTY)
    began_s = time.monotonic()
    os.write(client, bytes(range(20)))
    received = b""
    while len(received) < 20:
        server.step(0.05)
        if select.select([client], [], [], 0)[0]:
            received += os.read(client, 64)
    assert received == bytes(range(20))  # raw: no echo, no translation of control characters
    assert time.monotonic() - began_s >= 20 * 10 / 9600
    os.close(client)
    server.close()


def test_bytes_that_nobody_reads_are_lost_and_do_not_block_the_server() -> None:
    server = PtyServer()
    device = Echo()
    server.add("balance", device)
    device.receive(b"x" * 200_000, 0)
    server.step(0.0)
    server.close()


def holders(path: str) -> int:
    """Return how many descriptors this process has on a file."""
    return sum(os.path.realpath(link) == path for link in Path("/proc/self/fd").iterdir())


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no /proc to look into")
def test_a_port_is_in_use_only_while_a_client_has_it_open_and_stays_raw_between_clients() -> None:
    # Clients such as decocare ask fuser, and refuse a port that another process has open.
    server, device = PtyServer(), Echo()
    path = server.add("balance", device)
    assert holders(path) == 0
    for _ in range(2):
        client = os.open(path, os.O_RDWR | os.O_NOCTTY)
        assert holders(path) == 1
        os.write(client, b"\x03\x04\x11?\r")  # a terminal that is not raw would take these for itself
        answered = b""
        while not answered.endswith(b"\r"):
            server.step(0.05)
            if select.select([client], [], [], 0.0)[0]:
                answered += os.read(client, 100)
        assert answered == b"\x03\x04\x11?\r"
        os.close(client)
        server.step(0.0)
        device.receive(b"to nobody", time.monotonic_ns())
        server.step(0.0)
    client = os.open(path, os.O_RDWR | os.O_NOCTTY)
    server.step(0.05)
    assert not select.select([client], [], [], 0.0)[0]
    os.close(client)
    server.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"devices": ("toaster",)}, "cannot serve toaster"),
        ({"devices": ()}, "cannot serve nothing"),
        ({"serial": "512847"}, "may be a real pump"),
        ({"wiring": Wiring(speed=0.0)}, "speed of 0"),
        ({"wiring": Wiring(speed=float("nan"))}, "speed of nan"),
        ({"wiring": Wiring(epoch_ns=1 << 62)}, "still to come"),
        ({"model": "511"}, "no pump model"),
        ({"wiring": Wiring(link="ble")}, "no stick 'ble'"),
    ],
)
def test_what_cannot_be_served_is_refused_before_anything_opens(options: dict[str, object], message: str) -> None:
    announced: list[str] = []
    with pytest.raises(UsageError, match=message):
        serve(announce=announced.append, stop=lambda: True, **options)  # type: ignore[arg-type]
    assert announced == []


def _gone(descriptor: int) -> bool:
    """Say whether the far end of an open port has hung up, as an unplugged device does."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    events = poll.poll(1000)
    return bool(events and events[0][1] & select.POLLHUP)


def test_a_device_keeps_its_name_over_unplugging_and_a_client_sees_the_old_port_hang_up(tmp_path: Path) -> None:
    server = PtyServer(names=tmp_path / "ports")
    path = server.add("balance", Echo())
    assert path == str(tmp_path / "ports" / "balance")
    client = os.open(path, os.O_RDWR | os.O_NOCTTY)
    server.unplug("balance")
    assert _gone(client)
    assert not os.path.lexists(path)
    server.unplug("balance")
    server.replug("balance")
    server.replug("balance")
    again = os.open(path, os.O_RDWR | os.O_NOCTTY)
    os.write(again, b"hello")
    received = b""
    for _ in range(200):
        server.step(0.01)
        if select.select([again], [], [], 0)[0]:
            received += os.read(again, 64)
        if received == b"hello":
            break
    assert received == b"hello"
    server.close()
    assert _gone(again)
    assert list((tmp_path / "ports").iterdir()) == []
    os.close(client)
    os.close(again)


def test_a_simulator_takes_the_name_of_one_that_was_killed_and_never_removes_that_of_its_successor(
    tmp_path: Path,
) -> None:
    (tmp_path / "balance").symlink_to("/dev/pts/4711")  # what a killed simulator leaves
    first, second = PtyServer(names=tmp_path), PtyServer(names=tmp_path)
    first.add("balance", Echo())
    assert str((tmp_path / "balance").readlink()) != "/dev/pts/4711"
    second.add("balance", Echo())
    held = str((tmp_path / "balance").readlink())
    first.close()
    assert str((tmp_path / "balance").readlink()) == held
    second.close()


def test_a_name_that_cannot_be_made_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    server = PtyServer(names=tmp_path / "file")
    with pytest.raises(UsageError, match="cannot be given a name"):
        server.add("balance", Echo())
    server.close()


def test_a_restarted_simulator_shares_the_epoch_of_the_one_before(tmp_path: Path) -> None:
    epoch_ns = time.monotonic_ns() - 3_600_000_000_000 if time.monotonic() > 4000 else 1
    ledger = tmp_path / "ledger.json"
    served = Served(wiring=Wiring(epoch_ns=epoch_ns, names=tmp_path / "ports"), sealed_ledger=ledger)
    try:
        assert {line["epoch_ns"] for line in served.lines} == {epoch_ns}
        assert served.port("pump") == str(tmp_path / "ports" / "pump")
    finally:
        served.stop()
    assert json.loads(ledger.read_text())["start_ns"] == epoch_ns


def test_faults_pull_the_plugs_of_served_devices_too(tmp_path: Path) -> None:
    names = tmp_path / "ports"
    served = Served(wiring=Wiring(speed=100.0, names=names), faults=("balance.unplugged=on@0s+100s",))
    try:
        pump = os.open(names / "pump", os.O_RDWR | os.O_NOCTTY)
        assert talk(pump, b"\x01", b"\x00") == b"OK\x00"
        os.close(pump)
        until_s = time.monotonic() + 5.0
        while not (names / "balance").exists() and time.monotonic() < until_s:
            time.sleep(0.01)
        scale = os.open(names / "balance", os.O_RDWR | os.O_NOCTTY)
        assert talk(scale, b"@\r\n", b"\r\n").endswith(b'I4 A "B000900001"\r\n')
        os.close(scale)
    finally:
        served.stop()


class OnTcp:
    """A `TcpServer` with one balance, stepped from here; nothing sleeps."""

    def __init__(self, protocol: str = "sbi", pace: bool = False) -> None:
        self.server = TcpServer("127.0.0.1", 0, pace=pace)
        self.bench = SimulatedBench(
            start_local=datetime(2025, 3, 9, 14), parameters=EXACT, balance=protocol, rig_start_ns=self.server.epoch_ns
        )
        self.port = self.server.add("balance", self.bench.balance)

    def connect(self) -> socket.socket:
        host, _, port = self.port.removeprefix("tcp://").rpartition(":")
        client = socket.create_connection((host, int(port)), 5.0)
        client.setblocking(False)
        self.server.step(0.2)
        return client

    def ask(self, client: socket.socket, request: bytes, end: bytes) -> bytes:
        if request:
            client.send(request)
        heard, until_s = b"", time.monotonic() + 5.0
        while not heard.endswith(end) and time.monotonic() < until_s:
            self.server.step(0.05)
            with contextlib.suppress(BlockingIOError):
                heard += client.recv(4096)
        return heard


def test_a_balance_on_tcp_serves_one_client_at_a_time_and_another_after_it() -> None:
    served = OnTcp()
    assert served.port.startswith("tcp://127.0.0.1:")
    with served.connect() as first:
        assert served.ask(first, b"\x1bP", b"\r\n") == b"N        0.00000 g  \r\n"
        with served.connect() as second:
            second.setblocking(True)
            assert second.recv(10) == b""  # hung up on
        assert served.ask(first, b"\x1bx1_", b"\r\n") == b"SIM-ENTRIS          \r\n"
    served.server.step(0.2)
    with served.connect() as later:
        assert served.ask(later, b"\x1bP", b"\r\n") == b"N        0.00000 g  \r\n"
    served.server.close()


def test_a_balance_on_tcp_that_is_unplugged_hangs_up_and_comes_back_on_its_port() -> None:
    served = OnTcp("and")
    port = served.port
    with served.connect() as client:
        assert served.ask(client, b"Q\r\n", b"\r\n") == b"ST,+00.00000  g\r\n"
        served.server.unplug("balance")
        client.setblocking(True)
        assert client.recv(10) == b""
    with pytest.raises(ConnectionRefusedError):
        served.connect()
    served.server.replug("balance")
    assert served.port == port
    with served.connect() as client:
        assert served.ask(client, b"Q\r\n", b"\r\n") == b"ST,+00.00000  g\r\n"
    served.server.close()


def test_a_port_that_is_taken_is_named_with_what_to_do() -> None:
    served = OnTcp()
    number = int(served.port.rpartition(":")[2])
    with pytest.raises(TransportError, match=rf"balance on 127.0.0.1:{number}: it cannot listen there .* port 0 takes"):
        TcpServer("127.0.0.1", number).add("balance", served.bench.balance)
    served.server.close()


def test_the_command_line_serves_any_balance_on_tcp() -> None:
    command = [sys.executable, "-m", "rig", "simulate", "balance", "--protocol", "sbi", "--model", "cp"]
    process = subprocess.Popen([*command, "--tcp", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True, cwd=checkout())
    try:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        assert (line["device"], line["model"], line["protocol"], line["line"]) == (
            "balance", "SIM-CP", "sbi", "1200 7O1",
        )  # fmt: skip
        host, _, port = line["port"].removeprefix("tcp://").rpartition(":")
        with socket.create_connection((host, int(port)), 10.0) as client:
            client.send(b"\x1bP")
            assert re.fullmatch(rb"[ +-]  0\.0000\d g  \r\n", client.recv(100))
    finally:
        process.terminate()
        process.communicate(timeout=10)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("wiring", "message"),
    [
        (Wiring(balance="xbpi"), "no balance that speaks 'xbpi'"),
        (Wiring(balance="sbi", balance_model="kib"), "no sbi balance 'kib'"),
        (Wiring(tcp=("127.0.0.1", 0), names=Path("ports")), "a TCP port has no name in a folder"),
    ],
)
def test_what_cannot_be_served_is_refused(wiring: Wiring, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        serve(("balance",), wiring=wiring, announce=lambda _line: None, stop=lambda: True)


@pytest.mark.parametrize("text", ["4001", "host", "host:", ":4001", "host:70000", "host:x"])
def test_an_address_is_host_and_port(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "balance", "--tcp", text]) == 2
    assert "expected HOST:PORT, such as 127.0.0.1:4001" in " ".join(capsys.readouterr().err.split())
