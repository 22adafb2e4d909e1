"""What every `Pump` must do, whatever stands behind it: scripted bytes, the twin, or a real one on a bench.

Call `check_pump` with a function that makes a bench for a named situation and returns None where it cannot. Every pump
begins suspended or with nothing in flight, a reservoir of at least 20 U and limits of at least 5 U and 2.2 U/h.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from rig.errors import InstrumentError, TransportTimeout, UsageError
from rig.instruments import Acceptance, BasalEntry, Pump
from rig.transport.links import Link, Links

PROFILE = [BasalEntry(0, 0.75), BasalEntry(13, 1.3), BasalEntry(36, 2.0)]


@dataclass(frozen=True, slots=True)
class PumpBench:
    """A pump that nobody has talked to yet, its link, and who it is."""

    pump: Pump
    links: Links
    link: Link
    model: str
    serial: str
    finish: Callable[[], None] = lambda: None


MakeBench = Callable[[str], PumpBench | None]


def check_identity_is_read(bench: PumpBench) -> None:
    """`identity`: an awake pump says who it is, and its readings are of a sane size."""
    pump = bench.pump
    pump.wake()
    assert pump.model() == bench.model
    assert pump.serial_number() == bench.serial
    assert pump.firmware()
    assert pump.clock().year >= 2000
    assert 0.5 < pump.battery().voltage_v < 2.0
    assert 0 <= pump.reservoir_u() <= 300
    settings = pump.settings()
    assert 0 < settings.max_bolus_u <= 25
    assert 0 < settings.max_basal_u_per_h <= 35


def check_sleeping_pump_is_woken(bench: PumpBench) -> None:
    """`asleep`: a pump whose radio sleeps is woken, and answers afterwards."""
    bench.pump.wake()
    assert bench.pump.status().normal


def check_silent_pump_is_a_time_out(bench: PumpBench) -> None:
    """`out_of_range`: a pump that is never heard is a time-out, in one line that names it."""
    with pytest.raises(TransportTimeout) as caught:
        bench.pump.wake()
    assert bench.serial in str(caught.value)
    assert "\n" not in str(caught.value)


def check_profile_reads_back(bench: PumpBench) -> None:
    """`profile`: a profile that was written is read back."""
    bench.pump.wake()
    assert bench.pump.set_profile(PROFILE) is Acceptance.ACKNOWLEDGED
    assert bench.pump.profile() == PROFILE


def check_suspend_and_resume_show_in_the_status(bench: PumpBench) -> None:
    """`suspend`: suspending and resuming show in the status."""
    pump = bench.pump
    pump.wake()
    assert pump.suspend() is Acceptance.ACKNOWLEDGED
    assert pump.status().suspended
    assert pump.resume() is Acceptance.ACKNOWLEDGED
    assert not pump.status().suspended


def check_temp_basal_shows_and_is_cancelled(bench: PumpBench) -> None:
    """`temp_basal`: an absolute temporary basal is shown with its rate and time, and can be cancelled."""
    pump = bench.pump
    pump.wake()
    assert pump.set_temp_basal(0.85, 90) is Acceptance.ACKNOWLEDGED
    running = pump.temp_basal()
    assert not running.is_percent
    assert running.rate_u_per_h == pytest.approx(0.85)
    assert 88 <= running.minutes_left <= 90
    assert pump.set_temp_basal(0.0, 0) is Acceptance.ACKNOWLEDGED
    assert pump.temp_basal().minutes_left == 0


def check_bolus_shows_and_a_second_is_refused(bench: PumpBench) -> None:
    """`bolus`: a bolus of 1.0 U runs, and the pump refuses a second one meanwhile."""
    pump = bench.pump
    pump.wake()
    assert pump.bolus(1.0) is Acceptance.ACKNOWLEDGED
    assert pump.status().bolusing
    with pytest.raises(InstrumentError, match="already in progress"):
        pump.bolus(1.0)


def check_lost_acknowledgement_of_a_bolus_is_unknown(bench: PumpBench) -> None:
    """`bolus_ack_lost`: the pump acts, its acknowledgement is lost: UNKNOWN, and the pump was told once only."""
    pump = bench.pump
    pump.wake()
    assert pump.bolus(1.0) is Acceptance.UNKNOWN
    assert pump.status().bolusing


def check_lost_acknowledgement_of_a_temp_basal_is_settled(bench: PumpBench) -> None:
    """`temp_ack_lost`: the pump acts, its acknowledgement is lost: reading back settles it."""
    pump = bench.pump
    pump.wake()
    assert pump.set_temp_basal(0.85, 90) is Acceptance.ACKNOWLEDGED


def check_amounts_between_steps_never_reach_the_pump(bench: PumpBench) -> None:
    """`steps`: what the pump cannot be told exactly is a usage error, and nothing starts."""
    pump = bench.pump
    pump.wake()
    for amount_u in (0.0, 1.013, 100.0):
        with pytest.raises(UsageError):
            pump.bolus(amount_u)
    for rate_u_per_h, minutes in ((0.013, 60), (0.85, 45)):
        with pytest.raises(UsageError):
            pump.set_temp_basal(rate_u_per_h, minutes)
    with pytest.raises(UsageError):
        pump.set_profile([])
    assert not pump.status().bolusing


CHECKS: dict[str, Callable[[PumpBench], None]] = {
    "identity": check_identity_is_read,
    "asleep": check_sleeping_pump_is_woken,
    "out_of_range": check_silent_pump_is_a_time_out,
    "profile": check_profile_reads_back,
    "suspend": check_suspend_and_resume_show_in_the_status,
    "temp_basal": check_temp_basal_shows_and_is_cancelled,
    "bolus": check_bolus_shows_and_a_second_is_refused,
    "bolus_ack_lost": check_lost_acknowledgement_of_a_bolus_is_unknown,
    "temp_ack_lost": check_lost_acknowledgement_of_a_temp_basal_is_settled,
    "steps": check_amounts_between_steps_never_reach_the_pump,
}


def check_pump(make_bench: MakeBench) -> list[str]:
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
