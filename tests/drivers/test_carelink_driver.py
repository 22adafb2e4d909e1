"""A pump behind a CareLink stick: read, commanded exactly once, and never misled by what the stick still holds."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.clock import VirtualClock
from rig.drivers.minimed import MinimedPump, minimed_pump
from rig.errors import InstrumentError, MalformedReply, RigError, TransportTimeout
from rig.instruments import Acceptance, BasalEntry
from rig.transport.virtual import VirtualLinks
from tests.drivers.carelink_stand_in import ACK, NOTHING, CareLinkStandIn, reply
from tests.drivers.scripted import ScriptedBench
from tests.transcripts.notation import Pair, Reply, expand, packet
from tests.wire.test_minimed_history import published_page

PUMP = "512847"
FAULTS = [
    "none",
    "command lost",
    "answer lost",
    "answer damaged",
    "answer late",
    "foreign answer",
    "refused",
    "stick refuses",
    "stick silent",
    "nothing to download",
]
BOLUSING = reply(3, packet("status bolusing")[6:-1])
COMMANDS: dict[str, Callable[[MinimedPump], Acceptance]] = {
    "bolus": lambda pump: pump.bolus(2.35),
    "temp basal": lambda pump: pump.set_temp_basal(0.85, 90),
    "resume": lambda pump: pump.resume(),
}


def pump_behind(stick: CareLinkStandIn) -> MinimedPump:
    links = VirtualLinks(VirtualClock())
    pump = minimed_pump(links, links.connect("pump", stick), PUMP, frozenset({PUMP}), kind="carelink")
    pump.open()
    return pump


def pieces(data: bytes, size: int = 128) -> list[bytes]:
    cut = [data[at : at + size] for at in range(0, len(data), size)]
    return [reply(4, part, last=number == len(cut)) for number, part in enumerate(cut, start=1)]


def test_the_stick_says_who_it_is_and_the_pump_is_read() -> None:
    pump = pump_behind(CareLinkStandIn())
    assert pump.stick_version == "ComLink II 1.16, 916.5 MHz, no. 123456"
    assert pump.model() == "723"
    assert not pump.status().bolusing
    assert pump.clock().isoformat() == "2025-03-09T14:05:30"
    assert pump.signal == "208 of 255"
    assert pump.rssi_dbm is None


def test_a_page_that_comes_in_pieces_is_put_together() -> None:
    stick = CareLinkStandIn(answers={0x80: pieces(published_page()), 0x8D: [reply(3, packet("model 522")[6:-1])]})
    events = pump_behind(stick).history(0)
    assert len(events) == 13
    assert events[0].kind == "rewind"
    assert stick.commands[-1][15:16] == b"\0"


def test_a_damaged_piece_has_the_whole_page_asked_for_again() -> None:
    whole = pieces(published_page(), 512)
    broken = [whole[0], whole[1][:-1] + b"\0" if whole[1][-1] else whole[1][:-1] + b"\1"]
    stick = CareLinkStandIn(answers={0x80: broken, 0x8D: [reply(3, packet("model 522")[6:-1])]})
    stick.acts = lambda _opcode, _: stick.answers.update({0x80: whole}) if len(stick.commands) > 3 else None
    assert len(pump_behind(stick).history(0)) == 13


def test_a_bolus_is_written_once_with_the_bytes_of_its_family_and_no_repeats_by_the_stick() -> None:
    stick = CareLinkStandIn()
    stick.acts = lambda opcode, _: stick.answers.update({0xCE: [BOLUSING]}) if opcode == 0x42 else None
    assert pump_behind(stick).bolus(2.35) is Acceptance.ACKNOWLEDGED
    assert stick.parameter_commands == [expand("42 00 5E")]


def test_a_profile_leaves_as_one_image_and_is_read_back_when_its_answer_is_lost() -> None:
    entries = [BasalEntry(0, 0.75), BasalEntry(13, 1.3), BasalEntry(36, 7.5)]
    image = expand("1E 00 00 34 00 0D 2C 01 24 00*183")
    stick = CareLinkStandIn(answers={0x92: pieces(image, 64)})
    stick.acts = lambda opcode, _: stick.answers.update({0x6F: [NOTHING]}) if opcode == 0x6F else None
    assert pump_behind(stick).set_profile(entries) is Acceptance.ACKNOWLEDGED
    assert stick.parameter_commands == [b"\x6f" + image]


def test_an_old_acknowledgement_in_the_stick_never_passes_for_a_new_one() -> None:
    stick = CareLinkStandIn(faults=["none", "none", "command lost"], stale=[ACK, ACK])
    assert pump_behind(stick).bolus(2.35) is Acceptance.UNKNOWN


def test_an_acknowledgement_is_believed_only_where_the_pump_shows_the_bolus() -> None:
    stick = CareLinkStandIn()  # acknowledges, and its pump's status stays what it was
    assert pump_behind(stick).bolus(2.35) is Acceptance.UNKNOWN
    assert stick.parameter_commands == [expand("42 00 5E")]


def test_a_late_acknowledgement_is_thrown_away_before_the_next_command() -> None:
    stick = CareLinkStandIn(faults=["none", "none", "answer late", "command lost"])
    pump = pump_behind(stick)
    assert pump.bolus(2.35) is Acceptance.UNKNOWN
    assert pump.bolus(0.5) is Acceptance.UNKNOWN


def test_a_sleeping_pump_is_woken_by_the_stick() -> None:
    stick = CareLinkStandIn(faults=["command lost", "command lost"])
    pump_behind(stick).wake()
    assert [command[13] for command in stick.commands].count(0x5D) >= 1


def test_a_silent_pump_is_a_time_out_that_names_it() -> None:
    with pytest.raises(TransportTimeout, match=PUMP):
        pump_behind(CareLinkStandIn(faults=["command lost"] * 20)).wake()


def test_another_device_on_the_port_is_told_apart() -> None:
    pairs = [Pair(b"\x04\0\0", (Reply(b"OK\r\n"),), "product info")]
    bench = ScriptedBench.of("pump", pairs)
    pump = minimed_pump(bench.links, bench.link, PUMP, frozenset({PUMP}), kind="carelink")
    with pytest.raises(MalformedReply, match="another device"):
        pump.open()


def test_a_port_without_a_stick_is_a_time_out() -> None:
    pairs = [Pair(b"\x04\0\0", (), "product info")] * 2
    bench = ScriptedBench.of("pump", pairs)
    pump = minimed_pump(bench.links, bench.link, PUMP, frozenset({PUMP}), kind="carelink")
    with pytest.raises(TransportTimeout):
        pump.open()


def test_a_refusal_of_the_pump_says_what_to_do() -> None:
    stick = CareLinkStandIn(faults=["none", "none", "refused"])
    with pytest.raises(InstrumentError, match="refused or unknown"):
        pump_behind(stick).bolus(2.35)


@pytest.mark.parametrize("name", list(COMMANDS))
@settings(deadline=None, max_examples=60)
@given(faults=st.lists(st.sampled_from(FAULTS), max_size=10))
def test_a_delivering_command_leaves_at_most_once_and_the_answer_is_honest(name: str, faults: list[str]) -> None:
    stick = CareLinkStandIn(faults=list(faults))
    carried_out: list[int] = []
    stick.acts = lambda opcode, parameters: carried_out.append(opcode) if parameters and opcode != 0x5D else None
    pump = pump_behind(stick)
    try:
        acceptance = COMMANDS[name](pump)
    except InstrumentError:
        assert carried_out == []
    except RigError:
        assert stick.parameter_commands == []
    else:
        assert len(stick.parameter_commands) == 1
        if acceptance is Acceptance.ACKNOWLEDGED and name == "bolus":
            assert len(carried_out) == 1


@settings(deadline=None, max_examples=40)
@given(faults=st.lists(st.sampled_from(FAULTS), max_size=10))
def test_suspending_may_be_repeated_and_ends_in_an_answer_or_one_clear_error(faults: list[str]) -> None:
    stick = CareLinkStandIn(faults=list(faults))
    with suppress(RigError):
        assert pump_behind(stick).suspend() in Acceptance
    assert set(stick.parameter_commands) <= {expand("4D 01")}
