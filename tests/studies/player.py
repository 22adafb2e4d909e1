"""A run of the twin without drivers, links or record file: the plant is driven directly, and weighed on a grid.

What comes out is the judge's own `Evidence`, so that everything after the readings is the judge's own code; that the
short cut gives the numbers of the whole stack is tested (test_coverage.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rig.config import BenchConfig
from rig.judging.evidence import Evidence
from rig.profiles.pump import PumpProfile
from rig.readings import Ambient
from rig.record.reader import Event, RunRecord, WeighingColumns
from rig.runner.boluses import SETTLE_MAX_S
from rig.runner.settling import SLOPE_WINDOW_S, recent_slope, settle_time_s
from rig.scenario.model import BasalStep, BolusStep, Check, Scenario, Step
from rig.sim.bench import SimulatedBench
from rig.sim.parameters import STROKES_PER_U
from tests.studies.draws import STAMP_U_S, Truths

NS = 10**9
TAIL_S = 120.0  # as the runner waits before its closing blank
BASELINE_S = 15.0
SENSOR_S = 300.0
NEAR_AN_EDGE_S = 600.0
DELIVERY_READINGS = 40.0
MIDDLE_INTERVAL_S = 50.0  # less than the gap that a scenario tolerates
START = datetime(2026, 3, 2, 8)
Disturbance = Callable[[float], float]  # time in s -> mg added to what the balance would have shown


@dataclass(frozen=True, slots=True)
class Plan:
    """What is played: one basal step, or boluses of one size; blanks of one length before and after."""

    rate_u_per_h: float = 0.0
    duration_s: float = 0.0
    amount_u: float = 0.0
    repeat: int = 0
    blank_s: float = 3600.0
    interval_s: float = 10.0
    bolus_interval_s: float = 0.5
    measured_air: bool = False

    @property
    def name(self) -> str:
        """Return what is played, in words: runs are drawn by it."""
        air = ", air measured" if self.measured_air else ""
        if self.repeat:
            return f"{self.repeat} boluses of {self.amount_u:g} U{air}"
        return f"{self.rate_u_per_h:g} U/h, {self.duration_s / 3600.0:g} h{air}"

    def step(self) -> Step:
        """Return the scenario's only step."""
        if self.repeat:
            return BolusStep(self.amount_u, self.repeat)
        return BasalStep(self.rate_u_per_h, self.duration_s)

    def scenario(self, checks: tuple[Check, ...]) -> Scenario:
        """Return the scenario of this plan."""
        return Scenario(
            "study",
            "coverage study",
            (23,),
            ("pump", "balance"),
            (self.step(),),
            checks,
            balance_interval_s=self.interval_s,
            bolus_interval_s=self.bolus_interval_s,
            blank_before_s=self.blank_s,
            blank_after_s=self.blank_s,
        )


@dataclass(slots=True)
class Played:
    """A played run: ``edges_ns`` are the true edges of its step, ``bolus_u`` what each bolus let out in the end."""

    evidence: Evidence
    bench: SimulatedBench
    edges_ns: tuple[int, int]
    bolus_u: tuple[float, ...] = ()

    def outlet_u(self) -> float:
        """Return what left the outlet between the edges: the truth."""
        return self.bench.ledger.outlet_u(*self.edges_ns)


def play(
    plan: Plan,
    truths: Truths,
    bench: BenchConfig,
    checks: tuple[Check, ...],
    *,
    gain: float = 0.0,
    disturbance: Disturbance | None = None,
    weighed: bool = True,
) -> Played:
    """Return the played run; ``gain`` seeds a relative error of every stroke; not ``weighed``: only the ledger."""
    player = _Player(plan, truths, bench, gain, disturbance, weighed)
    return player.run(checks)


@dataclass(slots=True)
class _Player:
    plan: Plan
    truths: Truths
    config: BenchConfig
    gain: float
    disturbance: Disturbance | None
    weighed: bool
    now_ns: int = 0
    events: list[Event] = field(default_factory=list)
    columns: WeighingColumns = field(default_factory=WeighingColumns)
    ambient: list[Ambient] = field(default_factory=list)
    next_air_ns: int = 0
    twin: SimulatedBench = field(init=False)
    profile: PumpProfile = field(init=False)

    def __post_init__(self) -> None:
        digit_mg = self.config.balance.resolution_mg
        self.profile = self.config.pump_profile()
        self.twin = SimulatedBench(
            seed=self.truths.plant_seed,
            start_local=START,
            parameters=self.truths.parameters,
            faults=(f"pump.gain={100.0 * self.gain:.9f}%",) if self.gain else (),
            resolution_mg=digit_mg if self.disturbance is None else digit_mg / 10.0,
        )

    def run(self, checks: tuple[Check, ...]) -> Played:
        """Play blank, step, blank."""
        plan = self.plan
        pump = {"model": "723", "serial": "900123", "profile": self.config.pump.profile}
        self._event("armed", {"pump": pump, "pump_clock": {"at_ns": 0, "local": START.isoformat()}})
        self._event("profile_written", {"entries": [[0, plan.rate_u_per_h]]})
        self.twin.firmware.set_profile(0, ((0, round(plan.rate_u_per_h * STROKES_PER_U)),), 0)
        self._suspend()
        self._blank("before")
        self.now_ns += self._wait_ns(0)
        self._event("step_started", {"step": 0, "kind": plan.step().kind})
        from_ns = self._resume()
        for number in range(plan.repeat):
            self._bolus(number)
        if not plan.repeat:
            self._weigh_step()
        to_ns = self.now_ns
        late_ns = round(self.truths.stamps_s[1] * NS)
        self._suspend()
        self._event("step_ended", {"step": 0, "kind": plan.step().kind}, late_ns)
        self._weigh(TAIL_S, first_ns=self._wait_ns(2))
        self._blank("after")
        entered = [each.entered_u for each in self.twin.ledger.deliveries if each.kind == "bolus"]
        return Played(self._evidence(checks), self.twin, (from_ns, to_ns), tuple(entered))

    def _evidence(self, checks: tuple[Check, ...]) -> Evidence:
        header = {
            "run_id": "study",
            "evidence": "simulated",
            "started_utc": "2026-03-02T07:00:00+00:00",
            "clock": {"started_ns": 0, "stamp_u_s": STAMP_U_S},
        }
        record = RunRecord(
            folder=Path("study"),
            header=header,
            weighings={"balance": self.columns},
            events=tuple(self.events),
            ambient=tuple(self.ambient),
            damage=(),
            ended=True,
            end={"reason": "completed", "ended_utc": "2026-03-04T07:00:00+00:00"},
        )
        return Evidence(record, self.plan.scenario(checks), self.config, self.profile)

    def _resume(self) -> int:
        self.twin.firmware.resume(self.now_ns)
        self._event("resumed", {}, round(self.truths.stamps_s[0] * NS))
        return self.now_ns

    def _suspend(self) -> None:
        self.twin.firmware.suspend(self.now_ns)
        self._event("suspended", {})

    def _blank(self, which: str) -> None:
        self._event("blank_started", {"which": which})
        self._weigh(self.plan.blank_s)
        self._event("blank_ended", {"which": which})

    def _bolus(self, number: int) -> None:
        plan, amount_u = self.plan, self.plan.amount_u
        data = {"amount_u": amount_u, "step": 0, "index": number}
        baseline_ns = self.now_ns
        self._weigh(BASELINE_S, plan.bolus_interval_s)
        duration_s = self.profile.bolus_duration_s(amount_u)
        refused = self.twin.firmware.bolus(round(amount_u * STROKES_PER_U), self.now_ns)
        assert not refused, refused
        self._event("bolus_started", {**data, "duration_s": duration_s})
        started_ns = self.now_ns
        # What is weighed in the middle of a delivery decides nothing, but for its duration.
        self._weigh(duration_s, max(plan.bolus_interval_s, duration_s / DELIVERY_READINGS))
        self._weigh(settle_time_s(duration_s) + SLOPE_WINDOW_S, plan.bolus_interval_s)
        give_up_ns = self.now_ns + round(SETTLE_MAX_S * NS)
        while not self._is_settled() and self.now_ns < give_up_ns:
            self._weigh(5.0, plan.bolus_interval_s)
        stamps = {"baseline_from_ns": baseline_ns, "baseline_to_ns": started_ns, "closed_ns": self.now_ns}
        self._event("bolus_closed", {**data, **stamps, "settled": True, "slope_mg_per_h": 0.0})
        told = {"source": "bolus_history", "at": f"entry {number}", "programmed_u": amount_u, "delivered_u": amount_u}
        self._event("reported", {**data, **told, "resolution_u": 0.025})

    def _is_settled(self) -> bool:
        """Return what the runner would have thought: it looks at the last minute."""
        times, masses = self.columns.answered_ns[-400:], self.columns.mass_mg[-400:]
        found = recent_slope(zip((at_ns / NS for at_ns in times), masses, strict=True), self.now_ns / NS)
        return not self.weighed or (found is not None and abs(found[0]) <= 3.0 * found[1])

    def _event(self, name: str, data: dict[str, Any], late_ns: int = 0) -> None:
        self.events.append(Event(self.now_ns + late_ns, name, data))

    def _weigh_step(self) -> None:
        """Weigh a basal: an overall error looks at its edges, so that a long one is weighed more seldom in between."""
        plan = self.plan
        middle_s = plan.duration_s - 2.0 * NEAR_AN_EDGE_S
        first_ns = self._wait_ns(1)
        if middle_s < NEAR_AN_EDGE_S:
            self._weigh(plan.duration_s, first_ns=first_ns)
            return
        self._weigh(NEAR_AN_EDGE_S, first_ns=first_ns)
        self._weigh(middle_s, max(plan.interval_s, MIDDLE_INTERVAL_S))
        self._weigh(NEAR_AN_EDGE_S)

    def _wait_ns(self, which: int) -> int:
        """Return how long no reading comes: the runner has something else to ask, or the grid lies like that."""
        return round(self.truths.phases[which] * self.plan.interval_s * NS)

    def _weigh(self, duration_s: float, interval_s: float | None = None, *, first_ns: int = 0) -> None:
        step_ns = round((interval_s or self.plan.interval_s) * NS)
        end_ns = self.now_ns + round(duration_s * NS)
        for at_ns in range(self.now_ns + first_ns, end_ns, step_ns) if self.weighed else ():
            self._reading(at_ns)
        self.now_ns = end_ns

    def _reading(self, at_ns: int) -> None:
        if at_ns >= self.next_air_ns:
            self._air(at_ns)
        mass_mg = self.twin.display_mg(at_ns)
        digit_mg = self.config.balance.resolution_mg
        if self.disturbance is not None:
            mass_mg = digit_mg * round((mass_mg + self.disturbance(at_ns / NS)) / digit_mg)
        columns = self.columns
        columns.asked_ns.append(at_ns)
        columns.answered_ns.append(at_ns)
        columns.mass_mg.append(mass_mg)
        columns.resolution_mg.append(digit_mg)
        columns.stable.append(1)

    def _air(self, at_ns: int) -> None:
        """Record the air: once as the bench file states it, or every few minutes as a sensor reads it."""
        env = self.config.environment
        state = (env.temperature_c, env.humidity_pct, env.pressure_hpa)
        self.next_air_ns = 1 << 62
        if self.plan.measured_air:
            true = self.twin.air(at_ns)
            state = (true[0] + self.truths.sensor[0], true[1] + self.truths.sensor[1], true[2] + self.truths.sensor[2])
            self.next_air_ns = at_ns + round(SENSOR_S * NS)
        u = (env.u_temperature_c, env.u_humidity_pct, env.u_pressure_hpa)
        self.ambient.append(Ambient(at_ns, *state, *u, "sensor" if self.plan.measured_air else env.source))
