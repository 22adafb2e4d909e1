"""Plays bolus steps: baseline, command, settling, closing, and what the pump then says of each."""

from __future__ import annotations

from typing import Protocol

from rig.clock import Clock, to_ns, to_s
from rig.profiles.pump import PumpProfile
from rig.runner.sampler import Sampler
from rig.runner.settling import SLOPE_WINDOW_S, recent_slope, settle_time_s
from rig.runner.therapy import Therapy
from rig.scenario.model import BolusStep, Scenario

BASELINE_S = 15.0
SETTLE_MAX_S = 900.0
COMMAND_ALLOWANCE_S = 30.0


class Bench(Protocol):
    """What a step needs of whoever plays the scenario."""

    def wake(self) -> None:
        """Bring the pump's radio up."""

    def enter(self, phase: str) -> None:
        """Say what is being done."""

    def sample_for(self, duration_s: float, interval_s: float | None = None) -> None:
        """Weigh for a time from now on."""

    def sample_to(self, from_ns: int, duration_s: float, interval_s: float | None = None) -> None:
        """Weigh until ``duration_s`` after ``from_ns``."""

    def basal_mg_per_s(self) -> float:
        """Return the slope of the planned basal now."""


class BolusPlayer:
    """Bolus steps of one run."""

    def __init__(
        self, bench: Bench, scenario: Scenario, profile: PumpProfile, therapy: Therapy, sampler: Sampler, clock: Clock
    ) -> None:
        self._bench = bench
        self._scenario = scenario
        self._profile = profile
        self._therapy = therapy
        self._sampler = sampler
        self._clock = clock

    def play(self, index: int, step: BolusStep) -> None:
        """Give the boluses of a step, each closed before the next."""
        therapy = self._therapy
        if therapy.suspended:
            therapy.resume()
        each_s = self._length_s(step)
        each_s += BASELINE_S + settle_time_s(each_s) + SLOPE_WINDOW_S + SETTLE_MAX_S + COMMAND_ALLOWANCE_S
        for number in range(step.repeat):
            self._bench.wake()
            # A cancelled bolus takes the temp basal with it, and basal runs until the next one is set.
            first = number == 0 or step.cancel_after_s is not None
            if not step.over_basal and therapy.hold_at_zero(each_s) and first:
                self._quieten()
            self._bolus(index, step, number)
        if not step.over_basal and step.cancel_after_s is None:
            self._bench.wake()
            therapy.cancel_temp()

    def _length_s(self, step: BolusStep) -> float:
        """Return for how long a bolus is delivered: its nominal time, or until it is cancelled."""
        return self._profile.bolus_duration_s(step.amount_u) if step.cancel_after_s is None else step.cancel_after_s

    def _quieten(self) -> None:
        """Wait until what the line still held of the basal before has left it: it would be weighed as bolus."""
        interval_s = self._scenario.bolus_interval_s
        quiet_ns = self._clock.now_ns()
        self._bench.sample_for(settle_time_s(0.0) + SLOPE_WINDOW_S, interval_s)
        self._settled(0.0, quiet_ns + to_ns(settle_time_s(0.0) + SLOPE_WINDOW_S + SETTLE_MAX_S))

    def _bolus(self, index: int, step: BolusStep, number: int) -> None:
        bench, therapy = self._bench, self._therapy
        bench.enter(f"step {index + 1}: bolus {number + 1} of {step.repeat}, {step.amount_u:g} U")
        interval_s = self._scenario.bolus_interval_s
        baseline_from_ns = self._clock.now_ns()
        bench.sample_for(BASELINE_S, interval_s)
        started_ns = therapy.bolus(step.amount_u, index, number)
        if started_ns is None:
            return
        duration_s = self._length_s(step)
        if step.cancel_after_s is not None:
            bench.sample_to(started_ns, duration_s, interval_s)
            duration_s = to_s(therapy.cancel_bolus(index, number) - started_ns)
            therapy.ordered_u -= step.amount_u * max(
                0.0, 1.0 - duration_s / self._profile.bolus_duration_s(step.amount_u)
            )
        # The slope looks back 60 s: only after that window has left the settling time can it speak of the time after.
        bench.sample_to(started_ns, duration_s + settle_time_s(duration_s) + SLOPE_WINDOW_S, interval_s)
        basal_mg_per_s = bench.basal_mg_per_s() if step.over_basal else 0.0
        give_up_s = duration_s + settle_time_s(duration_s) + SLOPE_WINDOW_S + SETTLE_MAX_S
        settled, slope_mg_per_h = self._settled(basal_mg_per_s, started_ns + to_ns(give_up_s))
        data = {
            "amount_u": step.amount_u,
            "step": index,
            "index": number,
            "baseline_from_ns": baseline_from_ns,
            "baseline_to_ns": started_ns,
            "closed_ns": self._clock.now_ns(),
            "settled": settled,
            "slope_mg_per_h": slope_mg_per_h,
        }
        therapy.record("bolus_closed", data)
        therapy.bolus_over()
        bench.wake()
        therapy.reports.bolus(step.amount_u, index, number)
        therapy.reports.reservoir()
        if step.cancel_after_s is not None:
            therapy.resume()

    def _settled(self, basal_mg_per_s: float, give_up_ns: int) -> tuple[bool, float | None]:
        """Wait until the flow is back at the basal slope within 3 u (design 4.12); return (whether, mg/h)."""
        while True:
            now_ns = self._clock.now_ns()
            found = recent_slope(self._sampler.recent, to_s(now_ns))
            if found is not None:
                slope, u_slope = found
                if abs(slope - basal_mg_per_s) <= 3.0 * u_slope:
                    return True, slope * 3600.0
            if now_ns >= give_up_ns:
                return False, found[0] * 3600.0 if found else None
            self._bench.sample_for(5.0, self._scenario.bolus_interval_s)
