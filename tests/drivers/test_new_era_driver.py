"""The New Era driver against dialogues of bytes, in both modes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from rig.drivers.new_era import NewEraPump, NewEraRefused
from rig.errors import DeviceChanged, InstrumentError, LinkLost, MalformedReply, RigError, TransportTimeout, UsageError
from rig.instruments import (
    Acceptance,
    FlowAlarm,
    FlowAlarmRaised,
    FlowSourceIdentity,
    FlowState,
    FlowStatus,
    ShownAmount,
)
from rig.wire.new_era import Fault
from tests.drivers.scripted import NS_PER_MS, ScriptedBench
from tests.transcripts.notation import Pair, Reply
from tests.transcripts.syringe_notation import new_era_pairs

IDENTITY = FlowSourceIdentity("NE1000", "3.928", 0)


@contextmanager
def pump_in(
    *dialogues: str, address: int = 0, safe_timeout_s: int = 0, unread: bytes = b""
) -> Iterator[tuple[NewEraPump, ScriptedBench]]:
    """Give a pump that will live through ``dialogues``; at the end every pair must have been used."""
    bench = ScriptedBench.of("flow", new_era_pairs(*dialogues))
    yield NewEraPump(bench.links, bench.link, address=address, safe_timeout_s=safe_timeout_s), bench
    bench.finish(unread=unread)


def test_constructing_sends_nothing() -> None:
    with pump_in():
        pass


@pytest.mark.parametrize(
    ("dialogue", "alarms"),
    [
        ("opened", []),
        ("opened after half a command", []),
        ("opened while infusing", []),
        ("opened after power-up", [FlowAlarm.RESET]),
        ("opened with several alarms and a lost answer", [FlowAlarm.RESET, FlowAlarm.STALLED]),
        ("opened while another program's safe mode is on", [FlowAlarm.LINK_SILENT]),
    ],
)
def test_opening_tells_who_it_is_and_keeps_the_alarms_of_before(dialogue: str, alarms: list[FlowAlarm]) -> None:
    with pump_in(dialogue) as (pump, _):
        assert pump.identify() == IDENTITY
        assert pump.identify() == IDENTITY
        assert [alarm for _, alarm in pump.alarms] == alarms


def test_a_pump_with_an_address_is_asked_by_it() -> None:
    with pump_in("opened at address 7", address=7) as (pump, _):
        assert pump.identify() == FlowSourceIdentity("NE500", "3.50", 7)


@pytest.mark.parametrize(
    ("dialogue", "error", "says"),
    [
        ("silent", TransportTimeout, "SAF 0"),
        ("something else answers", MalformedReply, "STX"),
        ("another pump answers", MalformedReply, "not of pump 3"),
    ],
)
def test_a_wrong_port_is_one_clear_line(dialogue: str, error: type[RigError], says: str) -> None:
    with pump_in(dialogue) as (pump, _):
        with pytest.raises(error, match=says) as caught:
            pump.open()
        assert "\n" not in str(caught.value)


def test_settings_are_read_with_the_worth_of_their_digits() -> None:
    with pump_in("opened", "settings") as (pump, _):
        settings = pump.settings()
        assert settings.diameter_mm == ShownAmount(14.43, 0.01, "14.43")
        assert settings.rate_ul_per_h == ShownAmount(500.0, 0.1, "500.0UH")
        assert settings.target_ul is None
        assert settings.infuses is True


def test_a_diameter_is_read_back() -> None:
    with pump_in("opened", "diameter 14.43 mm") as (pump, _):
        assert pump.set_diameter(14.43) == ShownAmount(14.43, 0.01, "14.43")


def test_a_diameter_that_the_pump_did_not_take_is_an_error() -> None:
    with (
        pump_in("opened", "diameter set otherwise") as (pump, _),
        pytest.raises(InstrumentError, match=r"14\.40.*14\.43 mm, as set"),
    ):
        pump.set_diameter(14.43)


def test_a_running_pump_refuses_another_diameter() -> None:
    with pump_in("opened", "diameter refused while infusing") as (pump, _):
        with pytest.raises(NewEraRefused, match=r"not applicable now.*infusing") as caught:
            pump.set_diameter(14.43)
        assert caught.value.fault is Fault.NOT_APPLICABLE
        assert caught.value.state is FlowState.INFUSING


@pytest.mark.parametrize("dialogue", ["rate 500 uL/h", "rate on a pump without programs", "rate whose answer is lost"])
def test_a_rate_is_set_for_a_plain_constant_flow_and_read_back(dialogue: str) -> None:
    with pump_in("opened", dialogue) as (pump, _):
        assert pump.set_rate(500.0) == ShownAmount(500.0, 0.1, "500.0UH")


def test_a_rate_is_set_in_the_unit_that_holds_it_exactly() -> None:
    with pump_in("opened", "rate 499.98 uL/h") as (pump, _):
        assert pump.set_rate(499.98).text == "8.333UM"


def test_a_rate_that_never_arrived_is_an_error() -> None:
    with (
        pump_in("opened", "rate that never arrived") as (pump, _),
        pytest.raises(InstrumentError, match=r"reads back as 100\.0MH"),
    ):
        pump.set_rate(500.0)


def test_a_rate_out_of_range_is_told_apart() -> None:
    with pump_in("opened", "rate out of range") as (pump, _):
        with pytest.raises(NewEraRefused, match="diameter") as caught:
            pump.set_rate(9999 * 60_000.0)
        assert caught.value.fault is Fault.OUT_OF_RANGE


def test_a_running_pump_gets_a_new_number_in_its_own_unit() -> None:
    with pump_in("opened", "rate while infusing") as (pump, _):
        assert pump.set_rate(250.0).amount == 250.0


def test_a_running_pump_is_not_told_another_unit() -> None:
    with (
        pump_in("opened", "rate in another unit while infusing") as (pump, _),
        pytest.raises(UsageError, match="exactly"),
    ):
        pump.set_rate(500.0)


def test_targets_are_set_with_their_unit_and_cleared() -> None:
    with pump_in("opened", "target 250 uL", "target 12.5 mL", "no target") as (pump, _):
        assert pump.set_target(250.0) == ShownAmount(250.0, 0.1, "250.0UL")
        assert pump.set_target(12_500.0) == ShownAmount(12_500.0, 10.0, "12.50ML")
        assert pump.set_target(None) is None


def test_infusing_is_acknowledged_by_the_status_alone() -> None:
    with pump_in("opened", "infuse", "status infusing") as (pump, bench):
        assert pump.infuse() is Acceptance.ACKNOWLEDGED
        assert pump.acknowledged_ns == bench.device.asked_ns[-1] + 20 * NS_PER_MS
        assert pump.status() == FlowStatus(FlowState.INFUSING)


@pytest.mark.parametrize(
    ("dialogue", "says"),
    [
        ("infuse from a pause", "it is paused; expected a stopped pump"),
        ("infuse while infusing", "it is infusing"),
        ("infuse with the direction changed at the pump", "direction is withdraw"),
    ],
)
def test_run_does_not_leave_for_a_pump_that_would_do_something_else(dialogue: str, says: str) -> None:
    with pump_in("opened", dialogue) as (pump, _), pytest.raises(InstrumentError, match=says):
        pump.infuse()


@pytest.mark.parametrize(
    ("dialogue", "acceptance", "because"),
    [
        ("infuse and the answer is lost", Acceptance.ACKNOWLEDGED, ""),
        ("infuse and the answer is damaged", Acceptance.ACKNOWLEDGED, ""),
        ("infuse, the answer is lost, and the target was reached", Acceptance.ACKNOWLEDGED, ""),
        ("infuse and the command is lost", Acceptance.UNKNOWN, "counter stood at 0.000UL and stands at 0.000UL"),
        ("infuse and then nothing at all", Acceptance.UNKNOWN, "no complete answer to RUN"),
        ("infuse, and one wrong bit made another answer this one", Acceptance.UNKNOWN, "it is stopped, its counter"),
        ("infuse answered by an alarm, and yet it runs", Acceptance.UNKNOWN, "and yet it is infusing"),
    ],
)
def test_run_leaves_once_and_a_lost_answer_is_settled_or_unknown(
    dialogue: str, acceptance: Acceptance, because: str
) -> None:
    with pump_in("opened", dialogue) as (pump, _):
        assert pump.infuse() is acceptance
        if because:
            assert because in pump.unknown_because


def test_an_alarm_in_place_of_a_start_says_that_nothing_runs() -> None:
    with pump_in("opened", "infuse answered by an alarm") as (pump, _):
        with pytest.raises(FlowAlarmRaised, match="not done: it was switched on again") as caught:
            pump.infuse()
        assert caught.value.alarm is FlowAlarm.RESET


def test_a_pump_that_refuses_and_yet_moves_is_unknown() -> None:
    moved = Pair(b"0RUN\r", (Reply(b"\x0200I?NA\x03", 20),))
    bench = ScriptedBench.of("flow", [*new_era_pairs("opened", "before a run"), moved])
    pump = NewEraPump(bench.links, bench.link)
    assert pump.infuse() is Acceptance.UNKNOWN
    assert "the pump is infusing" in pump.unknown_because
    bench.finish()


@pytest.mark.parametrize("dialogue", ["stop", "stop a stopped pump", "stop through a bad line"])
def test_stopping_goes_on_until_it_is_confirmed(dialogue: str) -> None:
    with pump_in("opened", dialogue) as (pump, _):
        pump.open()
        assert pump.stop() is Acceptance.ACKNOWLEDGED


def test_a_pump_is_stopped_without_having_been_asked_who_it_is() -> None:
    pairs = [new_era_pairs("opened after power-up")[0], *new_era_pairs("opened")[:1], *new_era_pairs("stop")]
    bench = ScriptedBench.of("flow", pairs)
    assert NewEraPump(bench.links, bench.link).stop() is Acceptance.ACKNOWLEDGED
    bench.finish()


def test_a_pump_that_stays_paused_stands_still() -> None:
    paused = Pair(b"0STP\r", (Reply(b"\x0200P\x03", 20),))
    bench = ScriptedBench.of("flow", [*new_era_pairs("opened"), paused, paused])
    pump = NewEraPump(bench.links, bench.link)
    pump.open()
    assert pump.stop() is Acceptance.ACKNOWLEDGED
    bench.finish()


@pytest.mark.parametrize("dialogue", ["stop and no answer ever", "stop that does not stop"])
def test_a_stop_that_nobody_confirms_is_unknown(dialogue: str) -> None:
    with pump_in("opened", dialogue) as (pump, _):
        pump.open()
        assert pump.stop() is Acceptance.UNKNOWN
        assert pump.unknown_because


def test_a_dead_line_is_given_up_in_the_time_that_the_page_states() -> None:
    dead = [*new_era_pairs("silent"), *new_era_pairs("stop and no answer ever")]
    bench = ScriptedBench.of("flow", dead)
    before_ns = bench.links.clock.link_ns()
    assert NewEraPump(bench.links, bench.link).stop() is Acceptance.UNKNOWN
    assert bench.links.clock.link_ns() - before_ns <= 14_000 * NS_PER_MS
    with pump_in("opened", "stop and no answer ever") as (pump, greeted):
        pump.open()
        before_ns = greeted.links.clock.link_ns()
        assert pump.stop() is Acceptance.UNKNOWN
        assert greeted.links.clock.link_ns() - before_ns <= 8_000 * NS_PER_MS


def test_the_answer_to_another_command_does_not_confirm_a_stop() -> None:
    other = Pair(b"0STP\r", (Reply(b"\x0200S14.43\x03", 20),))
    bench = ScriptedBench.of("flow", [*new_era_pairs("opened"), *[other] * 6])
    pump = NewEraPump(bench.links, bench.link)
    pump.open()
    assert pump.stop() is Acceptance.UNKNOWN
    bench.finish()


def test_a_stall_is_told_once_by_the_status_and_kept() -> None:
    with pump_in("opened", "stalled") as (pump, bench):
        assert pump.status() == FlowStatus(FlowState.STALLED, FlowAlarm.STALLED)
        assert pump.status() == FlowStatus(FlowState.STOPPED)
        assert pump.alarms == ((bench.device.asked_ns[-2] + 20 * NS_PER_MS, FlowAlarm.STALLED),)


def test_an_alarm_in_place_of_a_value_is_an_error_and_never_a_number() -> None:
    with pump_in("opened", "delivered, asked during an alarm") as (pump, _):
        with pytest.raises(FlowAlarmRaised, match="DIS was answered by an alarm"):
            pump.dispensed()
        assert pump.dispensed().infused_ul == ShownAmount(12.34, 0.01, "12.34UL")


def test_the_counter_is_told_between_two_times() -> None:
    with pump_in("opened", "delivered 12.34 uL") as (pump, bench):
        pump.open()
        counter = pump.dispensed()
        assert counter.answered_ns - counter.asked_ns == 20 * NS_PER_MS
        assert counter.answered_ns == bench.link.last_rx_ns


def test_counters_are_cleared_and_looked_at() -> None:
    with pump_in("opened", "clear the counters") as (pump, _):
        pump.clear_dispensed()


def test_a_late_answer_is_never_taken_for_the_next_one() -> None:
    with pump_in("opened", "a late answer") as (pump, _):
        pump.open()
        assert pump._read("DIA") == "20.00"


def test_a_read_is_repeated_when_the_line_lost_it() -> None:
    with pump_in("opened", "reads through a bad line") as (pump, _):
        assert pump.dispensed().infused_ul.amount == 12.34


# --- safe mode


def test_safe_mode_is_spoken_both_ways() -> None:
    with pump_in("opened in safe mode", safe_timeout_s=20) as (pump, _):
        assert pump.identify() == IDENTITY


def test_a_read_is_repeated_when_either_crc_was_wrong() -> None:
    with pump_in("opened in safe mode", "safe: reads through a bad line", safe_timeout_s=20) as (pump, _):
        assert pump.dispensed().infused_ul.amount == 12.34


def test_an_alarm_that_comes_unasked_is_kept_and_no_answer_is_shifted() -> None:
    dialogues = ("opened in safe mode", "safe: infuse, and a stall comes unasked")
    with pump_in(*dialogues, safe_timeout_s=20) as (pump, bench):
        assert pump.infuse() is Acceptance.ACKNOWLEDGED
        bench.links.pause(5.0)
        assert pump.status() == FlowStatus(FlowState.STALLED, FlowAlarm.STALLED)
        assert pump.status() == FlowStatus(FlowState.STOPPED)
        assert [alarm for _, alarm in pump.alarms] == [FlowAlarm.STALLED] * 2


def test_a_packet_that_arrived_damaged_was_not_done() -> None:
    dialogues = ("opened in safe mode", "safe: a packet damaged on its way out")
    with pump_in(*dialogues, safe_timeout_s=20) as (pump, _):
        with pytest.raises(NewEraRefused, match="damaged") as caught:
            pump.infuse()
        assert caught.value.fault is Fault.BAD_PACKET


def test_a_damaged_answer_is_settled_by_the_status() -> None:
    dialogues = ("opened in safe mode", "safe: the CRC of the answer is wrong")
    with pump_in(*dialogues, safe_timeout_s=20) as (pump, _):
        assert pump.infuse() is Acceptance.ACKNOWLEDGED


def test_an_answer_in_the_other_mode_is_refused() -> None:
    basic = replace(new_era_pairs("opened in safe mode")[1], replies=(Reply(b"\x0200SNE1000V3.928\x03", 20),))
    bench = ScriptedBench.of("flow", [new_era_pairs("opened in safe mode")[0], *[basic] * 3])
    with pytest.raises(MalformedReply, match="safe mode"):
        NewEraPump(bench.links, bench.link, safe_timeout_s=20).open()
    bench.finish()


# --- a plug that is pulled and put back


def reopened(bench: ScriptedBench) -> None:
    bench.links.unplug("flow")
    bench.links.replug("flow")
    assert bench.links.reopen(bench.link)


def test_a_pump_that_came_back_is_greeted_anew_and_must_have_the_same_syringe() -> None:
    again = ("opened after power-up", "diameter unchanged", "status stopped")
    with pump_in("opened", "diameter 14.43 mm", *again) as (pump, bench):
        pump.set_diameter(14.43)
        bench.links.unplug("flow")
        with pytest.raises(LinkLost):
            pump.status()
        bench.links.replug("flow")
        assert bench.links.bring_back(bench.link, pump.open) is None
        assert pump.status() == FlowStatus(FlowState.STOPPED)
        assert [alarm for _, alarm in pump.alarms] == [FlowAlarm.RESET]


def test_another_syringe_after_the_plug_was_pulled_is_refused() -> None:
    with pump_in("opened", "diameter 14.43 mm", "opened", "diameter changed") as (pump, bench):
        pump.set_diameter(14.43)
        reopened(bench)
        with pytest.raises(DeviceChanged, match=r"diameter of 14\.4 mm; expected 14\.43 mm"):
            pump.status()


def test_another_pump_after_the_plug_was_pulled_is_refused() -> None:
    other = replace(new_era_pairs("opened")[1], replies=(Reply(b"\x0200SNE500V3.50\x03", 20),))
    bench = ScriptedBench.of("flow", [*new_era_pairs("opened"), new_era_pairs("opened")[0], other])
    pump = NewEraPump(bench.links, bench.link)
    pump.open()
    reopened(bench)
    with pytest.raises(DeviceChanged, match=r"NE500 3\.50; expected NE1000 3\.928"):
        pump.status()
    bench.finish()


def test_a_plug_pulled_after_run_left_is_unknown() -> None:
    with pump_in("opened", "infuse and the plug is pulled") as (pump, bench):
        pump.open()
        bench.links.schedule(bench.links.clock.link_ns() + 300 * NS_PER_MS, lambda _: bench.links.unplug("flow"))
        assert pump.infuse() is Acceptance.UNKNOWN
        assert "unplugged" in pump.unknown_because
