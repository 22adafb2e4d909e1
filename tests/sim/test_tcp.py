"""Simulated devices on TCP ports; real sockets and real time, but nothing sleeps."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from rig.cli.main import main
from rig.errors import TransportError
from rig.paths import checkout
from rig.sim.faults import FaultSet, parse_fault
from rig.sim.instruments.circuit import Circuit, Resistor
from rig.sim.instruments.models import make_supply
from rig.sim.serve import TcpServer

MOST_S = 5.0


class Served:
    """A supply on a TCP port, in this thread: the server runs while a test waits."""

    def __init__(self, *faults: str) -> None:
        self.server = TcpServer("127.0.0.1", 0)
        seeded = FaultSet([parse_fault(fault) for fault in faults], 0)
        self.supply = make_supply(
            "scpi",
            Circuit(Resistor(100.0), 0.0, seeded, 0),
            advance=lambda _rig_ns: None,
            later=lambda _at_ns, _act: None,
            seed=1,
            faults=seeded,
            start_ns=0,
        )
        host, _, port = self.server.share("supply", self.supply.session).removeprefix("tcp://").rpartition(":")
        self.address = host, int(port)

    def client(self) -> socket.socket:
        client = socket.create_connection(self.address)
        client.setblocking(False)
        return client

    def until(self, done: Callable[[], bool]) -> None:
        until_s = time.monotonic() + MOST_S
        while not done():
            assert time.monotonic() < until_s
            self.server.step(0.01)

    def answer(self, client: socket.socket, message: bytes = b"", end: bytes = b"\n") -> bytes:
        """Write, and return what comes until its end; empty when the connection was closed."""
        client.sendall(message)
        heard = bytearray()

        def done() -> bool:
            try:
                piece = client.recv(4096)
            except BlockingIOError:
                return False
            heard.extend(piece)
            return not piece or heard.endswith(end)

        self.until(done)
        return bytes(heard)


def test_several_clients_are_served_at_once_and_in_turn() -> None:
    served = Served()
    first, second = served.client(), served.client()
    assert served.answer(first, b"VOLT 1.5;VOLT?\n") == b"1.5000\n"
    assert served.answer(second, b"volt?\r\n") == b"1.5000\n"
    first.close()
    third = served.client()
    assert served.answer(third, b"VOLT?\n") == b"1.5000\n"
    assert served.answer(second, b"*IDN?\n").startswith(b"Rig,SIM-PSU")
    for client in (second, third):
        client.close()
    served.server.close()


def test_a_seeded_reset_breaks_the_connection_and_a_new_one_is_served() -> None:
    served = Served("supply.reset=1")
    client = served.client()
    with pytest.raises(ConnectionResetError):
        served.answer(client, b"VOLT 1.5;VOLT?\n")
    again = served.client()
    assert served.answer(again, b"VOLT?\n") == b"0.0000\n"
    client.close()
    again.close()
    served.server.close()


def test_a_pulled_cable_resets_everybody_and_comes_back_at_the_same_port() -> None:
    served = Served()
    client = served.client()
    assert served.answer(client, b"VOLT 1.5;VOLT?\n") == b"1.5000\n"
    served.server.unplug("supply")
    with pytest.raises(ConnectionResetError):
        served.answer(client)
    with pytest.raises(ConnectionRefusedError):
        served.client()
    served.server.replug("supply")
    again = served.client()
    assert served.answer(again, b"VOLT?\n") == b"1.5000\n"
    client.close()
    again.close()
    served.server.close()


def test_a_client_that_leaves_before_its_answer_harms_nobody() -> None:
    served = Served("supply.late=50ms")
    client, other = served.client(), served.client()
    client.sendall(b"VOLT?\n" * 50)
    client.close()
    assert served.answer(other, b"CURR?\n") == b"3.0000\n"
    other.close()
    served.server.close()


def test_a_port_that_is_taken_cannot_be_had() -> None:
    served = Served()
    with pytest.raises(TransportError, match="cannot listen there"):
        TcpServer(*served.address).share("meter", served.supply.session)
    served.server.close()


def test_the_command_line_serves_a_bench_with_supply_and_meter_on_tcp_ports() -> None:
    command = [sys.executable, "-m", "rig", "simulate", "bench", "--supply", "dp832", "--meter", "sdm3055"]
    process = subprocess.Popen([*command, "--tcp", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True, cwd=checkout())
    try:
        assert process.stdout is not None
        lines = {line["device"]: line for line in (json.loads(process.stdout.readline()) for _ in range(4))}
        assert list(lines) == ["pump", "balance", "supply", "meter"]
        assert {line["epoch_ns"] for line in lines.values()} == {lines["pump"]["epoch_ns"]}
        supply = lines["supply"]
        assert supply["model"] == "DP832"
        host, _, port = supply["port"].removeprefix("tcp://").rpartition(":")
        assert supply["visa"] == f"TCPIP::{host}::{port}::SOCKET"
        with socket.create_connection((host, int(port)), MOST_S) as client:
            client.sendall(b":OUTP? CH1;:VOLT?\n")
            assert client.recv(100) == b"ON;1.500\n"  # as an operator left it, so that the pump could be primed
        meter = lines["meter"]["port"].removeprefix("tcp://").rpartition(":")
        with socket.create_connection((meter[0], int(meter[2])), MOST_S) as client:
            client.sendall(b"CONF:CURR:DC 2\nCURR:DC:NPLC 1\nREAD?\n")
            assert 0.001 < float(client.recv(100)) < 0.2
    finally:
        process.terminate()
        process.communicate(timeout=10)
    assert process.returncode == 0


def test_the_command_line_refuses_what_does_not_go_together(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "pump", "--supply", "dp832"]) == 2
    assert "rig simulate bench" in capsys.readouterr().err
    assert main(["simulate", "supply", "--model", "e3631a"]) == 2
    assert "e36312a or dp832" in capsys.readouterr().err
    assert main(["simulate", "bench", "--fault", "meter.silent=on"]) == 2
    assert "no meter to act on" in capsys.readouterr().err
    assert main(["simulate", "meter", "--tcp", "nowhere"]) == 2
    assert "HOST:PORT" in capsys.readouterr().err
