"""The Harvard driver against dialogues of bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise

import pytest

from rig.drivers.harvard import HarvardPump, HarvardRefused
from rig.errors import DeviceChanged, InstrumentError, MalformedReply, RigError, TransportTimeout, UsageError
from rig.instruments import (
    Acceptance,
    FlowAlarm,
    FlowAlarmRaised,
    FlowSourceIdentity,
    FlowState,
    FlowStatus,
    ShownAmount,
)
from tests.drivers.scripted import NS_PER_MS, ScriptedBench
from tests.transcripts.notation import Pair, Reply
from tests.transcripts.syringe_notation import harvard_pairs

ELITE = FlowSourceIdentity("11 Elite", "3.0.4", 0)
ULTRA = FlowSourceIdentity("PHD ULTRA I/W", "2.0.4", 0)


@contextmanager
def pump_in(*dialogues: str, address: int = 0) -> Iterator[tuple[HarvardPump, ScriptedBench]]:
    """Give a pump that will live through ``dialogues``; at the end every pair must have been used."""
    bench = ScriptedBench.of("flow", harvard_pairs(*dialogues))
    yield HarvardPump(bench.links, bench.link, address=address), bench
    bench.finish()


def test_constructing_sends_nothing() -> None:
    with pump_in():
        pass


@pytest.mark.parametrize(
    ("dialogue", "identity"),
    [
        ("opened", ELITE),
        ("opened again, polling already", ELITE),
        ("opened when the first prompt has no XON yet", ELITE),
        ("opened while infusing", ELITE),
        ("a PHD ULTRA opened", ULTRA),
    ],
)
def test_opening_tells_who_it_is(dialogue: str, identity: FlowSourceIdentity) -> None:
    with pump_in(dialogue) as (pump, _):
        assert pump.identify() == identity
        assert pump.identify() == identity
        assert pump.alarms == ()


@pytest.mark.parametrize(
    ("dialogue", "model"),
    [("opened at address 12", "11 ELITE I/W Single"), ("opened at address 12 with a colon", "PHD ULTRA I/W")],
)
def test_the_form_of_an_address_is_found_out(dialogue: str, model: str) -> None:
    with pump_in(dialogue, address=12) as (pump, _):
        identity = pump.identify()
        assert (identity.model, identity.address) == (model, 12)


@pytest.mark.parametrize(
    ("dialogue", "error", "says"),
    [
        ("silent", TransportTimeout, "poll on"),
        ("something else answers", MalformedReply, "ES"),
        ("echo is on", MalformedReply, "echo off"),
        ("another model", InstrumentError, "it is a Legato 110; expected Pump 11 Elite or PHD ULTRA"),
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
        assert settings.diameter_mm == ShownAmount(14.427, 0.0001, "14.4270 mm")
        assert settings.rate_ul_per_h == ShownAmount(500.0, 1.0, "500 ul/hr")
        assert settings.target_ul is None
        assert (settings.lowest_ul_per_h, settings.highest_ul_per_h) == (1.0374, 1_077_000.0)


def test_a_diameter_is_read_back() -> None:
    with pump_in("opened", "diameter 14.427 mm") as (pump, _):
        assert pump.set_diameter(14.427) == ShownAmount(14.427, 0.0001, "14.4270 mm")


def test_a_diameter_that_the_pump_did_not_take_is_an_error() -> None:
    with (
        pump_in("opened", "diameter set otherwise") as (pump, _),
        pytest.raises(InstrumentError, match=r"14\.4000 mm.*14\.427 mm, as set"),
    ):
        pump.set_diameter(14.427)


def test_a_running_pump_refuses_another_diameter() -> None:
    with pump_in("opened", "diameter refused while infusing") as (pump, _):
        with pytest.raises(HarvardRefused, match=r"command error, Not possible now .*infusing") as caught:
            pump.set_diameter(14.427)
        assert caught.value.state is FlowState.INFUSING


@pytest.mark.parametrize("dialogue", ["rate 500 uL/h", "rate whose answer is lost"])
def test_a_rate_is_set_and_read_back(dialogue: str) -> None:
    with pump_in("opened", dialogue) as (pump, _):
        assert pump.set_rate(500.0) == ShownAmount(500.0, 1.0, "500 ul/hr")


def test_a_rate_that_is_shown_rounded_is_returned_as_shown_with_the_worth_of_its_last_digit() -> None:
    with pump_in("opened", "rate 499.98 uL/h, shown rounded") as (pump, _):
        shown = pump.set_rate(499.98)
        assert shown.amount == pytest.approx(499.8)
        assert shown.resolution == pytest.approx(0.6)


def test_a_rate_that_never_arrived_is_an_error() -> None:
    with (
        pump_in("opened", "rate that never arrived") as (pump, _),
        pytest.raises(InstrumentError, match="reads back as 100 ul/hr"),
    ):
        pump.set_rate(500.0)


def test_a_rate_beyond_the_limits_is_not_sent() -> None:
    with (
        pump_in("opened", "limits") as (pump, _),
        pytest.raises(UsageError, match=r"expected 17\.29 nl/min to 17\.95 ml/min"),
    ):
        pump.set_rate(1.0)


def test_a_rate_that_the_pump_refuses_is_told_with_the_argument() -> None:
    with pump_in("opened", "rate refused by the pump") as (pump, _):
        with pytest.raises(HarvardRefused, match=r"argument error \('500'\), Out of range") as caught:
            pump.set_rate(500.0)
        assert caught.value.refusal.argument == "500"


def test_a_running_pump_gets_a_new_rate() -> None:
    with pump_in("opened", "rate while infusing") as (pump, _):
        assert pump.set_rate(250.0).amount == 250.0


def test_targets_are_set_with_their_unit_and_cleared() -> None:
    with pump_in("opened", "target 250 uL", "target 12.5 mL", "no target") as (pump, _):
        assert pump.set_target(250.0) == ShownAmount(250.0, 1.0, "250 ul")
        assert pump.set_target(12_500.0) == ShownAmount(12_500.0, 100.0, "12.5 ml")
        assert pump.set_target(None) is None


def test_a_target_that_stays_is_an_error() -> None:
    told = replace(harvard_pairs("no target")[2], replies=(Reply(b"\n250 ul\r\n:\x11", 20),))
    bench = ScriptedBench.of("flow", [*harvard_pairs("opened"), *harvard_pairs("no target")[:2], told])
    with pytest.raises(InstrumentError, match="'250 ul'; expected no target volume"):
        HarvardPump(bench.links, bench.link).set_target(None)
    bench.finish()


def test_infusing_is_acknowledged_by_the_prompt_alone() -> None:
    with pump_in("opened", "infuse", "status infusing") as (pump, bench):
        assert pump.infuse() is Acceptance.ACKNOWLEDGED
        assert pump.acknowledged_ns == bench.device.asked_ns[-1] + 20 * NS_PER_MS
        assert pump.status() == FlowStatus(FlowState.INFUSING)


def test_a_small_target_may_be_reached_at_once() -> None:
    with pump_in("opened", "infuse and the target is reached at once") as (pump, _):
        assert pump.infuse() is Acceptance.ACKNOWLEDGED


@pytest.mark.parametrize(
    ("dialogue", "says"),
    [
        ("infuse while infusing", "it is infusing; expected a stopped pump"),
        ("infuse to a target that was delivered already", "250 ul is reached already"),
    ],
)
def test_irun_does_not_leave_for_a_pump_that_would_do_something_else(dialogue: str, says: str) -> None:
    with pump_in("opened", dialogue) as (pump, _), pytest.raises(InstrumentError, match=says):
        pump.infuse()


@pytest.mark.parametrize(
    ("dialogue", "acceptance", "because"),
    [
        ("infuse and the answer is lost", Acceptance.ACKNOWLEDGED, ""),
        ("infuse and the answer is damaged", Acceptance.ACKNOWLEDGED, ""),
        ("infuse, the answer is lost, and the target was reached", Acceptance.ACKNOWLEDGED, ""),
        ("infuse and the command is lost", Acceptance.UNKNOWN, "counter stood at 0 ul and stands at 0 ul"),
        ("infuse and then nothing at all", Acceptance.UNKNOWN, "no complete answer to irun"),
        ("infuse and the pump lost its supply", Acceptance.UNKNOWN, "lost its supply"),
        ("infuse, and it runs without XON", Acceptance.ACKNOWLEDGED, ""),
    ],
)
def test_irun_leaves_once_and_a_lost_answer_is_settled_or_unknown(
    dialogue: str, acceptance: Acceptance, because: str
) -> None:
    with pump_in("opened", dialogue) as (pump, _):
        assert pump.infuse() is acceptance
        if because:
            assert because in pump.unknown_because


def test_a_refused_start_is_an_error_with_the_pumps_own_words() -> None:
    with (
        pump_in("opened", "infuse refused") as (pump, _),
        pytest.raises(HarvardRefused, match="Not in quick start mode"),
    ):
        pump.infuse()


def test_a_stall_at_the_start_says_that_nothing_runs() -> None:
    with pump_in("opened", "infuse and it stalls at once") as (pump, _):
        with pytest.raises(FlowAlarmRaised, match="stalled"):
            pump.infuse()
        assert [alarm for _, alarm in pump.alarms] == [FlowAlarm.STALLED]


def test_a_pump_that_refuses_and_yet_moves_is_unknown() -> None:
    moved = Pair(b"irun\r", (Reply(b"\nCommand error:\r\n   Not possible now\r\n>\x11", 20),))
    bench = ScriptedBench.of("flow", [*harvard_pairs("opened", "before a run"), moved])
    pump = HarvardPump(bench.links, bench.link)
    assert pump.infuse() is Acceptance.UNKNOWN
    assert "the pump is infusing" in pump.unknown_because
    bench.finish()


@pytest.mark.parametrize(
    "dialogue",
    [
        "stop, confirmed by the status",
        "stop a stopped pump",
        "stop through a bad line",
        "stop after the screen was touched",
        "stop that its status denies",
    ],
)
def test_stopping_goes_on_until_it_is_confirmed(dialogue: str) -> None:
    with pump_in("opened", dialogue) as (pump, _):
        pump.open()
        assert pump.stop() is Acceptance.ACKNOWLEDGED


def test_a_pump_is_stopped_without_having_been_asked_who_it_is() -> None:
    stop = harvard_pairs("stop, confirmed by the status")
    bench = ScriptedBench.of("flow", [*harvard_pairs("opened while infusing")[:2], *stop])
    assert HarvardPump(bench.links, bench.link).stop() is Acceptance.ACKNOWLEDGED
    bench.finish()


def test_a_refused_greeting_does_not_confirm_a_stop() -> None:
    refused = Pair(b"poll on\r", (Reply(b"\nCommand error:\r\n   Unknown command\r\n:", 20),))
    reopen = Pair(b"\r", (Reply(b"\n:", 20),))
    moving = Pair(b"stp\r", (Reply(b"\n>\x11", 20),))
    bench = ScriptedBench.of("flow", [reopen, refused, moving] * 6)
    assert HarvardPump(bench.links, bench.link).stop() is Acceptance.UNKNOWN
    bench.finish()


@pytest.mark.parametrize("dialogue", ["stop and no answer ever", "stop that does not stop"])
def test_a_stop_that_nobody_confirms_is_unknown(dialogue: str) -> None:
    with pump_in("opened", dialogue) as (pump, _):
        pump.open()
        assert pump.stop() is Acceptance.UNKNOWN
        assert pump.unknown_because


def test_a_dead_line_is_given_up_in_the_time_that_the_page_states() -> None:
    dead = [Pair(data, ()) for data in (b"\r", b"poll on\r", b"stp\r")]
    bench = ScriptedBench.of("flow", [*dead, *[each for _ in range(5) for each in dead]])
    before_ns = bench.links.clock.link_ns()
    assert HarvardPump(bench.links, bench.link).stop() is Acceptance.UNKNOWN
    assert bench.links.clock.link_ns() - before_ns <= 20_000 * NS_PER_MS
    with pump_in("opened", "stop and no answer ever") as (pump, greeted):
        pump.open()
        before_ns = greeted.links.clock.link_ns()
        assert pump.stop() is Acceptance.UNKNOWN
        assert greeted.links.clock.link_ns() - before_ns <= 10_000 * NS_PER_MS


def test_the_answer_to_another_command_does_not_confirm_a_stop() -> None:
    other = Pair(b"stp\r", (Reply(b"\n14.4270 mm\r\n:\x11", 20),))
    bench = ScriptedBench.of("flow", [*harvard_pairs("opened"), *[other] * 6])
    pump = HarvardPump(bench.links, bench.link)
    pump.open()
    assert pump.stop() is Acceptance.UNKNOWN
    bench.finish()


def test_a_stall_is_told_for_as_long_as_it_shows_and_kept_once() -> None:
    with pump_in("opened", "stalled", "status target reached") as (pump, bench):
        assert pump.status() == FlowStatus(FlowState.STALLED, FlowAlarm.STALLED)
        at_ns = bench.link.last_rx_ns
        assert pump.status() == FlowStatus(FlowState.STALLED, FlowAlarm.STALLED)
        assert pump.status() == FlowStatus(FlowState.TARGET_REACHED)
        assert pump.alarms == ((at_ns, FlowAlarm.STALLED),)


def test_a_counter_is_told_during_a_stall() -> None:
    with pump_in("opened", "delivered, asked during a stall") as (pump, _):
        assert pump.dispensed().infused_ul == ShownAmount(12.345, 0.001, "12.345 ul")
        assert [alarm for _, alarm in pump.alarms] == [FlowAlarm.STALLED]


def test_the_counter_is_told_between_two_times() -> None:
    with pump_in("opened", "delivered 12.345 uL") as (pump, bench):
        pump.open()
        counter = pump.dispensed()
        assert counter.answered_ns - counter.asked_ns == 20 * NS_PER_MS
        assert counter.answered_ns == bench.link.last_rx_ns


def test_a_prompt_that_leaks_into_the_next_answer_does_no_harm() -> None:
    with pump_in("opened", "a target reached leaks into the next answer") as (pump, _):
        assert pump.dispensed().infused_ul.amount == 250.0


def test_counters_are_cleared_and_looked_at() -> None:
    with pump_in("opened", "clear the counters") as (pump, _):
        pump.clear_dispensed()


def test_counters_that_stay_are_an_error() -> None:
    told = replace(harvard_pairs("clear the counters")[1], replies=(Reply(b"\n3 ul\r\n:\x11", 20),))
    bench = ScriptedBench.of("flow", [*harvard_pairs("opened"), harvard_pairs("clear the counters")[0], told])
    with pytest.raises(InstrumentError, match="3 ul"):
        HarvardPump(bench.links, bench.link).clear_dispensed()
    bench.finish()


def test_a_late_answer_is_never_taken_for_the_next_one() -> None:
    with pump_in("opened", "a late answer") as (pump, _):
        pump.open()
        assert pump._line.read("diameter") == "20.0000 mm"


def test_a_read_is_repeated_when_the_line_lost_it() -> None:
    with pump_in("opened", "reads through a bad line") as (pump, _):
        assert pump.dispensed().infused_ul.amount == 12.345


def test_a_pump_that_lost_its_supply_is_told_from_a_silent_one_and_greeted_anew() -> None:
    with pump_in("opened", "lost its supply: no XON any more", "opened", "status stopped") as (pump, _):
        pump.open()
        with pytest.raises(FlowAlarmRaised, match="lost its supply"):
            pump.status()
        assert [alarm for _, alarm in pump.alarms] == [FlowAlarm.RESET]
        assert pump.status() == FlowStatus(FlowState.STOPPED)


# --- a plug that is pulled and put back


def reopened(bench: ScriptedBench) -> None:
    bench.links.unplug("flow")
    bench.links.replug("flow")
    assert bench.links.reopen(bench.link)


def test_a_pump_that_came_back_is_greeted_anew_and_must_have_the_same_syringe() -> None:
    with pump_in("opened", "diameter 14.427 mm", "opened", "diameter unchanged", "status stopped") as (pump, bench):
        pump.set_diameter(14.427)
        reopened(bench)
        assert pump.status() == FlowStatus(FlowState.STOPPED)


def test_another_syringe_after_the_plug_was_pulled_is_refused() -> None:
    with pump_in("opened", "diameter 14.427 mm", "opened", "diameter changed") as (pump, bench):
        pump.set_diameter(14.427)
        reopened(bench)
        with pytest.raises(DeviceChanged, match=r"diameter of 14\.4 mm; expected 14\.427 mm"):
            pump.status()


def test_another_pump_after_the_plug_was_pulled_is_refused() -> None:
    with pump_in("opened", "a PHD ULTRA opened") as (pump, bench):
        pump.open()
        reopened(bench)
        with pytest.raises(DeviceChanged, match=r"PHD ULTRA I/W 2\.0\.4; expected 11 Elite 3\.0\.4"):
            pump.status()


def test_a_plug_pulled_after_irun_left_is_unknown() -> None:
    with pump_in("opened", "infuse and the plug is pulled") as (pump, bench):
        pump.open()
        bench.links.schedule(bench.links.clock.link_ns() + 300 * NS_PER_MS, lambda _: bench.links.unplug("flow"))
        assert pump.infuse() is Acceptance.UNKNOWN
        assert "unplugged" in pump.unknown_because


def test_a_pump_that_answers_and_does_not_stop_is_given_half_a_second_before_each_try() -> None:
    sent_ns: list[int] = []
    goes_on = [Pair(b"stp\r", (Reply(b"\n>\x11", 20),)) for _ in range(6)]
    bench = ScriptedBench.of("flow", [*harvard_pairs("opened"), *goes_on])
    pump = HarvardPump(bench.links, bench.link)
    pump.open()
    tap = bench.links.tap

    def listen(name: str, direction: str, at_ns: int, data: bytes) -> None:
        tap(name, direction, at_ns, data)
        if data == b"stp\r":
            sent_ns.append(at_ns)

    bench.links.tap = listen
    assert pump.stop() is Acceptance.UNKNOWN
    assert len(sent_ns) == 6
    assert min(after - before for before, after in pairwise(sent_ns)) >= 500 * NS_PER_MS
