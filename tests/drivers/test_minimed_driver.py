"""The MiniMed driver against dialogues of bytes: every byte it sends is checked, every answer must be read."""

from __future__ import annotations

import pytest

from rig.drivers.minimed import minimed_pump
from rig.errors import (
    ConfigError,
    InstrumentError,
    MalformedReply,
    TransportTimeout,
    UsageError,
)
from rig.instruments import (
    PumpBattery,
    PumpSettings,
    PumpStatus,
    TempBasal,
)
from rig.wire.crc import crc16
from rig.wire.minimed.packets import Opcode, fragment_packets
from tests.drivers.pump_script import LOCAL, PROFILE, PUMP, long_answer, pump_in, pump_on, step
from tests.transcripts.notation import Pair, Reply, asked, expand, load, packet, radio_pairs

SETTINGS = PumpSettings(9.0, 2.2, temp_basal_is_percent=False, pattern=0, insulin_action_h=4)


# --- contact ---


def test_constructing_sends_nothing() -> None:
    with pump_on([]):
        pass


def test_opening_checks_the_firmware_and_tunes_the_stick() -> None:
    with pump_in("stick opened at 916.5 MHz") as pump:
        assert pump.stick_version == "subg_rfspy 0.9"


def test_a_world_wide_pump_gets_its_own_frequency() -> None:
    tuned = [expand("06 0B 66"), expand("06 0A 2E"), expand("06 09 24")]
    opening = radio_pairs("stick opened at 916.5 MHz")[:2]
    with pump_on([*opening, *(Pair(command, (Reply(b"\x01\x00"),)) for command in tuned)], 868.35) as (pump, _):
        pump.open()


def test_only_serial_numbers_of_the_bench_are_addressed() -> None:
    with pump_on([]) as (_, bench), pytest.raises(ConfigError, match="not a device under test"):
        minimed_pump(bench.links, bench.link, "512848", frozenset({PUMP}))
    with pump_on([]) as (_, bench), pytest.raises(ConfigError, match="names no pump"):
        minimed_pump(bench.links, bench.link, PUMP, frozenset())


def test_a_serial_number_that_is_none_is_refused() -> None:
    with pump_on([]) as (_, bench), pytest.raises(ConfigError, match="six digits"):
        minimed_pump(bench.links, bench.link, "51284", frozenset({"51284"}))


@pytest.mark.parametrize("dialogue", ["723 awake", "522 awake", "asleep, woken by one burst"])
def test_a_pump_is_woken_only_when_it_sleeps(dialogue: str) -> None:
    with pump_in(dialogue) as pump:
        pump.wake()


def test_an_old_pump_may_need_a_second_burst() -> None:
    with pump_in("asleep, woken by a second burst") as pump:
        pump.wake()


def test_a_pump_out_of_range_is_one_clear_line() -> None:
    with pump_in("out of range") as pump, pytest.raises(TransportTimeout, match=r"pump 512847: not heard.*in range"):
        pump.wake()


@pytest.mark.parametrize("minutes", [0, 11])
def test_a_pump_is_not_asked_to_stay_awake_for_longer_than_it_can(minutes: int) -> None:
    with pump_in("stick opened at 916.5 MHz") as pump, pytest.raises(UsageError):
        pump.wake(minutes)


def test_a_pump_is_woken_again_once_its_radio_may_be_off() -> None:
    status = step(packet("status CE"), packet("status normal"))
    again = radio_pairs("723 awake")[-2:]
    with pump_on([*radio_pairs("723 awake"), status, *again, status]) as (pump, bench):
        pump.open()
        pump.status()
        bench.links.pause(600.0)
        pump.status()


def unheard(name: str) -> Pair:
    return Pair(asked(packet(name)), (Reply(b"\xaa\x00", 500),))


def test_a_pump_that_falls_silent_is_woken_once_and_asked_again() -> None:
    silence = [unheard("std profile 92")] * 3
    again = radio_pairs("723 awake")[-2:]
    pairs = [*radio_pairs("723 awake"), *silence, *again, *silence]
    with pump_on(pairs) as (pump, _), pytest.raises(TransportTimeout, match=r"no answer to profile \(92\) in 3 tries"):
        pump.profile()


def test_a_new_pump_gets_one_burst_only() -> None:
    burst = radio_pairs("out of range")[-4:-2]
    with pump_on([*radio_pairs("723 awake"), unheard("model 8D"), *burst]) as (pump, bench):
        pump.open()
        pump.wake()
        bench.links.pause(600.0)
        with pytest.raises(TransportTimeout, match="wake-up"):
            pump.status()


def test_the_pump_is_given_a_moment_after_each_answer() -> None:
    status = step(packet("status CE"), packet("status normal"))
    with pump_on([*radio_pairs("723 awake"), status, status]) as (pump, bench):
        pump.status()
        answered_ns = bench.link.last_rx_ns
        pump.status()
        assert bench.device.asked_ns[-1] - answered_ns == 200_000_000


# --- another thing on the port ---


def silent(count: int) -> list[Pair]:
    flush = Pair(bytes(10), ())
    state = Pair(b"\x01", ())
    return [state, *[flush, state] * (count - 1)]


def test_a_port_where_nothing_answers_is_one_clear_line() -> None:
    with pump_on(silent(3)) as (pump, _), pytest.raises(TransportTimeout, match=r"no radio stick answers.*2\.x"):
        pump.open()


def test_another_device_on_the_port_is_recognised() -> None:
    pairs = [Pair(pair.sent, (Reply(b"ES\r\n", 20),)) for pair in silent(3)]
    with pump_on(pairs) as (pump, _), pytest.raises(MalformedReply, match=r"another device.*19200"):
        pump.open()


def test_a_stick_with_half_a_command_in_it_is_brought_back_into_step() -> None:
    half = [Pair(b"\x01", ()), Pair(bytes(10), (Reply(b"\xaa\x00", 10),))]
    with pump_on([*half, *radio_pairs("stick opened at 916.5 MHz")]) as (pump, _):
        pump.open()


def test_a_stick_that_still_listens_for_somebody_else_is_brought_into_step() -> None:
    first, *rest = radio_pairs("stick opened at 916.5 MHz")
    interrupted = Pair(first.sent, (Reply(b"\xbb\x00", 1), Reply(b"OK\x00", 2)))
    with pump_on([interrupted, *rest]) as (pump, _):
        pump.open()


def test_a_stray_response_of_the_stick_is_not_taken_for_the_next_answer() -> None:
    status = step(packet("status CE"), packet("status normal"))
    stray = Pair(status.sent, (*status.replies, Reply(b"\xaa\x00", 150)))
    with pump_on([*radio_pairs("723 awake"), stray, status]) as (pump, bench):
        pump.open()
        pump.status()
        bench.links.pause(1.0)
        assert pump.status().normal


def test_an_answer_that_follows_an_interruption_is_heard() -> None:
    status = step(packet("status CE"), packet("status normal"))
    interrupted = Pair(status.sent, (Reply(b"\xbb\x00", 1), *status.replies))
    with pump_on([*radio_pairs("723 awake"), interrupted]) as (pump, _):
        pump.open()
        assert pump.status().normal


def test_a_wrong_firmware_is_refused_by_name() -> None:
    pairs = [Pair(b"\x01", (Reply(b"OK\x00"),)), Pair(b"\x02", (Reply(b"subg_rfspy 0.6\x00"),))]
    with pump_on(pairs) as (pump, _), pytest.raises(InstrumentError, match=r"subg_rfspy 0\.6.*flash"):
        pump.open()


# --- reads ---


def test_everything_a_723_reports_is_read() -> None:
    with pump_in("reads of a 723") as pump:
        assert pump.model() == "723"
        assert pump.serial_number() == PUMP
        assert pump.firmware() == "VER 2.4A1.1"
        assert pump.clock() == LOCAL
        assert pump.battery() == PumpBattery(low=False, voltage_v=1.38)
        assert pump.reservoir_u() == 82.625
        assert pump.status() == PumpStatus(normal=True, bolusing=False, suspended=False)
        assert pump.settings() == SETTINGS
        assert pump.temp_basal() == TempBasal(is_percent=False, percent=0, rate_u_per_h=0.85, minutes_left=87)
        assert pump.profile() == PROFILE
        assert pump.rssi_dbm == -33.0


def test_everything_a_522_reports_is_read() -> None:
    with pump_in("reads of a 522") as pump:
        assert pump.model() == "522"
        assert pump.battery() == PumpBattery(low=True, voltage_v=1.17)
        assert pump.reservoir_u() == 82.6
        assert pump.status() == PumpStatus(normal=True, bolusing=True, suspended=False)
        assert pump.status() == PumpStatus(normal=True, bolusing=False, suspended=True)
        assert pump.settings() == SETTINGS
        assert pump.temp_basal() == TempBasal(is_percent=True, percent=150, rate_u_per_h=0.0, minutes_left=120)
        assert pump.temp_basal().minutes_left == 0


@pytest.mark.parametrize("dialogue", ["read repeated until heard", "foreign pump and late answer passed over"])
def test_only_the_pumps_own_whole_answer_is_heard(dialogue: str) -> None:
    with pump_in(dialogue) as pump:
        assert pump.status() == PumpStatus(normal=True, bolusing=False, suspended=False)


def test_a_lost_fragment_is_asked_for_again() -> None:
    with pump_in("profile read, one fragment lost and asked for again") as pump:
        assert pump.profile() == PROFILE


def test_an_unsupported_model_is_refused_by_name() -> None:
    opening = radio_pairs("stick opened at 916.5 MHz")
    answer = step(packet("model 8D"), long_answer(Opcode.MODEL, "09 03 35 30 38"))
    with pump_on([*opening, answer]) as (pump, _), pytest.raises(InstrumentError, match=r"model 508.*22"):
        pump.model()


def test_a_pump_with_another_serial_number_inside_is_refused() -> None:
    other = step(packet("id 71"), long_answer(Opcode.PUMP_ID, "06 35 31 32 38 34 38"))
    with (
        pump_on([*radio_pairs("723 awake"), other]) as (pump, _),
        pytest.raises(InstrumentError, match="serial number 512848"),
    ):
        pump.serial_number()


# --- history ---


def history_dialogue(page: bytes) -> list[Pair]:
    """Return the reading of page 0 from a 522: two halves, then sixteen fragments, fifteen acknowledgements."""
    fragments = [fragment.encode() for fragment in fragment_packets(PUMP, Opcode.HISTORY_PAGE, page)]
    return [
        step(packet("history 80 (first half)"), packet("ACK")),
        step(packet("history page 0"), fragments[0], 1000),
        *(step(packet("ACK"), fragment) for fragment in fragments[1:]),
    ]


def page_of(content: bytes) -> bytes:
    filled = content.ljust(1022, b"\0")
    return filled + crc16(filled).to_bytes(2, "big")


RECORDS = [expand(record["bytes"]) for record in load("minimed_history.toml")["record"] if record.get("page")]


def test_a_history_page_is_read() -> None:
    with pump_on([*radio_pairs("522 awake"), *history_dialogue(page_of(b"".join(RECORDS)))]) as (pump, _):
        events = pump.history()
        assert [event.raw for event in events] == RECORDS
        (bolus,) = [event for event in events if event.kind == "bolus"]
        assert (bolus.programmed_u, bolus.delivered_u, bolus.remote) == (1.7, 1.7, True)


def test_a_damaged_history_page_is_read_again() -> None:
    page = page_of(b"".join(RECORDS))
    damaged = page[:100] + b"\x55" + page[101:]
    with pump_on([*radio_pairs("522 awake"), *history_dialogue(damaged), *history_dialogue(page)]) as (pump, _):
        assert len(pump.history()) == len(RECORDS)


def test_an_unknown_history_record_is_reported_and_the_rest_stays_available() -> None:
    page = page_of(RECORDS[0] + expand("F7 01 02 03 04"))
    with pump_on([*radio_pairs("522 awake"), *history_dialogue(page), *history_dialogue(page)]) as (pump, _):
        with pytest.raises(MalformedReply, match="not F7"):
            pump.history()
        assert [record.kind for record in pump.history_page().records] == ["rewind"]


def test_a_history_page_that_does_not_exist_is_named() -> None:
    with pump_in("history page that does not exist") as pump, pytest.raises(InstrumentError, match=r"0D.*not exist"):
        pump.history(3)


@pytest.mark.parametrize("page", [-1, 36])
def test_a_history_page_beyond_the_pump_is_not_asked_for(page: int) -> None:
    with pump_in("stick opened at 916.5 MHz") as pump, pytest.raises(UsageError):
        pump.history(page)
