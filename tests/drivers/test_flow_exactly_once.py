"""Whatever the line does, a syringe pump is told to start at most once, and nobody is misled about what it does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.clock import VirtualClock
from rig.drivers.harvard import HarvardPump
from rig.drivers.new_era import NewEraPump
from rig.errors import BenchError, InstrumentError, RigError
from rig.instruments import Acceptance
from rig.transport.virtual import Port, VirtualLinks
from tests.transcripts.syringe_notation import new_era_answer, safe_packet

NS_PER_MS = 1_000_000
FAULTS = ["none", "none", "command lost", "answer lost", "damaged", "late", "very late", "noise before", "refused"]
LATE_MS = {"late": 1200, "very late": 1700}


class FaultyLine:
    """A pump that does what it is told over a line that does what ``faults`` say, one for each command."""

    def __init__(self, faults: list[str]) -> None:
        self.faults: list[str] = []
        self.later_faults = list(faults)
        self.starts = 0
        self.moving = False
        self.paused = False
        self.delivered_ul = 0
        self._port: Port | None = None

    def attach(self, port: Port) -> None:
        self._port = port

    def break_it(self) -> None:
        self.faults = self.later_faults

    def receive(self, data: bytes, now_ns: int) -> None:
        assert self._port is not None
        fault = self.faults.pop(0) if self.faults else "none"
        self.starts += self.is_start(data)
        if fault == "command lost":
            return
        answer = self.refusal() if fault == "refused" else self.answer(data)
        if fault == "answer lost":
            return
        if fault == "damaged":
            answer = bytes([answer[0] ^ 0x40]) + answer[1:]
        if fault == "bit":  # in Harvard's prompt the difference between a moving pump and one at rest
            answer = answer[:-2] + bytes([answer[-2] ^ 0x04]) + answer[-1:]
        if fault == "noise before":
            answer = b"\xff\x7f" + answer
        self._port.send(answer, now_ns + LATE_MS.get(fault, 20) * NS_PER_MS)

    def start(self) -> None:
        self.moving, self.paused = True, False
        self.delivered_ul += 1

    def stop(self) -> None:
        self.moving, self.paused = False, self.moving

    def is_start(self, data: bytes) -> bool:
        raise NotImplementedError

    def answer(self, data: bytes) -> bytes:
        raise NotImplementedError

    def refusal(self) -> bytes:
        raise NotImplementedError


class FaultyNewEra(FaultyLine):
    safe = False

    def _frame(self, text: str) -> bytes:
        status = "I" if self.moving else "P" if self.paused else "S"
        return new_era_answer("00" + status + text, safe=self.safe)

    def is_start(self, data: bytes) -> bool:
        return b"RUN" in data

    def refusal(self) -> bytes:
        return self._frame("?NA")

    def answer(self, data: bytes) -> bytes:
        counters = f"I{self.delivered_ul}.000W0.000UL"
        texts = {b"VER": "NE1000V3.928", b"DIA": "14.43", b"DIR": "INF", b"DIS": counters}
        command = data[3:6] if data[:1] == b"\x02" else data[1:4]
        if command == b"SAF":
            self.safe = data != safe_packet("0SAF0")
        if command == b"RUN":
            self.start()
        if command == b"STP":
            self.stop()
        return self._frame(texts.get(command, ""))


class FaultyHarvard(FaultyLine):
    def _frame(self, *lines: str) -> bytes:
        prompt = ">" if self.moving else ":"
        return ("".join(f"\n{line}\r" for line in lines) + f"\n{prompt}\x11").encode()

    def is_start(self, data: bytes) -> bool:
        return data == b"irun\r"

    def refusal(self) -> bytes:
        return self._frame("Command error:", "   Not possible now")

    def answer(self, data: bytes) -> bytes:
        lines = {
            b"ver\r": " 11 Elite 3.0.4",
            b"tvolume\r": "Target volume not set",
            b"ivolume\r": f"{self.delivered_ul} ul",
            b"status\r": f"0 0 0 {'I' if self.moving else 'i'}...I.",
        }
        if data == b"irun\r":
            self.start()
        if data == b"stp\r":
            self.stop()
        return self._frame(*([lines[data]] if data in lines else []))


Made = tuple[FaultyLine, NewEraPump | HarvardPump]


def basic(faults: list[str]) -> Made:
    device, links = FaultyNewEra(faults), VirtualLinks(VirtualClock())
    return device, NewEraPump(links, links.connect("flow", device))


def safe(faults: list[str]) -> Made:
    device, links = FaultyNewEra(faults), VirtualLinks(VirtualClock())
    return device, NewEraPump(links, links.connect("flow", device), safe_timeout_s=20)


def harvard(faults: list[str]) -> Made:
    device, links = FaultyHarvard(faults), VirtualLinks(VirtualClock())
    return device, HarvardPump(links, links.connect("flow", device))


KINDS: dict[str, Callable[[list[str]], Made]] = {"basic": basic, "safe": safe, "harvard": harvard}
several = st.builds(
    lambda faults, bits, place: faults[:place] + bits + faults[place:],
    st.lists(st.sampled_from(FAULTS), max_size=12),
    st.lists(st.just("bit"), max_size=1),
    st.integers(0, 8),
)


@pytest.mark.parametrize("kind", list(KINDS))
@given(faults=several)
def test_a_start_leaves_at_most_once_and_what_is_said_of_it_is_true(kind: str, faults: list[str]) -> None:
    device, pump = KINDS[kind](faults)
    pump.open()
    device.break_it()
    try:
        acceptance = pump.infuse()
    except InstrumentError:
        assert not device.moving
    except RigError:  # given up before anything that delivers was sent
        assert device.starts == 0
    else:
        assert device.starts == 1
        assert device.moving or acceptance is Acceptance.UNKNOWN
    assert device.starts <= 1


@pytest.mark.parametrize("kind", list(KINDS))
@given(faults=several)
def test_a_stop_that_is_acknowledged_has_stopped(kind: str, faults: list[str]) -> None:
    device, pump = KINDS[kind](faults)
    pump.open()
    assert pump.infuse() is Acceptance.ACKNOWLEDGED
    device.break_it()
    if pump.stop() is Acceptance.ACKNOWLEDGED:
        assert not device.moving
    else:
        assert pump.unknown_because


@pytest.mark.parametrize("kind", list(KINDS))
@given(faults=several)
def test_a_stop_comes_through_whatever_the_opening_met(kind: str, faults: list[str]) -> None:
    device, pump = KINDS[kind](faults)
    device.start()
    device.break_it()
    with suppress(BenchError):
        pump.open()
    if pump.stop() is Acceptance.ACKNOWLEDGED:
        assert not device.moving


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
        st.binary(max_size=30),
        st.sampled_from(["00S", "00I", "00A?R", "00S?NA", "00SNE1000V3.928", "00SINF", "00SI0.000W0.000UL", "03S"]).map(
            new_era_answer
        ),
        st.sampled_from(
            [b"\n:", b"\n:\x11", b"\n>\x11", b"\n 11 Elite 3.0.4\r\n:\x11", b"\n0 ul\r\n:\x11", b"\n*\x11"]
        ),
    ),
    max_size=14,
)


@given(answers=babble, kind=st.sampled_from([NewEraPump, HarvardPump]))
def test_no_babble_makes_a_driver_fail_in_another_way_than_by_a_rig_error(
    answers: list[bytes], kind: Callable[..., NewEraPump | HarvardPump]
) -> None:
    links = VirtualLinks(VirtualClock())
    pump = kind(links, links.connect("flow", Babbler(answers)))
    for action in (pump.open, pump.settings, pump.status, pump.dispensed, pump.infuse, pump.stop):
        with suppress(RigError):
            action()
