"""A balance that nobody knows: told by its own lines, whatever it speaks."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import pytest

from rig.doctor.findings import Level
from rig.doctor.recognise import may_be_another, probe, recognise
from rig.doctor.settings import check_settings
from rig.drivers.a_and_d import AndBalance
from rig.errors import LinkLost, MalformedReply, TransportTimeout
from rig.transport.serial_links import SerialSettings
from rig.wire.balances.recognise import protocol_of, without_driver
from rig.wire.weights import BalanceRefused, Condition
from tests.drivers.line_stand_in import StandIn, on_link
from tests.drivers.test_balance_makes import and_, kcp, kern, ohaus, radwag, sics
from tests.transcripts.balance_notation import FILES, lines

EIGHT = SerialSettings(9600)
MAKES: dict[str, Callable[[], StandIn]] = {
    "mt-sics": sics(SI=b"S S    12.3456 g\r\n", IP=b"ES\r\n"),
    "kern-kcp": kcp(SI=b"S S     12.3456 g\r\n"),
    "and": and_(SI=b"ST,+012.3456  g\r\n"),
    "radwag": radwag(SI=b"SI      12.3456 g  \r\n"),
    "ohaus": ohaus(SI=b"ES\r\n", IP=b"   12.3456 g\r\n"),
    "sbi": lambda: StandIn({b"\x1bP\r\n": b"+  12.3456 g  \r\n"}),
    "kern": kern(b"     12.3456 g  \r\n"),
}


@pytest.mark.parametrize("name", MAKES)
def test_every_make_is_told_by_the_answer_to_a_harmless_question(name: str) -> None:
    device = MAKES[name]()
    links, link = on_link(device)
    found = probe(links, link, EIGHT)
    assert found is not None
    assert (found.protocol, found.unasked) == (name, False)
    assert not {b"T\r\n", b"Z\r\n", b"t", b"@\r\n", b"\x1bT", b"R\r\n"} & set(device.heard)


def test_a_balance_that_talks_is_told_without_a_question() -> None:
    device = StandIn({}, talk=[b"+  12.3456    \r\n", b"+  12.3456 g  \r\n"])
    links, link = on_link(device)
    found = probe(links, link, EIGHT)
    assert found is not None
    assert (found.protocol, found.unasked) == ("sbi", True)
    assert device.heard == []


def test_nothing_is_made_of_silence() -> None:
    links, link = on_link(StandIn({}))
    assert probe(links, link, EIGHT) is None


@pytest.mark.parametrize("protocol", FILES)
def test_the_published_lines_belong_to_their_own_protocol_or_to_one_that_reads_them_alike(protocol: str) -> None:
    alike = {"kern-kcp": {"mt-sics"}, "mt-sics": {"kern-kcp"}, "ohaus": {"kern"}, "kern": {"ohaus"}, "sbi": {"ohaus"}}
    for entry in lines(protocol)["weight"]:
        if entry.get("not_net") or "current unit" in entry["what"] or entry["text"].startswith(("SUI", "M ")):
            continue
        found = protocol_of(entry["text"].encode() + b"\r\n")
        assert found in {protocol, *alike.get(protocol, set())}, entry


def test_scales_without_a_driver_are_named() -> None:
    assert "GAB-N" in without_driver(b"ST,GS    1.000 kg\r\n")
    assert without_driver(b"hello\r\n") == ""


@pytest.mark.parametrize("spoken", ["", "and"])
def test_the_finding_says_what_to_write_into_the_bench_file_unless_it_stands_there(
    monkeypatch: pytest.MonkeyPatch, spoken: str
) -> None:
    for name in ("LISTEN_S", "ANSWER_S", "QUIET_S"):
        monkeypatch.setattr(f"rig.doctor.recognise.{name}", 0.1)
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        far, _ = server.accept()
        with far:
            while data := far.recv(100):
                if b"SI" in data:
                    far.sendall(b"US,+012.3457  g\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    finding = recognise(f"tcp://127.0.0.1:{server.getsockname()[1]}", EIGHT, spoken=spoken)
    thread.join(10)
    server.close()
    if spoken:
        assert finding is None
        return
    assert finding is not None
    assert finding.level is Level.FAIL
    assert "A&D" in finding.found
    assert finding.hint == 'in [balance]: protocol = "and", baud = 9600, line = "8N1"'


def test_only_what_another_make_could_have_said_starts_the_search() -> None:
    assert may_be_another(TransportTimeout("silence"))
    assert may_be_another(MalformedReply("balance", b"x", expected="y"))
    assert may_be_another(BalanceRefused(Condition.FORMAT, "x"))
    assert not may_be_another(BalanceRefused(Condition.OVERLOAD, "x"))
    assert not may_be_another(LinkLost("gone"))


def test_what_the_link_does_not_tell_is_named_with_the_place_to_look() -> None:
    links, link = on_link(and_(Q=b"ST,+012.3456  g\r\n")())
    finding = check_settings(AndBalance(links, link))
    assert finding is not None
    assert finding.level is Level.WARN
    assert "zero tracking off" in finding.expected
    assert "'trc'" in finding.hint
