"""Plays the steps that set something or only look: stored profiles, clock, limits, keys, alarms."""

from __future__ import annotations

from datetime import datetime, timedelta

from rig.clock import to_ns, to_s
from rig.errors import InstrumentError
from rig.runner.boluses import Bench
from rig.runner.panel import Panel
from rig.runner.provenance import boot_id
from rig.runner.resume import ClockOrder, ResumePoint
from rig.runner.therapy import Therapy, entries_of
from rig.scenario.model import LimitsStep, PressStep, SetClockStep, Step, StoredProfileStep, WaitAlarmStep

POLL_S = 30.0  # between two looks at the pump's error status
WEIGH_S = 0.5
LISTEN_S = 1.0  # between two looks at the alarm line's news
PAGE_POLLS = 10  # looks, after which its history is read as well: no source states the error status with an alarm


class SettingSteps:
    """Such steps of one run; ``again``: where a clock step is repeated that has told the clock something."""

    def __init__(self, bench: Bench, therapy: Therapy, panel: Panel, again: ResumePoint | None = None) -> None:
        self._bench = bench
        self._panel = panel
        self._therapy = therapy
        self._again = again

    def play(self, index: int, step: Step) -> None:
        """Play one step, on a pump that is awake; weigh before and after: commands in a row leave long gaps."""
        self._bench.sample_for(WEIGH_S)
        if isinstance(step, StoredProfileStep):
            self._therapy.set_profile(entries_of(step.segments), step.pattern)
        elif isinstance(step, LimitsStep):
            self._therapy.settings.limit(step.max_bolus_u, step.max_basal_u_per_h)
        elif isinstance(step, SetClockStep):
            self._set_clock(index, step)
        elif isinstance(step, PressStep):
            self._press(step)
        elif isinstance(step, WaitAlarmStep):
            self._wait_alarm(step)
        else:
            raise InstrumentError(f"nobody knows how to play a {step.kind} step", where=f"step {index + 1}")
        self._bench.sample_for(WEIGH_S)

    def _set_clock(self, index: int, step: SetClockStep) -> None:
        """Set the clock; a shift that may have been carried out before a break is not added to itself."""
        to, therapy = step.to, self._therapy
        again = self._again
        if step.shift_s is not None and again is not None and again.clock_order is not None and again.step == index:
            to = _as_ordered(again.clock_order, therapy.now_ns)
            therapy.record("clock_order_kept", {"local": to.isoformat()})
        therapy.settings.set_clock(to, step.shift_s, index)

    def _press(self, step: PressStep) -> None:
        for key in step.keys:
            self._bench.sample_for(self._panel.press(key, step.hold_s) + step.wait_s)

    def _wait_alarm(self, step: WaitAlarmStep) -> None:
        """Look for the alarm, weighing meanwhile; that it did not come is recorded, and the scenario goes on."""
        therapy = self._therapy
        began_ns = therapy.now_ns
        read, _ = therapy.reports.clock()
        end_ns, polls, before_ns = began_ns + to_ns(step.duration_s), 0, began_ns
        page_ns = began_ns  # before the last look at the history
        while True:
            polls += 1
            last = therapy.now_ns >= end_ns
            page = last or polls % PAGE_POLLS == 0
            found = therapy.reports.look_for_alarm(step.code, read - timedelta(seconds=2), page=page)
            if found is not None:
                since_ns = before_ns if found["by"] == "error status" else page_ns
                data = {"code": step.code, "not_before_ns": since_ns, "waited_s": to_s(therapy.now_ns - began_ns)}
                therapy.record("alarm_seen", {**data, **found, **(self._panel.alarm_since(since_ns) or {})})
                return
            if last:
                therapy.record("alarm_missed", {"code": step.code, "within_s": step.duration_s})
                return
            before_ns = therapy.now_ns
            page_ns = before_ns if page else page_ns
            self._sample_to_alarm(min(POLL_S, max(0.001, to_s(end_ns - before_ns))), before_ns)
            self._bench.wake()

    def _sample_to_alarm(self, duration_s: float, since_ns: int) -> None:
        """Weigh for a time, or until the bench's alarm line tells of something: then the pump is asked at once."""
        if not self._panel.hears_alarms:
            self._bench.sample_for(duration_s)
            return
        end_ns = self._therapy.now_ns + to_ns(duration_s)
        while self._therapy.now_ns < end_ns and self._panel.alarm_since(since_ns) is None:
            self._bench.sample_for(min(LISTEN_S, max(0.001, to_s(end_ns - self._therapy.now_ns))))


def _as_ordered(order: ClockOrder, now_ns: int) -> datetime:
    """Return what the clock should show now, by what it was told before the break; the rig must be of one boot."""
    if order.boot in (None, "unknown") or order.boot != boot_id() or now_ns < order.at_ns:
        raise InstrumentError(
            f"the pump's clock was to be set to {order.local}, and nobody knows whether it was: the rig was restarted",
            where="pump",
            hint="void this run and start a new one",
        )
    return (order.local + timedelta(seconds=to_s(now_ns - order.at_ns) + 0.5)).replace(microsecond=0)
