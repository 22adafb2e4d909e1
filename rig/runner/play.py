"""Plays a scenario on an armed bench: blanks, steps, and the safe end; judges nothing."""

from __future__ import annotations

import contextlib
import time

from rig.bench import Bench
from rig.clock import VirtualClock, to_ns, to_s
from rig.errors import BenchError, EmergencyStopped, InstrumentError, RunAborted, TransportError
from rig.guardian.guard import Guard, NoGuard
from rig.guardian.stop_pump import SafeState
from rig.profiles.pump import PumpProfile
from rig.programme import Plan
from rig.readings import Weighing
from rig.record.writer import RecordWriter
from rig.results import EndReason
from rig.runner.air import AirWatch
from rig.runner.arming import arm, check_vessel, step_profile
from rig.runner.boluses import BolusPlayer
from rig.runner.ended import Ended, end_reason, words_of
from rig.runner.feeding import Feeding
from rig.runner.holding import may_hold
from rig.runner.progress import Observer, Progress, watch_nothing
from rig.runner.reattach import reattach
from rig.runner.resume import REATTACH, REPEAT, ResumePoint, suspended_before
from rig.runner.safe import make_safe
from rig.runner.sampler import Sampler
from rig.runner.setting_steps import WEIGH_S, SettingSteps
from rig.runner.settle import stop_and_settle
from rig.runner.stop import StopRequest
from rig.runner.therapy import Therapy
from rig.runner.tidy import tidy
from rig.runner.valves import Valves
from rig.scenario.in_force import STANDARD
from rig.scenario.model import (
    BasalStep,
    BolusStep,
    ClearAlarmStep,
    PatternStep,
    ProfileStep,
    ResumeStep,
    Scenario,
    Step,
    SuspendStep,
    TempBasalStep,
    ValveStep,
    WaitStep,
    length_s,
)
from rig.scenario.supply_step import SupplyStep
from rig.scenario.words import describe
from rig.wall_clock import ClockWatch

AFTER_SUSPEND_S = 120.0  # the tail of the last dose is over before the closing blank begins
BASAL_SLOPE_MG_PER_U = 9.97  # for the settle rule and the progress line only; results never use it
PROGRESS_EVERY_S = 0.2  # real time: whoever draws may draw less often
WATCH_EVERY_S = 60.0  # real time
TimedStep = BasalStep | ProfileStep | PatternStep | TempBasalStep | SuspendStep | WaitStep


class Player:
    """One run of one scenario on one bench."""

    def __init__(
        self,
        scenario: Scenario,
        bench: Bench,
        profile: PumpProfile,
        plan: Plan,
        writer: RecordWriter,
        stop: StopRequest,
        observer: Observer = watch_nothing,
        guard: Guard | None = None,
        point: ResumePoint | None = None,
    ) -> None:
        self._stop = stop
        self._guard: Guard = guard or NoGuard()
        self._point = point
        self._watch = ClockWatch()
        self._watched_s = time.monotonic()
        self._scenario = scenario
        self._bench = bench
        self._profile = profile
        self._plan = plan
        self._writer = writer
        self._observer = observer
        self._clock = bench.clock
        next_id = point.next_id if point is not None else 1
        self._therapy = Therapy(bench.claimed, bench.links, writer, profile, stop, self._guard, next_id)
        self._sampler = Sampler(bench.links, bench.balance, writer, stop, scenario.gap_tolerate_s, bench.balance_link)
        self._sampler.on_tick = self._tick
        self._air = AirWatch(bench, writer, scenario.environment_interval_s)
        self._boluses = BolusPlayer(self, scenario, profile, self._therapy, self._sampler, self._clock)
        again = point is not None and point.mode == REPEAT and point.clock_order is not None
        self._feeding = Feeding(self, bench, scenario, self._therapy, writer)
        self._valves = Valves(bench.config, self._guard, self._therapy)
        self._set_steps = SettingSteps(self, self._therapy, point if again else None)
        self._phase = "arming"
        self._started_ns = self._clock.now_ns()
        self._first_mg: float | None = None
        self._told_s = 0.0

    def run(self) -> Ended:
        """Play the scenario; whatever happens, the pump is stopped at the end, and how it ended is recorded."""
        reason, detail = EndReason.COMPLETED, ""
        error: BaseException | None = None
        links = self._bench.links
        links.pulse = self._guard.beat
        links.on_stall = self._stalled
        links.tell = self._therapy.record
        try:
            self._play()
        except Exception as failure:  # noqa: BLE001 - whatever it is, the pump must be stopped before it is told
            reason, detail, error = end_reason(failure), words_of(failure), failure
        links.pulse = self._beat_on  # from here on nothing may keep the pump from being stopped
        with contextlib.suppress(BenchError, RunAborted):
            self._guard.state(bolus=False, holdable=False)
        # Whoever resumes a run may find the pump running, whatever this process has said to it.
        touched = self._therapy.commanded or self._point is not None or self._feeding.touched
        if touched:
            may_feed = not isinstance(error, EmergencyStopped)
            safe = make_safe(self._bench.pump, links, self._writer, self._bench.supply, may_feed=may_feed)
            if safe.confirmed:  # else the guardian cuts the supply first, and opens them after that
                self._therapy.tidying = True
                self._valves.open_last()
            tidy(self._therapy, links, self._stop, safe)
        else:
            safe = SafeState("nothing was commanded", True, "no command left the rig")
        return Ended(reason, detail, safe, error, touched)

    def _beat_on(self) -> None:
        """Keep the guardian quiet while the runner itself makes the bench safe; its own trouble comes second."""
        with contextlib.suppress(BenchError, RunAborted):
            self._guard.beat()

    def _stalled(self, seconds: float) -> None:
        self._writer.event(self._clock.now_ns(), "stalled", {"s": round(seconds, 3)})

    def _play(self) -> None:
        scenario, therapy, bench, point = self._scenario, self._therapy, self._bench, self._point
        if point is not None:
            self._announce(point)
        self._feeding.begin()
        bench.open_devices()
        first = 0 if point is None else point.step
        if point is not None and point.mode == REATTACH:
            balance = reattach(point, bench.claimed, bench.balance, bench.config, self._profile, therapy)
            self._sampler.expects = balance.serial
            self._air.begin()
            self._weigh_first()
            self._go_on(point)
            first += 1
        else:
            self._arm(point)
        self._feeding.take_up(first)
        for index, step in enumerate(scenario.steps[first:], start=first):
            self._step(index, step)
        self._feeding.end()
        if scenario.blank_after_s:
            self.enter("settling before the closing blank")
            self.wake()
            therapy.suspend()
            self.sample_for(AFTER_SUSPEND_S)
            self._blank("after", scenario.blank_after_s)
        therapy.report_reservoir()

    def _announce(self, point: ResumePoint) -> None:
        data = {"segment": point.segment, "mode": point.mode, "step": point.step, "scenario_s": point.scenario_s}
        self._therapy.record("run_resumed", {**data, "who": point.who, "why": point.why})

    def _arm(self, point: ResumePoint | None) -> None:
        scenario, therapy, bench = self._scenario, self._therapy, self._bench
        if point is not None:
            stop_and_settle(point, bench.claimed, therapy)
            self._valves.no_alarm(scenario, resumed=True)
        armed = arm(
            bench.claimed,
            bench.balance,
            bench.links,
            therapy,
            bench.config,
            scenario,
            self._plan,
            self._profile,
            point,
        )
        if point is None:
            self._valves.no_alarm(scenario, resumed=False)
        self._sampler.expects = armed.balance.serial
        self._air.begin()
        weighing = self._weigh_first()
        if point is not None:
            check_vessel(point, weighing.mass_mg, bench.config, self._plan)
        self._blank("before", scenario.blank_before_s)

    def _resume_basal_of(self, index: int, step: Step) -> None:
        """Let the basal run that a repeated step finds running in a run that nothing interrupts.

        Basal and bolus steps see to that themselves.
        """
        first = self._point is not None and self._point.mode == REPEAT and self._point.step == index
        needs = isinstance(step, TempBasalStep | WaitStep | ValveStep) and not suspended_before(self._scenario, index)
        if first and needs and self._therapy.suspended:
            self._therapy.resume()

    def _weigh_first(self) -> Weighing:
        weighing = self._sampler.weigh()
        if weighing is None:
            raise TransportError(
                "the balance gives no valid reading", where="balance", hint="see the events of this run"
            )
        return weighing

    def _go_on(self, point: ResumePoint) -> None:
        """Go on with a step that the pump never left."""
        step = self._scenario.steps[point.step]
        if not isinstance(step, TimedStep):
            raise InstrumentError(
                f"a {step.kind} step cannot be taken up again", where="pump", hint="rig runs resume repeats it"
            )
        self.enter(f"step {point.step + 1} of {len(self._scenario.steps)}, taken up again: {describe(step)}")
        self._sample_step(point.step, step, point.step_started_ns)
        self._finish(step)
        self._step_ended(point.step, step)

    def _blank(self, which: str, duration_s: float) -> None:
        if not duration_s:
            return
        self.enter(f"blank {which}")
        self._therapy.record("blank_started", {"which": which})
        self.sample_for(duration_s)
        self._therapy.record("blank_ended", {"which": which})

    def _step(self, index: int, step: Step) -> None:
        self.enter(f"step {index + 1} of {len(self._scenario.steps)}: {describe(step)}")
        therapy = self._therapy
        therapy.record("step_started", {"step": index, "kind": step.kind})
        if isinstance(step, SupplyStep):  # it asks nothing of a pump that may be mute
            self._feeding.play(step)
            therapy.record("step_ended", {"step": index, "kind": step.kind})
            return
        self.wake()
        self._resume_basal_of(index, step)
        if isinstance(step, BolusStep):
            self._boluses.play(index, step)
        elif isinstance(step, TimedStep):
            self._sample_step(index, step, self._start(step))
            self._finish(step)
        elif isinstance(step, ResumeStep):
            therapy.resume()
        elif isinstance(step, ValveStep):
            self._move(step)
        elif isinstance(step, ClearAlarmStep):
            self._valves.clear_alarm(step)
        else:
            self._set_steps.play(index, step)
        self._step_ended(index, step)

    def _move(self, step: ValveStep) -> None:
        """Move a valve, weighing before and after."""
        self.sample_for(WEIGH_S)
        self._valves.play(step)
        self.sample_for(WEIGH_S)

    def _start(self, step: TimedStep) -> int:
        """Command what a step is for; return since when it counts."""
        if isinstance(step, TempBasalStep):
            return self._therapy.start_temp(step.rate_u_per_h, step.percent, step.duration_s)
        if isinstance(step, SuspendStep):
            return self._therapy.suspend()
        if isinstance(step, WaitStep):
            return self._clock.now_ns()
        return self._start_basal(step)

    def _finish(self, step: TimedStep) -> None:
        if isinstance(step, TempBasalStep) and step.cancel_after_s is not None:
            self.wake()
            self._therapy.cancel_temp()

    def _step_ended(self, index: int, step: Step) -> None:
        self._therapy.record("step_ended", {"step": index, "kind": step.kind})
        self._therapy.report_reservoir()

    def _sample_step(self, index: int, step: TimedStep, started_ns: int) -> None:
        """Weigh for the time of a step; only in it the guardian may leave the pump running without us.

        Before and after, commands are on their way whose outcome only this process knows.
        """
        vessel_ul = self._bench.config.vessel.capacity_ul
        ends_alone = not isinstance(step, TempBasalStep) or step.cancel_after_s is None
        holdable = (
            ends_alone
            and self._feeding.at_nominal
            and not self._valves.acting
            and may_hold(self._scenario, self._plan, index, self._therapy.reservoir_u, vessel_ul)
        )
        self._guard.state(bolus=False, holdable=holdable)
        self.sample_to(started_ns, length_s(step))
        self._guard.state(bolus=False, holdable=False)

    def _start_basal(self, step: BasalStep | ProfileStep | PatternStep) -> int:
        """Let the basal of a step run; return since when it does."""
        therapy = self._therapy
        started_ns = self._clock.now_ns()
        entries, pattern = step_profile(step), step.pattern if isinstance(step, PatternStep) else STANDARD
        changes = (entries is not None and entries != therapy.entries) or pattern != therapy.settings.pattern
        if changes and therapy.suspended:
            therapy.resume()
        if entries is not None and entries != therapy.entries:
            therapy.set_profile(entries)
            started_ns = self._clock.now_ns()
        selected_ns = therapy.settings.select(pattern)
        started_ns = started_ns if selected_ns is None else selected_ns
        if therapy.suspended:
            started_ns = therapy.resume()
        return started_ns

    def basal_mg_per_s(self) -> float:
        """Return the slope of the planned basal now, for the settle rule only."""
        since_ns = self._therapy.delivering_since_ns or self._clock.now_ns()
        rate_u_per_h = self._plan.rate_at(to_s(self._clock.now_ns() - since_ns))
        return rate_u_per_h * BASAL_SLOPE_MG_PER_U / 3600.0

    def wake(self) -> None:
        """Bring the pump's radio up."""
        self._bench.pump.wake()

    def sample_for(self, duration_s: float, interval_s: float | None = None) -> None:
        """Weigh for a time from now on."""
        self.sample_to(self._clock.now_ns(), duration_s, interval_s)

    def sample_to(self, from_ns: int, duration_s: float, interval_s: float | None = None) -> None:
        """Weigh until ``duration_s`` after ``from_ns``."""
        self._sampler.sample_until(from_ns + to_ns(duration_s), interval_s or self._scenario.balance_interval_s)

    def enter(self, phase: str) -> None:
        """Say what is being done."""
        self._phase = phase
        self._therapy.record("phase", {"phase": phase})
        self._tell(self._clock.now_ns())

    def _tick(self, now_ns: int) -> None:
        if self._first_mg is None and self._therapy.delivering_since_ns is not None and self._sampler.latest:
            self._first_mg = self._sampler.latest.mass_mg
        self._air.tick(now_ns)
        self._feeding.tick(now_ns)
        now_s = time.monotonic()
        if now_s - self._told_s >= PROGRESS_EVERY_S:
            self._tell(now_ns)
        if now_s - self._watched_s >= WATCH_EVERY_S:
            self._watched_s = now_s
            self._look_at_the_wall_clock(now_ns)

    def _look_at_the_wall_clock(self, now_ns: int) -> None:
        step = self._watch.look()
        self._writer.wall_clock(now_ns, self._watch.last)
        if step is not None:
            data = {"step_s": step.step_s, "synchronised": step.synchronised}
            times = {"before_utc": step.before_utc.isoformat(), "after_utc": step.after_utc.isoformat()}
            self._writer.event(now_ns, "clock_step", {**data, **times})

    def _tell(self, now_ns: int) -> None:
        self._told_s = time.monotonic()
        self._observer(self.progress(now_ns))

    def _expected_u(self, now_ns: int) -> float:
        """Return the basal planned until now and the boluses ordered until now: they may run late of the plan."""
        since_ns = self._therapy.delivering_since_ns
        if since_ns is None:
            return 0.0
        return self._plan.programme.basal_u(0.0, max(0.0, to_s(now_ns - since_ns))) + self._therapy.ordered_u

    def progress(self, now_ns: int) -> Progress:
        """Return where the run stands."""
        latest = self._sampler.latest
        measured = latest.mass_mg - self._first_mg if latest and self._first_mg is not None else None
        return Progress(
            phase=self._phase,
            elapsed_s=to_s(now_ns - self._started_ns),
            planned_s=self._plan.duration_s,
            expected_u=self._expected_u(now_ns),
            measured_mg=measured,
            reading_age_s=to_s(now_ns - latest.answered_ns) if latest else None,
            readings=self._sampler.count,
            speed=None if isinstance(self._clock, VirtualClock) else self._clock.speed,
        )
