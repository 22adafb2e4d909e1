"""What every pump driver must do, whatever stands behind it: a transcript, a simulator, or a real pump on a bench.

Every check is given a pump that nobody has talked to yet. It begins with nothing in flight, no alarm and not suspended,
a reservoir of at least 20 U, and limits of at least 5 U and 2.2 U/h.
"""

from __future__ import annotations

from typing import Final

from rig.conformance.pump_bench import ALL, TOLERANCE, PumpBench, acknowledged, begun_once, delivers, within
from rig.conformance.pump_settings import SETTINGS
from rig.conformance.report import Check, MakeBench, Rows, carry_out, expect, expect_error
from rig.errors import ConfigError, InstrumentError, TransportTimeout, UsageError
from rig.instruments import EVENT_KINDS, Acceptance, BasalEntry
from rig.plugins.roles import Boluses, Capability, History, Profiles, TempBasals

PROFILE: Final = [BasalEntry(0, 0.75), BasalEntry(13, 1.3), BasalEntry(36, 2.0)]
__all__ = ["ALL", "CHECKS", "DELIVERING", "PROFILE", "SITUATIONS", "PumpBench", "check_pump"]


def check_pump(make: MakeBench[PumpBench], capabilities: frozenset[Capability] = ALL) -> Rows:
    """Carry out the suite: ``make`` returns a fresh bench for a situation, or why it cannot set the scene."""
    return carry_out(CHECKS, make, capabilities)


def _unlisted(bench: PumpBench) -> None:
    sent: list[bytes] = []
    tap = bench.links.tap

    def listen(name: str, direction: str, at_ns: int, data: bytes) -> None:
        tap(name, direction, at_ns, data)
        if direction == ">":
            sent.append(data)

    bench.links.tap = listen
    try:
        expect_error(ConfigError, bench.open_unlisted, "opening a serial number that is not under test")
    finally:
        bench.links.tap = tap
    expect(not sent, f"bytes left before the serial number was refused: {b''.join(sent)!r}")


def _identity(bench: PumpBench) -> None:
    pump = bench.pump
    pump.wake()
    before_ns = bench.links.clock.now_ns()
    model, serial = pump.model(), pump.serial_number()
    expect(model == bench.model, f"model is {model!r}, not {bench.model!r}")
    expect(serial == bench.serial, f"the serial number is {serial!r}, not {bench.serial!r}")
    heard_ns, now_ns = pump.acknowledged_ns, bench.links.clock.now_ns()
    expect(before_ns <= heard_ns <= now_ns, f"acknowledged_ns {heard_ns} is not between {before_ns} and {now_ns}")
    expect(bool(pump.firmware()), "the firmware version is empty")
    clock = pump.clock()
    expect(clock.year >= 2000 and clock.tzinfo is None, f"the pump's clock is {clock!r}, not naive local time")
    within("battery voltage", pump.battery().voltage_v, 0.5, 5.0, "V")
    within("reservoir", pump.reservoir_u(), 0.0, 500.0, "U")
    settings = pump.settings()
    within("largest bolus", settings.max_bolus_u, 0.01, 100.0, "U")
    within("highest basal rate", settings.max_basal_u_per_h, 0.01, 100.0, "U/h")


def _profile_read(bench: PumpBench) -> None:
    bench.pump.wake()
    entries = bench.role(Profiles).profile()
    starts = [entry.start_half_hours for entry in entries]
    expect(bool(starts) and starts[0] == 0, f"the profile does not begin at midnight: {starts}")
    expect(starts == sorted(set(starts)) and starts[-1] < 48, f"its entries are not in order: {starts}")
    for entry in entries:
        within("rate", entry.rate_u_per_h, 0.0, 100.0, "U/h")


def _temp_basal_read(bench: PumpBench) -> None:
    bench.pump.wake()
    running = bench.role(TempBasals).temp_basal()
    expect(running.minutes_left >= 0, f"{running.minutes_left} minutes are left")
    if running.minutes_left and running.is_percent:
        expect(running.percent >= 0, f"it runs at {running.percent} %")
    elif running.minutes_left:
        within("rate", running.rate_u_per_h, 0.0, 100.0, "U/h")


def _history_read(bench: PumpBench) -> None:
    bench.pump.wake()
    for event in bench.role(History).history():
        expect(event.kind in EVENT_KINDS, f"the history has an event of unknown kind '{event.kind}'")
        expect(bool(event.raw), f"a {event.kind} has no bytes")


def _asleep(bench: PumpBench) -> None:
    bench.pump.wake()
    expect(bench.pump.status().normal, "the pump answers, and its status is not normal")


def _out_of_range(bench: PumpBench) -> None:
    error = expect_error(TransportTimeout, bench.pump.wake, "waking a pump that is never heard")
    expect(bench.serial in str(error), f"the error does not name the pump: {error}")
    expect("\n" not in str(error), "the error has several lines")


def _profile(bench: PumpBench) -> None:
    bench.pump.wake()
    acknowledged("writing a profile", bench.role(Profiles).set_profile(PROFILE))
    found = bench.role(Profiles).profile()
    expect(found == PROFILE, f"read back: {found}, written: {PROFILE}")


def _suspend(bench: PumpBench) -> None:
    pump = bench.pump
    pump.wake()
    acknowledged("suspending", pump.suspend())
    expect(pump.status().suspended, "the status does not say suspended after a suspend")
    acknowledged("resuming", pump.resume())
    expect(not pump.status().suspended, "the status still says suspended after a resume")


def _temp_basal(bench: PumpBench) -> None:
    pump = bench.role(TempBasals)
    bench.pump.wake()
    acknowledged("a temporary basal", pump.set_temp_basal(0.85, 90))
    running = pump.temp_basal()
    expect(not running.is_percent, "it is shown as a percentage")
    expect(abs(running.rate_u_per_h - 0.85) < TOLERANCE, f"it is shown with {running.rate_u_per_h} U/h, not 0.85")
    expect(88 <= running.minutes_left <= 90, f"{running.minutes_left} minutes are left, not 88 to 90")
    acknowledged("cancelling it", pump.set_temp_basal(0.0, 0))
    left = pump.temp_basal().minutes_left
    expect(left == 0, f"{left} minutes are left after it was cancelled")


def _bolus(bench: PumpBench) -> None:
    pump = bench.role(Boluses)
    bench.pump.wake()
    acknowledged("a bolus of 1.0 U", pump.bolus(1.0))
    expect(bench.pump.status().bolusing, "the status does not show the bolus")
    error = expect_error(InstrumentError, lambda: pump.bolus(1.0), "a second bolus meanwhile")
    expect("\n" not in str(error), "the refusal has several lines")


def _bolus_ack_lost(bench: PumpBench) -> None:
    pump = bench.role(Boluses)
    bench.pump.wake()
    found = pump.bolus(1.0)
    expect(found is Acceptance.UNKNOWN, f"the driver says {found.value} of a bolus whose answer was lost")
    expect(bench.pump.status().bolusing, "the status does not show the bolus")
    begun_once(bench)


def _temp_ack_lost(bench: PumpBench) -> None:
    bench.pump.wake()
    acknowledged("a temporary basal whose answer was lost", bench.role(TempBasals).set_temp_basal(0.85, 90))


def _steps(bench: PumpBench) -> None:
    pump = bench.role(Boluses)
    bench.pump.wake()
    for amount_u in (0.0, 1.013, 1000.0):
        expect_error(UsageError, lambda amount=amount_u: pump.bolus(amount), f"a bolus of {amount_u} U")  # type: ignore[misc]
    expect(not bench.pump.status().bolusing, "a bolus runs")


def _temp_steps(bench: PumpBench) -> None:
    pump = bench.role(TempBasals)
    bench.pump.wake()
    before = pump.temp_basal().minutes_left
    expect_error(UsageError, lambda: pump.set_temp_basal(0.013, 60), "a temporary basal of 0.013 U/h")
    expect_error(UsageError, lambda: pump.set_temp_basal(0.85, 45), "a temporary basal of 45 min")
    left = pump.temp_basal().minutes_left
    expect(left <= before, f"a temporary basal runs, with {left} min left")


def _profile_steps(bench: PumpBench) -> None:
    pump = bench.role(Profiles)
    bench.pump.wake()
    before = pump.profile()
    expect_error(UsageError, lambda: pump.set_profile([]), "a profile without entries")
    expect_error(UsageError, lambda: pump.set_profile([BasalEntry(0, 0.013)]), "a profile of 0.013 U/h")
    found = pump.profile()
    expect(found == before, f"the profile changed to {found}")


_C = Capability
CHECKS: Final[tuple[Check[PumpBench], ...]] = (
    Check("unlisted", "a pump that the bench does not list is refused before a byte leaves", _unlisted, essential=True),
    Check("identity", "an awake pump says who it is, and its readings are of a sane size", _identity, essential=True),
    Check("profile_read", "the profile is read, from midnight and in order", _profile_read, _C.PROFILES),
    Check("temp_basal_read", "the running temporary basal is read", _temp_basal_read, _C.TEMP_BASALS),
    Check("history_read", "the newest history page is read, and every event has a kind", _history_read, _C.HISTORY),
    Check("asleep", "a pump whose radio sleeps is woken, and answers afterwards", _asleep),
    Check(
        "out_of_range",
        "a pump that is never heard is a time-out, in one line that names it",
        _out_of_range,
        essential=True,
    ),
    delivers("profile", "a profile that was written is read back", _profile, _C.PROFILES),
    delivers("suspend", "suspending and resuming show in the status", _suspend, _C.SUSPENDS),
    delivers(
        "temp_basal", "a temporary basal is shown with rate and time, and can be cancelled", _temp_basal, _C.TEMP_BASALS
    ),
    delivers("bolus", "a bolus of 1.0 U runs, and the pump refuses a second one meanwhile", _bolus, _C.BOLUSES),
    delivers(
        "bolus_ack_lost",
        "the pump acts on a bolus and its answer is lost: UNKNOWN, and one bolus runs",
        _bolus_ack_lost,
        _C.BOLUSES,
    ),
    delivers(
        "temp_ack_lost",
        "the pump acts on a temporary basal and its answer is lost: reading back settles it",
        _temp_ack_lost,
        _C.TEMP_BASALS,
    ),
    delivers("steps", "a bolus that cannot be told exactly is a usage error, and nothing starts", _steps, _C.BOLUSES),
    delivers("temp_steps", "so is a temporary basal between steps of rate or time", _temp_steps, _C.TEMP_BASALS),
    delivers("profile_steps", "so is a profile without entries, or between steps", _profile_steps, _C.PROFILES),
    *SETTINGS,
)
SITUATIONS: Final = tuple(check.situation for check in CHECKS)
DELIVERING: Final = frozenset(check.situation for check in CHECKS if check.delivers)
