"""Going on with a pump that was left alone: see that it does what the record says, and change nothing."""

from __future__ import annotations

from rig.clock import to_s
from rig.config import BenchConfig
from rig.errors import InstrumentError
from rig.instruments import Balance, BalanceIdentity
from rig.plugins.roles import ClaimedPump, Patterns, Profiles, TempBasals
from rig.profiles.pump import PumpProfile
from rig.runner.arming import identify_balance, identify_pump, same_devices
from rig.runner.resume import ResumePoint, TherapyState, settings_of
from rig.runner.therapy import Therapy

TEMP_MINUTES = 3  # by which a running temp basal may differ from what the record expects: the pump counts minutes


def reattach(
    point: ResumePoint,
    claimed: ClaimedPump,
    balance: Balance,
    config: BenchConfig,
    profile: PumpProfile,
    therapy: Therapy,
) -> BalanceIdentity:
    """See that the pump still does what the record says, and take it up from there; nothing is commanded.

    Returns the balance that answered.
    Raises `InstrumentError` when it does something else: the run cannot go on from here, only repeat its step.
    """
    identity = identify_balance(balance, config)
    same_devices(point, identify_pump(claimed.pump, config, profile), identity)
    state = point.therapy
    _check(claimed, state, therapy)
    therapy.patterns = {pattern: list(entries) for pattern, entries in state.profiles.items()}
    therapy.settings.adopt(claimed.pump.settings(), settings_of(point.found))
    therapy.reports.clock_was_set(state.clock_sets)
    therapy.suspended = state.suspended
    therapy.temp_until_ns = state.temp_until_ns
    therapy.delivering_since_ns = state.delivering_since_ns
    therapy.ordered_u = state.ordered_u
    therapy.reports.radio()
    therapy.reports.clock()
    therapy.reports.reservoir()
    return identity


def _check(claimed: ClaimedPump, state: TherapyState, therapy: Therapy) -> None:
    status = claimed.pump.status()
    if status.suspended != state.suspended or status.bolusing or not status.normal:
        raise _other(f"suspended {status.suspended}, bolusing {status.bolusing}", f"suspended {state.suspended}")
    pattern = claimed.pump.settings().pattern
    if pattern != state.pattern:
        raise _other(f"basal pattern {pattern}", f"{state.pattern}")
    for number, written in state.profiles.items():
        entries = claimed.role(Patterns).profile(number) if number else claimed.role(Profiles).profile()
        if entries != list(written):
            raise _other(f"another basal profile: {entries}", f"{list(written)}")
    running = claimed.role(TempBasals).temp_basal()
    left_ns = state.temp_until_ns - therapy.now_ns
    minutes = max(0.0, to_s(left_ns) / 60.0) if state.temp else 0.0
    if abs(running.minutes_left - minutes) > TEMP_MINUTES:
        raise _other(f"a temp basal for {running.minutes_left} min", f"one for {minutes:.0f} min")
    if state.temp and running.minutes_left:
        wanted = state.temp.get("percent") if running.is_percent else state.temp.get("rate_u_per_h")
        found = running.percent if running.is_percent else running.rate_u_per_h
        if wanted is None or found != wanted:
            raise _other(f"a temp basal of {found:g}", f"{wanted}")


def _other(found: str, expected: str) -> InstrumentError:
    return InstrumentError(
        f"the pump does not do what the record says: {found}",
        where="pump",
        expected=expected,
        hint="the pump is stopped now; rig runs resume repeats the step",
    )
