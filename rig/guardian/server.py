"""The guardian's loop: watches one runner, owns the lines and the bench lock, and makes the bench safe in its place.

Always on real time. Watched are the runner's connection (its end is seen at once, however the runner ended), its
heartbeat, the emergency stop, and the guardian's own signals (design 4.6).
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from rig.errors import RigError
from rig.guardian.chips import NoChip
from rig.guardian.door import Door, Event
from rig.guardian.evidence import TakeoverRecord
from rig.guardian.left import LeftPlan
from rig.guardian.lines import Lines
from rig.guardian.owned import PRESSED, IdleLines, refused_by_stop, take_lines
from rig.guardian.places import BenchLock, Places
from rig.guardian.plan import SafePlan, plan_from_json
from rig.guardian.stop_latch import StopLatch
from rig.guardian.stop_pump import SafeState
from rig.guardian.system import Process, Watchdogs, notify
from rig.guardian.takeover import Takeover, load_drivers

TICK_S = 0.02  # how long an emergency stop may go unseen
IDLE_TICK_S = 0.25
STOP_GRACE_S = 15.0  # a runner that was told of an emergency stop makes safe by itself in that time
ORPHAN_S = 90.0  # how long a runner without a guardian may take to make the bench safe by itself
RETRY_S = 20.0  # an unconfirmed bench is tried again
LONGEST_PRESS_MS = 60_000
FIRST_WORD_S = 10.0


class Guardian:
    """One bench's guardian. ``lasting``: serve run after run (a service); else end with the run."""

    def __init__(
        self,
        places: Places,
        *,
        lasting: bool,
        watchdogs: Watchdogs,
        retry_for_s: float = 300.0,
        idle_lines: IdleLines | None = None,
    ) -> None:
        self._places = places
        self._lasting = lasting
        self._watchdogs = watchdogs
        self._retry_for_s = retry_for_s
        self._lock = BenchLock(places)
        self._left = LeftPlan(places.plan)
        self._latch = StopLatch(places.stopped)
        self._idle_lines = idle_lines
        self._door = Door(places.socket)
        self._runner: Process | None = None
        self._plan: SafePlan | None = None
        self._lines: Lines | None = None
        self._record: TakeoverRecord | None = None
        self._beat_s = 0.0
        self._bolus = False
        self._holdable = False
        self._held_until_s: float | None = None
        self._stopped_s: float | None = None  # since when the emergency stop is pressed
        self._unsafe_since_s: float | None = None
        self._orphan_until_s: float | None = None  # a killed guardian's plan, and how long its runner may take
        self._tried_s = 0.0
        self._signalled = 0
        self._done = False
        self._started_s = time.monotonic()

    def open(self) -> None:
        """Take the bench lock and listen; raises `UsageError` when somebody else guards this bench."""
        self._lock.take({"state": "idle"})
        self._door.open()
        self._adopt()
        self._keep_lines()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))

    def serve(self) -> int:
        """Run until there is nothing left to guard; return 0, or 5 when the bench is not known to be safe."""
        notify("READY=1")
        while not self._done:
            self._pass()
            self._alive()
        self._close()
        return 5 if self._unsafe_since_s is not None else 0

    def _pass(self) -> None:
        """One complete pass of the safety loop."""
        timeout_s = TICK_S if self._lines is not None else IDLE_TICK_S
        for event in self._door.wait(timeout_s):
            if event is Event.KNOCK:
                self._accept()
            else:
                self._receive()
        now_s = time.monotonic()
        self._watch_lines(now_s)
        self._watch_runner(now_s)

    def _alive(self) -> None:
        """Say that a complete pass is over: to the watchdogs, and by the heartbeat lines where all is as it should."""
        self._watchdogs.feed()
        if self._lines is not None and not self._latch.held():
            self._lines.heartbeat()

    def _during_takeover(self) -> None:
        """Keep the passes going while a pump is spoken to."""
        self._watch_lines(time.monotonic())
        self._alive()

    def _watch_lines(self, now_s: float) -> None:
        if self._lines is None:
            return
        for said in self._lines.tick(time.monotonic_ns()):
            if said["name"] == "line_trouble":
                self._say("line_trouble", said)
            if self._plan is not None:
                self._door.send({"event": "line", **said})
        self._watch_emergency(self._lines, now_s)

    def _watch_emergency(self, lines: Lines, now_s: float) -> None:
        pressed = lines.emergency()
        if not pressed or self._stopped_s is not None:
            return
        # The wiring has acted already; the lines follow, so that nothing starts when the button is released.
        self._stopped_s = now_s
        self._latch.set()
        self._say("emergency_stop", {})
        for report in lines.make_safe("button", "output", "valve"):
            self._say("made_safe", report)
        self._door.send({"event": "emergency_stop"})

    def _watch_runner(self, now_s: float) -> None:
        plan = self._plan
        if self._signalled:
            if plan is not None and self._unsafe_since_s is None:
                self._take_over("guardian_stopped")
            self._done = True
        elif self._orphan_until_s is not None:
            self._watch_orphan(now_s, self._orphan_until_s)
        elif plan is None:
            self._done = not self._lasting and now_s - self._started_s > FIRST_WORD_S
        elif self._unsafe_since_s is not None:
            self._try_again(now_s)
        elif self._held_until_s is not None:
            if now_s >= self._held_until_s or self._stopped_s is not None:
                self._take_over("hold_over")
        elif self._stopped_s is not None and now_s - self._stopped_s > STOP_GRACE_S:
            self._take_over("emergency_stop")
        elif now_s - self._beat_s > plan.heartbeat_s:
            self._lost("heartbeat_lost")

    def _watch_orphan(self, now_s: float, until_s: float) -> None:
        if self._runner is None or self._runner.gone() or now_s >= until_s:
            self._orphan_until_s = None
            self._take_over("guardian_restarted")

    def _try_again(self, now_s: float) -> None:
        if now_s - self._tried_s < RETRY_S:
            return
        if now_s - (self._unsafe_since_s or now_s) > self._retry_for_s:
            self._done = not self._lasting
            return
        self._take_over("tried_again")

    def _adopt(self) -> None:
        """Take up the plan of a guardian that was killed: its runner makes safe by itself, or is gone as well."""
        left = self._left.read()
        if left is not None:
            self._plan, self._runner = left
            self._orphan_until_s = time.monotonic() + ORPHAN_S
            self._lines = self._take(self._plan)

    def _take(self, plan: SafePlan | IdleLines) -> Lines | None:
        return take_lines(plan, self._places.folder, self._door.nudge)

    def _keep_lines(self) -> None:
        if self._idle_lines is not None and self._lines is None:
            self._lines = self._take(self._idle_lines)

    def _accept(self) -> None:
        refused = self._door.taken or self._busy
        who = f"the bench is in use by run {self._plan.run_id if self._plan else '?'}"
        if self._door.admit(who if refused else ""):
            self._beat_s = time.monotonic()

    @property
    def _holding(self) -> bool:
        return self._held_until_s is not None

    @property
    def _busy(self) -> bool:
        free = self._holding or self._unsafe_since_s is not None or self._orphan_until_s is not None
        return self._plan is not None and not free

    def _receive(self) -> None:
        if not self._door.taken:
            return
        messages = self._door.receive()
        if messages is None:
            self._door.hang_up()
            if self._busy:
                self._lost("runner_lost")
            return
        self._beat_s = time.monotonic()
        for message in messages:
            self._answer(message)

    def _answer(self, message: dict[str, Any]) -> None:
        operation = str(message.get("op", ""))
        handler: Callable[[dict[str, Any]], dict[str, Any] | None] | None = getattr(self, f"_on_{operation}", None)
        try:
            reply = {"ok": False, "error": f"no such request: {operation}"} if handler is None else handler(message)
        except RigError as error:
            reply = {"ok": False, "error": str(error)}
        except (KeyError, TypeError, ValueError, OSError) as error:
            reply = {"ok": False, "error": f"not a request: {error!r}"}
        if reply is not None:
            self._door.send({**reply, "re": operation})
        if operation == "finished" and self._plan is None and not self._lasting:
            self._done = True

    def _on_beat(self, _message: dict[str, Any]) -> None:
        return None

    def _on_state(self, message: dict[str, Any]) -> None:
        self._bolus, self._holdable = bool(message["bolus"]), bool(message["holdable"])

    def _on_tuned(self, message: dict[str, Any]) -> None:
        if self._plan is not None:
            self._plan = self._plan.tuned(float(message["frequency_mhz"]))
            self._left.write(self._plan, self._door.peer)

    def _on_about(self, _message: dict[str, Any]) -> dict[str, Any]:
        """Say what is going on; whoever asks is not a runner, and may leave again."""
        plan = self._plan
        state = "idle" if plan is None else "holding" if self._holding else "unsafe" if self._unsafe_since_s else "busy"
        lines = {"lines": self._lines.table()} if self._lines is not None else {}
        return {"ok": True, "state": state, "run_id": plan.run_id if plan else None, "pid": os.getpid(), **lines}

    def _on_arm(self, message: dict[str, Any]) -> dict[str, Any]:
        plan = plan_from_json(message["plan"])
        load_drivers(plan)  # now: nothing may be missing when it is needed
        if self._orphan_until_s is not None and self._plan is not None and self._plan.run_id != plan.run_id:
            return {"ok": False, "error": f"run {self._plan.run_id} is still being made safe"}
        attached = self._holding and self._plan is not None and self._plan.run_id == plan.run_id
        if self._holding and not attached:
            self._take_over("another_run")
        if self._unsafe_since_s is not None:
            self._take_over("another_run", fence=False)
            if self._unsafe_since_s is not None:
                return {"ok": False, "unsafe": True, "error": "the bench is not known to be safe"}
        if self._lines is not None and self._lines.plans != plan.lines:
            self._let_go()  # the bench file is another one than the service has read
        if self._lines is None:
            self._lines = self._take(plan)
        if refused := refused_by_stop(self._lines, self._latch, self._places.bench):
            return self._refuse_stopped(refused)
        self._plan, self._held_until_s, self._stopped_s = plan, None, None
        self._bolus, self._holdable = False, False
        self._runner, self._orphan_until_s = Process(self._door.peer), None
        self._left.write(plan, self._door.peer)
        if attached:
            self._say("handed_over", {})
            self._end_record("handed_over", SafeState("pump running", True, "the run goes on"))
        self._lock.tell({"state": "run", "run_id": plan.run_id})
        return {"ok": True, "pid": os.getpid(), "attached": attached}

    def _refuse_stopped(self, why: str) -> dict[str, Any]:
        if self._holding:  # the pump of the run that wants to go on is running, and is not left alone
            self._take_over("emergency_stop", fence=False)
        elif self._orphan_until_s is None:
            self._forget()
        return {"ok": False, "error": why}

    def _on_set(self, message: dict[str, Any]) -> dict[str, Any]:
        self._own_lines().set(str(message["line"]), int(bool(message["level"])))
        return {"ok": True}

    def _on_press(self, message: dict[str, Any]) -> dict[str, Any]:
        duration_ms = int(message["ms"])
        if not 1 <= duration_ms <= LONGEST_PRESS_MS:
            return {"ok": False, "error": f"a press of {duration_ms} ms; expected 1 to {LONGEST_PRESS_MS}"}
        self._own_lines().press(str(message["line"]), duration_ms, time.monotonic_ns())
        return {"ok": True}

    def _on_read(self, message: dict[str, Any]) -> dict[str, Any]:
        return {"ok": True, "level": self._own_lines().read(str(message["line"]))}

    def _on_finished(self, message: dict[str, Any]) -> dict[str, Any]:
        """Take the bench back from a runner that has closed its links; try again what it could not confirm."""
        self._runner = None  # it goes on to judge: nothing may kill it any more
        if self._plan is None:
            return {"ok": True, "confirmed": bool(message["confirmed"]), "by": str(message["by"])}
        if not message["confirmed"]:
            state = self._take_over("not_confirmed", fence=False)
            return {"ok": True, "confirmed": state.confirmed, "by": state.by}
        reports = self._lines.make_safe("button", "output", "supply", "valve") if self._lines is not None else []
        failed = [report for report in reports if not report["confirmed"]]
        if failed:
            self._unsafe_since_s = self._tried_s = time.monotonic()
            return {"ok": True, "confirmed": False, "by": "; ".join(f"{each['what']}: {each['by']}" for each in failed)}
        self._forget()
        return {"ok": True, "confirmed": True, "by": str(message["by"])}

    def _on_acknowledge(self, _message: dict[str, Any]) -> dict[str, Any]:
        """Stop trying, and re-arm after an emergency stop: a person has looked after the bench."""
        if self._busy:
            return {"ok": False, "error": "a run has the bench"}
        if self._unsafe_since_s is None and not self._latch.held():
            return {"ok": False, "error": "the guardian is not trying to make anything safe"}
        if self._lines is not None and not self._lines.rearm():
            return {"ok": False, "pressed": True, "error": PRESSED}
        self._latch.clear()
        self._stopped_s = None
        if self._unsafe_since_s is not None:
            self._unsafe_since_s = None
            self._forget()
            self._done = not self._lasting
        return {"ok": True}

    def _own_lines(self) -> Lines:
        if self._lines is None:
            raise KeyError("this bench has no lines")
        if self._plan is None:
            raise KeyError("no run is armed")
        if self._stopped_s is not None:
            raise ValueError("the emergency stop was pressed")
        return self._lines

    def _lost(self, why: str) -> None:
        """Hold without a runner where that was allowed and nothing is in flight, else make safe at once."""
        plan = self._plan
        if plan is not None and plan.hold_s > 0 and self._holdable and not self._bolus and self._stopped_s is None:
            if self._runner is not None:
                self._runner.kill(1.0)
            self._runner = None
            self._door.hang_up()
            self._held_until_s = time.monotonic() + plan.hold_s
            self._lock.tell({"state": "holding", "run_id": plan.run_id})
            self._say("hold_started", {"why": why, "hold_s": plan.hold_s})
            return
        self._take_over(why)

    def _take_over(self, why: str, *, fence: bool = True) -> SafeState:
        plan = self._plan
        if plan is None:
            return SafeState("nothing", True, "nothing was armed")
        self._say("takeover", {"why": why, "bolus": self._bolus})
        runner = self._runner if fence else None
        if fence:
            self._door.hang_up()
        lines = self._lines if self._lines is not None else Lines((), NoChip())
        takeover = Takeover(plan, lines, self._say, self._tap, self._during_takeover)
        state = takeover.run(runner)
        self._runner = None
        self._tried_s = time.monotonic()
        if state.confirmed:
            self._unsafe_since_s = None
        elif self._unsafe_since_s is None:
            self._unsafe_since_s = self._tried_s
        self._lock.tell({"state": "safe" if state.confirmed else "unsafe", "run_id": plan.run_id})
        self._end_record(why, state)
        if state.confirmed:
            self._forget()
            self._done = not self._lasting and fence
        return state

    def _forget(self) -> None:
        self._left.clear()
        self._plan, self._held_until_s, self._stopped_s = None, None, None
        self._bolus, self._holdable = False, False
        if self._idle_lines is None:
            self._let_go()
        self._lock.tell({"state": "idle"})

    def _let_go(self) -> None:
        if self._lines is not None:
            self._lines.release()
            self._lines = None

    def _say(self, name: str, data: dict[str, Any]) -> None:
        plan = self._plan
        if plan is not None:
            if self._record is None:
                self._record = TakeoverRecord(plan)
            self._record.event(name, data)

    def _tap(self, link: str, direction: str, at_ns: int, data: bytes) -> None:
        if self._record is not None:
            self._record.tap(link, direction, at_ns, data)

    def _end_record(self, why: str, state: SafeState) -> None:
        if self._record is not None:
            self._record.close(why, state)
            self._record = None

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._signalled = number

    def _close(self) -> None:
        notify("STOPPING=1")
        self._door.close()
        self._lock.release()


def guard_bench(
    bench: str,
    run_dir: str,
    *,
    lasting: bool,
    watchdog: str = "",
    ready: Callable[[], None] = lambda: None,
    idle_lines: IdleLines | None = None,
) -> int:
    """Guard ``bench`` until there is nothing left to do; ``ready`` is called when it can be connected to."""
    with Watchdogs(watchdog) as watchdogs:
        guardian = Guardian(Places(bench, run_dir), lasting=lasting, watchdogs=watchdogs, idle_lines=idle_lines)
        guardian.open()
        ready()
        return guardian.serve()
