"""Plays a qualification on a bench: blanks, known flows and amounts, known masses, and the safe end; judges nothing.

The same record, journal, guardian, stop requests and sampler as in a run of an insulin pump (`rig.runner.play`).
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import asdict
from typing import Any, Final

from rig.clock import VirtualClock, to_ns, to_s
from rig.errors import BenchError, InstrumentError, RunAborted, TransportError
from rig.guardian.guard import Guard, NoGuard
from rig.guardian.stop_pump import SafeState
from rig.programme import Plan
from rig.record.writer import RecordWriter
from rig.results import EndReason
from rig.runner.air import AirWatch
from rig.runner.arming import identify_balance
from rig.runner.ended import Ended, end_reason, words_of
from rig.runner.journal import Journal
from rig.runner.known_flow import KnownFlow
from rig.runner.operator import Hands, Operator
from rig.runner.progress import Observer, Progress, watch_nothing
from rig.runner.qualifying_bench import QualifyingBench
from rig.runner.sampler import Sampler
from rig.runner.stop import StopRequest
from rig.scenario.model import Scenario, Step, WaitStep
from rig.scenario.qualification import (
    SETTLE_S,
    WEIGH_S,
    BlankStep,
    DispenseStep,
    FlowStep,
    KnownMassStep,
    volume_ul,
)
from rig.scenario.words import describe
from rig.wall_clock import ClockWatch

UL_PER_U: Final = 10.0  # the progress line speaks of U-100; results never use it
PROGRESS_EVERY_S: Final = 0.2  # real time
WATCH_EVERY_S: Final = 60.0  # real time
LATE_S: Final = 15.0  # after its nominal end a target volume has to be reached
LOOK_S: Final = 2.0
NO_SOURCE: Final = "the bench has no flow source: [[flow_sources]] in the bench file"
NOBODY: Final = "nobody is at the bench to put a weight on the pan: --operator"


class Qualifier:
    """One qualification of one bench."""

    def __init__(
        self,
        scenario: Scenario,
        bench: QualifyingBench,
        plan: Plan,
        writer: RecordWriter,
        stop: StopRequest,
        observer: Observer = watch_nothing,
        guard: Guard | None = None,
        operator: Operator | None = None,
    ) -> None:
        self._scenario, self._bench, self._plan = scenario, bench, plan
        self._writer, self._stop, self._observer = writer, stop, observer
        self._guard: Guard = guard or NoGuard()
        self._clock = bench.clock
        self._operator = Hands(bench.hands) if operator is not None and bench.hands is not None else operator
        journal = Journal(writer, bench.clock, self._guard)
        self._flows = [KnownFlow(each, bench.links, writer, journal, stop, self._guard) for each in bench.sources]
        self._sampler = Sampler(bench.links, bench.balance, writer, stop, scenario.gap_tolerate_s, bench.balance_link)
        self._sampler.on_tick = self._tick
        self._air = AirWatch(bench, writer, scenario.environment_interval_s)
        self._watch = ClockWatch()
        self._watched_s = time.monotonic()
        self._told_s = 0.0
        self._phase = "arming"
        self._started_ns = self._clock.now_ns()
        self._expected_ul = 0.0
        self._first_mg: float | None = None

    def run(self) -> Ended:
        """Play it; whatever happens, every flow source is stopped at the end, and how it ended is recorded."""
        reason, detail = EndReason.COMPLETED, ""
        error: BaseException | None = None
        links = self._bench.links
        links.pulse = self._guard.beat
        links.on_stall = lambda seconds: self._record("stalled", {"s": round(seconds, 3)})
        links.tell = self._record
        try:
            self._guard.state(bolus=True, holdable=False)
            self._play()
        except Exception as failure:  # noqa: BLE001 - whatever it is, the pumps must be stopped before it is told
            reason, detail, error = end_reason(failure), words_of(failure), failure
        links.pulse = self._beat_on  # from here on nothing may keep a pump from being stopped
        commanded = any(flow.commanded for flow in self._flows)
        return Ended(reason, detail, self._make_safe(), error, commanded)

    def _make_safe(self) -> SafeState:
        """Stop what was ever started; say of each what is known."""
        states = [flow.make_safe() for flow in self._flows if flow.commanded]
        if not states:
            return SafeState("nothing was commanded", True, "no command left the rig")
        for state in states:
            self._record("safe_state", {"wanted": state.wanted, "confirmed": state.confirmed, "by": state.by})
        confirmed = all(state.confirmed for state in states)
        told = [state.by for state in states if state.confirmed == confirmed]
        return SafeState("; ".join(state.wanted for state in states), confirmed, "; ".join(told))

    def _beat_on(self) -> None:
        """Keep the guardian quiet while the runner itself makes the bench safe; its own trouble comes second."""
        with contextlib.suppress(BenchError, RunAborted):
            self._guard.beat()

    def _play(self) -> None:
        self._bench.open_devices()
        self._arm()
        blanks = [index for index, step in enumerate(self._scenario.steps) if isinstance(step, BlankStep)]
        names = {index: f"blank {index + 1}" for index in blanks}
        if blanks:
            names |= {blanks[0]: "before"} | ({blanks[-1]: "after"} if len(blanks) > 1 else {})
        for index, step in enumerate(self._scenario.steps):
            why_not = self._why_not(step)
            if why_not:
                self._record("step_skipped", {"step": index, "kind": step.kind, "why": why_not})
                continue
            self._enter(f"step {index + 1} of {len(self._scenario.steps)}: {describe(step)}")
            self._record("step_started", {"step": index, "kind": step.kind})
            self._step(index, step, names)
            self._record("step_ended", {"step": index, "kind": step.kind})

    def _arm(self) -> None:
        bench, sources = self._bench, []
        identity = identify_balance(bench.balance, bench.config)
        if any(isinstance(step, FlowStep | DispenseStep) for step in self._scenario.steps):
            sources = [flow.arm() for flow in self._flows]
        self._sampler.expects = identity.serial
        self._record("armed", {"balance": asdict(identity), "flow_sources": sources})
        self._air.begin()
        first = self._sampler.weigh()
        if first is None:
            raise TransportError("the balance gives no valid reading", where="balance", hint="see the events")
        self._first_mg = first.mass_mg

    def _why_not(self, step: Step) -> str:
        """Return why the bench has no part for a step, or nothing; a part that it has and that fails is no reason."""
        if isinstance(step, FlowStep | DispenseStep) and not self._flows:
            return NO_SOURCE
        if isinstance(step, KnownMassStep):
            if self._operator is None:
                return NOBODY
            if self._weight(step) is None:
                return (
                    f"the bench has no reference weight of {step.mass_g:g} g: [[reference_weights]] in the bench file"
                )
        return ""

    def _step(self, index: int, step: Step, names: dict[int, str]) -> None:
        if isinstance(step, BlankStep):
            self._record("blank_started", {"which": names[index]})
            self._sample_for(step.duration_s)
            self._record("blank_ended", {"which": names[index]})
        elif isinstance(step, FlowStep):
            flow = self._flow_of(step.source)
            flow.start(index, step.rate_ul_per_h, None)
            self._expected_ul += volume_ul(step)
            self._sample_for(step.duration_s)
            flow.finish()
            self._sample_for(step.rest_s)
        elif isinstance(step, DispenseStep):
            for number in range(step.repeat):
                self._dispense(index, step, number)
        elif isinstance(step, KnownMassStep):
            self._weigh_known(index, step)
        elif isinstance(step, WaitStep):
            self._sample_for(step.duration_s)

    def _dispense(self, index: int, step: DispenseStep, number: int) -> None:
        flow = self._flow_of(step.source)
        flow.start(index, step.rate_ul_per_h, step.amount_ul, number)
        self._expected_ul += step.amount_ul
        self._sample_for(3600.0 * step.amount_ul / step.rate_ul_per_h)
        give_up_ns = self._clock.now_ns() + to_ns(LATE_S)
        while not flow.at_target:
            if self._clock.now_ns() > give_up_ns:
                raise InstrumentError(
                    f"its target of {step.amount_ul:g} uL is not reached {LATE_S:g} s after its time",
                    where=f"flow source {flow.name}",
                )
            self._sample_for(LOOK_S)
        flow.finish()
        self._sample_for(step.rest_s)

    def _weigh_known(self, index: int, step: KnownMassStep) -> None:
        """Weigh without, with and again without a reference weight."""
        weight, operator = self._weight(step), self._operator
        assert weight is not None and operator is not None  # noqa: PT018, S101 - _why_not() has seen to that
        what = f"the reference weight of {weight.nominal_g:g} g ({weight.name or weight.calibration.certificate})"
        self._sample_for(SETTLE_S + WEIGH_S)
        for mass_g, name in ((weight.mass_g, "weight_on"), (0.0, "weight_off")):
            self._record(f"{name}_asked", {"step": index, "nominal_g": weight.nominal_g})
            operator.put_on(mass_g, what, lambda: self._sample_for(1.0))
            self._record(name, {"step": index, "nominal_g": weight.nominal_g})
            self._sample_for(SETTLE_S + WEIGH_S)

    def _weight(self, step: KnownMassStep) -> Any:
        weights = self._bench.config.reference_weights
        return next((each for each in weights if abs(each.nominal_g - step.mass_g) <= 1e-9 * step.mass_g), None)

    def _flow_of(self, name: str) -> KnownFlow:
        return next(flow for flow in self._flows if name in ("", flow.name))

    def _sample_for(self, duration_s: float) -> None:
        self._sampler.sample_until(self._clock.now_ns() + to_ns(duration_s), self._scenario.balance_interval_s)

    def _record(self, name: str, data: dict[str, Any]) -> None:
        self._writer.event(self._clock.now_ns(), name, data)

    def _enter(self, phase: str) -> None:
        self._phase = phase
        self._record("phase", {"phase": phase})
        self._tell(self._clock.now_ns())

    def _tick(self, now_ns: int) -> None:
        for flow in self._flows:
            flow.watch(now_ns)
        self._air.tick(now_ns)
        now_s = time.monotonic()
        if now_s - self._told_s >= PROGRESS_EVERY_S:
            self._tell(now_ns)
        if now_s - self._watched_s >= WATCH_EVERY_S:
            self._watched_s = now_s
            step = self._watch.look()
            self._writer.wall_clock(now_ns, self._watch.last)
            if step is not None:
                times = {"before_utc": step.before_utc.isoformat(), "after_utc": step.after_utc.isoformat()}
                self._record("clock_step", {"step_s": step.step_s, "synchronised": step.synchronised, **times})

    def _tell(self, now_ns: int) -> None:
        self._told_s = time.monotonic()
        latest = self._sampler.latest
        self._observer(
            Progress(
                phase=self._phase,
                elapsed_s=to_s(now_ns - self._started_ns),
                planned_s=self._plan.duration_s,
                expected_u=self._expected_ul / UL_PER_U,
                measured_mg=latest.mass_mg - self._first_mg if latest and self._first_mg is not None else None,
                reading_age_s=to_s(now_ns - latest.answered_ns) if latest else None,
                readings=self._sampler.count,
                speed=None if isinstance(self._clock, VirtualClock) else self._clock.speed,
            )
        )
