"""Whatever the air and the stick do, a packet that starts a delivery leaves at most once, and nobody is misled."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.clock import VirtualClock
from rig.drivers.minimed import MinimedPump, minimed_pump
from rig.drivers.mt_sics import SicsBalance
from rig.errors import InstrumentError, RigError
from rig.instruments import Acceptance
from rig.readings import Weighing
from rig.transport.virtual import Port, VirtualLinks
from tests.transcripts.notation import NOTHING_HEARD, from_four_b_six_b, heard, packet

PUMP = "512847"
FAULTS = ["none", "command lost", "answer lost", "answer damaged", "foreign answer", "refused", "stick silent", "noise"]
NS_PER_MS = 1_000_000
OPCODE, BODY = 4, 5
ANSWERS = {0x8D: "model 723", 0xCE: "status normal", 0x98: "no temp"}


class FaultyPump:
    """A stick and a pump behind it that do what ``faults`` say, one for each packet sent, and then behave."""

    def __init__(self, faults: list[str]) -> None:
        self._faults = list(faults)
        self._port: Port | None = None
        self.parameter_packets: list[bytes] = []

    def attach(self, port: Port) -> None:
        self._port = port

    def receive(self, data: bytes, now_ns: int) -> None:
        assert self._port is not None
        response, after_ms = self._respond(data)
        if response:
            self._port.send(response, now_ns + after_ms * NS_PER_MS)

    def _respond(self, data: bytes) -> tuple[bytes, int]:
        fixed = {1: b"OK\0", 2: b"subg_rfspy 0.9\0", 4: b"\0", 6: b"\x01\0"}
        if data[0] in fixed:
            return fixed[data[0]], 1
        if data[0] == 3:
            return NOTHING_HEARD, int.from_bytes(data[2:6], "big")
        if data[0] == 5:
            assert (data[2], data[9]) == (0, 0), "the stick was told to repeat a packet"
            return self._on_air(from_four_b_six_b(data[10:-1]), int.from_bytes(data[5:9], "big"))
        return b"", 0

    def _on_air(self, sent: bytes, listen_ms: int) -> tuple[bytes, int]:
        fault = self._faults.pop(0) if self._faults else "none"
        if len(sent) == 71 and sent[OPCODE] != 0x5D:
            self.parameter_packets.append(sent)
        answer = packet(ANSWERS.get(sent[OPCODE], "ACK"))
        damaged = answer[:-1] + bytes([answer[-1] ^ 0x10])
        foreign = packet("A7 51 28 48 06 00 81")
        return {
            "none": (heard(answer), 90),
            "command lost": (NOTHING_HEARD, listen_ms),
            "answer lost": (NOTHING_HEARD, listen_ms),
            "answer damaged": (heard(damaged), 90),
            "foreign answer": (heard(foreign), 90),
            "refused": (heard(packet("NAK 08")), 90),
            "stick silent": (b"", 0),
            "noise": (b"\x50\x07\xff\x13\0", 90),
        }[fault]


def pump_behind(device: FaultyPump) -> MinimedPump:
    links = VirtualLinks(VirtualClock())
    pump = minimed_pump(links, links.connect("pump", device), PUMP, frozenset({PUMP}))
    pump.open()
    return pump


COMMANDS: dict[str, Callable[[MinimedPump], Acceptance]] = {
    "bolus": lambda pump: pump.bolus(2.35),
    "temp basal": lambda pump: pump.set_temp_basal(0.85, 90),
    "resume": lambda pump: pump.resume(),
}


@pytest.mark.parametrize("name", list(COMMANDS))
@given(faults=st.lists(st.sampled_from(FAULTS), max_size=14))
def test_a_delivering_packet_leaves_at_most_once_and_the_answer_is_honest(name: str, faults: list[str]) -> None:
    device = FaultyPump(faults)
    pump = pump_behind(device)
    try:
        acceptance = COMMANDS[name](pump)
    except InstrumentError:  # the pump refused, either before or after the parameters
        assert len(device.parameter_packets) <= 1
    except RigError:  # given up before anything that delivers was sent
        assert device.parameter_packets == []
    else:
        assert len(device.parameter_packets) == 1
        assert acceptance in Acceptance


@given(st.integers(0, 2))
def test_a_lost_acknowledgement_is_unknown_however_late_in_the_talk(first_half_losses: int) -> None:
    awake = ["none", "none"]
    device = FaultyPump([*awake, *["answer lost"] * first_half_losses, "none", "answer lost"])
    assert pump_behind(device).bolus(2.35) is Acceptance.UNKNOWN
    assert device.parameter_packets == [packet("bolus 2.35 U, new (94)")]


@given(st.lists(st.sampled_from(FAULTS), max_size=14))
def test_suspending_may_be_repeated_and_ends_in_an_answer_or_one_clear_error(faults: list[str]) -> None:
    device = FaultyPump(faults)
    pump = pump_behind(device)
    with suppress(RigError):
        assert pump.suspend() in Acceptance
    assert set(device.parameter_packets) <= {packet("suspend")}


class Babbler:
    """Answers every request with whatever bytes it is given."""

    def __init__(self, answers: list[bytes]) -> None:
        self._answers = list(answers)
        self._port: Port | None = None

    def attach(self, port: Port) -> None:
        self._port = port

    def receive(self, data: bytes, now_ns: int) -> None:
        assert self._port is not None
        if self._answers:
            self._port.send(self._answers.pop(0), now_ns + NS_PER_MS)


babble = st.lists(
    st.one_of(
        st.binary(max_size=60),
        st.sampled_from([b"OK\0", b"subg_rfspy 0.9\0", b"\x01\0", b"\0", b"\xaa\0", b"\xbb\0", b"\xcc\0", b"ES\r\n"]),
        st.sampled_from([b'I4 A "1"\r\n', b'I2 A "x"\r\n', b'I3 A "y"\r\n', b'I0 A 0 "SI"\r\n']),
        st.sampled_from([b"S S     1.2345 g\r\n"]),
        st.sampled_from(["ACK", "NAK 08", "model 723", "status normal"]).map(lambda name: heard(packet(name))),
    ),
    max_size=16,
)


@given(babble)
def test_no_babble_makes_the_pump_driver_fail_in_another_way_than_by_a_rig_error(answers: list[bytes]) -> None:
    links = VirtualLinks(VirtualClock())
    pump = minimed_pump(links, links.connect("pump", Babbler(answers)), PUMP, frozenset({PUMP}))
    with suppress(RigError):
        pump.open()
        assert pump.status().normal


@given(babble)
def test_no_babble_makes_the_balance_driver_fail_in_another_way_than_by_a_rig_error(answers: list[bytes]) -> None:
    links = VirtualLinks(VirtualClock())
    balance = SicsBalance(links, links.connect("balance", Babbler(answers)))
    with suppress(RigError):
        balance.open()
        assert isinstance(balance.weigh(), Weighing)
