"""What every `FlowSource` must do, whatever stands behind it: scripted bytes, the twin, or a real one on a bench.

Call `check_flow_source` with a function that makes a bench for a named situation and returns None where it cannot.
Every pump begins stopped, with empty counters and no target, and can be set to the bench's diameter and to 500 uL/h.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from rig.errors import BenchError, InstrumentError, TransportTimeout, UsageError
from rig.instruments import Acceptance, FlowAlarm, FlowAlarmRaised, FlowSource, FlowState
from rig.transport.links import Link, Links

RATE_UL_PER_H = 500.0
TARGET_UL = 250.0


@dataclass(frozen=True, slots=True)
class FlowBench:
    """A pump that nobody has talked to yet, its link, and the inside diameter of its syringe."""

    source: FlowSource
    links: Links
    link: Link
    model: str
    diameter_mm: float
    finish: Callable[[], None] = lambda: None


MakeBench = Callable[[str], FlowBench | None]


def check_identity_is_read(bench: FlowBench) -> None:
    """`identity`: it says who it is, and what it is set to."""
    identity = bench.source.identify()
    assert identity.model == bench.model
    assert identity.firmware
    settings = bench.source.settings()
    assert settings.diameter_mm.amount > 0
    assert settings.rate_ul_per_h.resolution > 0
    assert bench.source.acknowledged_ns > 0


def check_silence_is_a_time_out(bench: FlowBench) -> None:
    """`silent`: a pump that answers nothing at all is a time-out, in one line that names the link."""
    with pytest.raises(TransportTimeout) as caught:
        bench.source.identify()
    assert bench.link.name in str(caught.value)
    assert "\n" not in str(caught.value)


def check_another_device_is_an_error(bench: FlowBench) -> None:
    """`other_device`: something that is no such pump answers: one line, and no identity."""
    with pytest.raises(BenchError) as caught:
        bench.source.identify()
    assert not isinstance(caught.value, TransportTimeout)
    assert "\n" not in str(caught.value)


def check_settings_read_back(bench: FlowBench) -> None:
    """`settings`: diameter, rate and target are set and returned as the pump has them."""
    source = bench.source
    assert source.set_diameter(bench.diameter_mm).amount == pytest.approx(bench.diameter_mm)
    assert source.set_rate(RATE_UL_PER_H).amount == pytest.approx(RATE_UL_PER_H)
    target = source.set_target(TARGET_UL)
    assert target is not None
    assert target.amount == pytest.approx(TARGET_UL)
    assert source.set_target(None) is None


def check_what_cannot_be_set_never_reaches_the_pump(bench: FlowBench) -> None:
    """`steps`: amounts that the pump cannot be told exactly are usage errors, and nothing is sent."""
    source = bench.source
    source.identify()
    for amount in (0.0, -1.0, 123.4567891, float("nan"), float("inf")):
        with pytest.raises(UsageError):
            source.set_rate(amount)
        with pytest.raises(UsageError):
            source.set_target(amount)
        with pytest.raises(UsageError):
            source.set_diameter(amount)


def check_refused_rate_is_an_error(bench: FlowBench) -> None:
    """`rate_refused`: a rate that this syringe cannot have is an error that says so."""
    bench.source.identify()
    with pytest.raises((InstrumentError, UsageError), match=r"range|limits"):
        bench.source.set_rate(12_000_000.0)


def check_infusing_and_stopping_show(bench: FlowBench) -> None:
    """`run`: infusing shows in status and counter, a second start is refused, and stopping may be repeated."""
    source = bench.source
    source.identify()
    assert source.status().state is FlowState.STOPPED
    assert source.infuse() is Acceptance.ACKNOWLEDGED
    assert source.status().state is FlowState.INFUSING
    with pytest.raises(InstrumentError):
        source.infuse()
    counter = source.dispensed()
    assert counter.infused_ul.amount > 0
    assert counter.asked_ns <= counter.answered_ns
    assert source.stop() is Acceptance.ACKNOWLEDGED
    assert source.stop() is Acceptance.ACKNOWLEDGED
    assert source.status().state.at_rest
    source.clear_dispensed()
    assert source.dispensed().infused_ul.amount == 0


def check_lost_answer_to_a_start_is_settled(bench: FlowBench) -> None:
    """`start_answer_lost`: the pump starts, its answer is lost: its status settles it, and it was told once only."""
    bench.source.identify()
    assert bench.source.infuse() is Acceptance.ACKNOWLEDGED


def check_lost_start_is_unknown(bench: FlowBench) -> None:
    """`start_lost`: the command is lost: nothing shows that it was done, so that is not claimed, and it says why."""
    bench.source.identify()
    assert bench.source.infuse() is Acceptance.UNKNOWN
    assert bench.source.unknown_because


def check_line_that_dies_at_the_start_is_unknown(bench: FlowBench) -> None:
    """`start_then_silence`: nothing answers from the start command on: UNKNOWN."""
    bench.source.identify()
    assert bench.source.infuse() is Acceptance.UNKNOWN


def check_refused_start_is_an_error(bench: FlowBench) -> None:
    """`start_refused`: the pump refuses to start."""
    bench.source.identify()
    with pytest.raises(InstrumentError):
        bench.source.infuse()


def check_pump_that_withdraws_is_stopped(bench: FlowBench) -> None:
    """`withdraws`: told to infuse, it withdraws: it is stopped, and that is an error."""
    bench.source.identify()
    with pytest.raises(InstrumentError, match="withdrawing; it was stopped"):
        bench.source.infuse()


def check_stall_is_told(bench: FlowBench) -> None:
    """`stalled`: a stalled motor shows in the status and stays in the list of alarms."""
    bench.source.identify()
    found = bench.source.status()
    assert found.alarm is FlowAlarm.STALLED
    assert found.state.at_rest
    assert FlowAlarm.STALLED in [alarm for _, alarm in bench.source.alarms]


def check_start_answered_by_an_alarm_is_an_error(bench: FlowBench) -> None:
    """`start_alarm`: the answer to the start command is an alarm: nothing runs, and the alarm is named."""
    bench.source.identify()
    with pytest.raises(FlowAlarmRaised) as caught:
        bench.source.infuse()
    assert caught.value.alarm in [alarm for _, alarm in bench.source.alarms]


def check_stop_gets_through_a_bad_line(bench: FlowBench) -> None:
    """`stop_bad_line`: silence, noise and errors on the way: stopping is repeated until it is confirmed."""
    bench.source.identify()
    assert bench.source.stop() is Acceptance.ACKNOWLEDGED


def check_unconfirmed_stop_is_unknown(bench: FlowBench) -> None:
    """`stop_unconfirmed`: the pump goes on, or says nothing: nobody claims that it stands still."""
    bench.source.identify()
    assert bench.source.stop() is Acceptance.UNKNOWN
    assert bench.source.unknown_because


CHECKS: dict[str, Callable[[FlowBench], None]] = {
    "identity": check_identity_is_read,
    "silent": check_silence_is_a_time_out,
    "other_device": check_another_device_is_an_error,
    "settings": check_settings_read_back,
    "steps": check_what_cannot_be_set_never_reaches_the_pump,
    "rate_refused": check_refused_rate_is_an_error,
    "run": check_infusing_and_stopping_show,
    "start_answer_lost": check_lost_answer_to_a_start_is_settled,
    "start_lost": check_lost_start_is_unknown,
    "start_then_silence": check_line_that_dies_at_the_start_is_unknown,
    "start_refused": check_refused_start_is_an_error,
    "withdraws": check_pump_that_withdraws_is_stopped,
    "stalled": check_stall_is_told,
    "start_alarm": check_start_answered_by_an_alarm_is_an_error,
    "stop_bad_line": check_stop_gets_through_a_bad_line,
    "stop_unconfirmed": check_unconfirmed_stop_is_unknown,
}


def check_flow_source(make_bench: MakeBench) -> list[str]:
    """Run every check that ``make_bench`` can set the scene for; return the situations it could not make."""
    left_out = []
    for situation, check in CHECKS.items():
        bench = make_bench(situation)
        if bench is None:
            left_out.append(situation)
            continue
        check(bench)
        bench.finish()
    return left_out
