"""The GPIO lines of a bench: owned by the guardian alone, each output with a declared safe level (design 4.6).

Every output is read back in every pass, and its relay's contact where the bench has one: a line that does not do what
it was told is named (`Lines.troubles`), and is never taken for safe.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from rig.errors import InstrumentError
from rig.gpio.pins import Pins
from rig.guardian.chips import LOW, Chip
from rig.guardian.inputs import NS_PER_MS, InputWatch
from rig.guardian.plan import LinePlan

RELEASED_NS = 500 * NS_PER_MS  # an emergency stop has been released when it was low for so long
LOOK_S = 0.005
REARM_LOOKS = 300
PRESSED_LOOKS = 20  # in a row: nobody is releasing it


class Lines:
    """The lines of one bench. Every output goes to its safe level the moment it is claimed."""

    def __init__(
        self,
        plans: Sequence[LinePlan],
        chip: Chip,
        now_ns: Callable[[], int] = time.monotonic_ns,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.plans = tuple(plans)
        self.troubles: dict[str, str] = {}
        self.complete = False  # whether the last pass saw everything, and everything as it should be
        self._plans = {plan.name: plan for plan in plans}
        self._chip = chip
        self._now_ns = now_ns
        self._wait = wait
        self._wanted: dict[str, tuple[int, int]] = {}  # level, and since when
        self._presses: dict[str, tuple[int, int]] = {}  # under way: from, until
        self._stop_seen = False
        self._unread: set[str] = set()
        for plan in plans:
            if plan.is_output:
                chip.claim_output(plan.pin, plan.safe_level)
                self._wanted[plan.name] = plan.safe_level, now_ns()
        self._inputs = [self._claim_input(plan) for plan in plans if not plan.is_output]

    def _claim_input(self, plan: LinePlan) -> InputWatch:
        self._chip.claim_input(plan.pin, plan.pull)
        level = self._chip.read(plan.pin)
        self._stop_seen |= plan.role == "emergency_stop" and level != LOW
        return InputWatch(plan, level, self._now_ns())

    def named(self, role: str) -> list[LinePlan]:
        """Return the lines of a role."""
        return [plan for plan in self.plans if plan.role == role]

    # --- what is asked for

    def set(self, name: str, level: int) -> None:
        """Drive an output; raises `InstrumentError` for a line that is none."""
        plan = self._output(name)
        if plan.role in ("button", "heartbeat"):
            raise InstrumentError(f"a {plan.role} is not set", where=f"line {name}", expected="a press, for a time")
        self._write(plan, level)

    def press(self, name: str, duration_ms: int, now_ns: int) -> None:
        """Drive an output to its other level for a bounded time; `tick` ends it, whoever asked may be dead by then."""
        plan = self._output(name)
        if plan.role == "button" and not plan.shortest_ms <= duration_ms <= plan.longest_ms:
            raise InstrumentError(
                f"a press of {duration_ms} ms",
                where=f"line {name}",
                expected=f"{plan.shortest_ms} to {plan.longest_ms} ms",
                hint="shortest_ms and longest_ms of this line in the bench file",
            )
        if name in self._presses:
            raise InstrumentError("it is being pressed already", where=f"line {name}")
        self._presses[name] = now_ns, now_ns + duration_ms * NS_PER_MS  # before it moves: whatever comes, it ends
        self._write(plan, 1 - plan.safe_level)

    def read(self, name: str) -> int:
        """Return the level of a line."""
        if name not in self._plans:
            raise self._unknown(name)
        return self._chip.read(self._plans[name].pin)

    def next_ns(self) -> int | None:
        """Return when the next press ends."""
        return min((until_ns for _, until_ns in self._presses.values()), default=None)

    # --- every pass

    def tick(self, now_ns: int) -> list[dict[str, Any]]:
        """End the presses whose time is over, look at every line; return what is to be told, each with its ``name``.

        Nothing is raised: what cannot be read or written is a trouble of its line, and is tried again.
        """
        known = dict(self.troubles)
        said = self._end_presses(now_ns)
        edges = self._edges()
        for watch in self._inputs:
            said += self._look(watch, watch.plan.pin in edges)
        for plan in self.plans:
            if plan.is_output:
                self._read_back(plan)
        for plan in self.named("contact"):
            self._check_contact(plan)
        self.complete = not self.troubles
        said += [
            {"name": "line_trouble", "line": name, "why": why}
            for name, why in self.troubles.items()
            if known.get(name) != why
        ]
        return said

    def _end_presses(self, now_ns: int) -> list[dict[str, Any]]:
        said: list[dict[str, Any]] = []
        for name, (from_ns, until_ns) in list(self._presses.items()):
            if now_ns < until_ns:
                continue
            plan = self._plans[name]
            try:
                self._write(plan, plan.safe_level)
            except Exception as error:  # noqa: BLE001 - it stays pressed, and is tried again in the next pass
                self.troubles[name] = f"it cannot be released: {error}"
                continue
            del self._presses[name]
            said.append({"name": "press_ended", "line": name, "from_ns": from_ns, "by_ns": self._now_ns()})
        return said

    def _edges(self) -> AbstractSet[int]:
        try:
            found = self._chip.edges()
        except Exception:  # noqa: BLE001 - edges are only ever a hint to look sooner
            return frozenset()
        self._stop_seen |= any(plan.pin in found for plan in self.named("emergency_stop"))
        return found

    def _look(self, watch: InputWatch, edge: bool) -> list[dict[str, Any]]:
        asked_ns = self._now_ns()
        try:
            level = self._chip.read(watch.plan.pin)
        except Exception as error:  # noqa: BLE001
            self.troubles[watch.plan.name] = f"it cannot be read: {error}"
            self._unread.add(watch.plan.name)
            self._stop_seen |= watch.plan.role == "emergency_stop"  # a stop that nobody can see is one
            return []
        if watch.plan.name in self._unread:
            self._unread.discard(watch.plan.name)
            self.troubles.pop(watch.plan.name, None)
        self._stop_seen |= watch.plan.role == "emergency_stop" and level != LOW
        return watch.look(level, asked_ns, self._now_ns(), edge=edge)

    def _read_back(self, plan: LinePlan) -> None:
        wanted, _ = self._wanted[plan.name]
        try:
            level = self._chip.read(plan.pin)
        except Exception as error:  # noqa: BLE001
            self.troubles[plan.name] = f"it cannot be read back: {error}"
            return
        if level != wanted:
            if plan.name not in self._presses or plan.name not in self.troubles:  # that it stays pressed says more
                self.troubles[plan.name] = f"it reads {level} after it was set to {wanted}"
        elif plan.name not in self._presses:
            self.troubles.pop(plan.name, None)

    def _check_contact(self, plan: LinePlan) -> None:
        """Compare a contact with its output, once the relay has had its time."""
        if plan.name in self._unread:
            return
        wanted, since_ns = self._wanted[plan.shows]
        watch = next(each for each in self._inputs if each.plan is plan)
        if watch.level == (1 - wanted if plan.inverted else wanted):
            self.troubles.pop(plan.name, None)
        elif self._now_ns() - since_ns > plan.lag_ms * NS_PER_MS:
            self.troubles[plan.name] = (
                f"it reads {watch.level} while {plan.shows} is {wanted}: a welded or dead relay, or a broken wire"
            )

    def heartbeat(self) -> None:
        """Toggle the heartbeat outputs: only after a complete pass without a trouble or an emergency stop."""
        if not self.complete or self._stop_seen:
            return
        for plan in self.named("heartbeat"):
            level, _ = self._wanted[plan.name]
            try:
                self._write(plan, 1 - level)
            except Exception as error:  # noqa: BLE001 - a heartbeat that stops is what makes safe
                self.troubles[plan.name] = f"it cannot be written: {error}"

    # --- emergency stop

    def emergency(self) -> bool:
        """Say whether an emergency stop is pressed or was since `rearm`, or its wire is broken.

        Its contact is normally closed to ground. Polled and by edges, not debounced: one look or one edge is enough.
        """
        self._edges()
        for watch in self._inputs:
            if watch.plan.role == "emergency_stop":
                self._look_again(watch)
        return self._stop_seen

    def _look_again(self, watch: InputWatch) -> None:
        try:
            self._stop_seen |= self._chip.read(watch.plan.pin) != LOW
        except Exception:  # noqa: BLE001
            self._stop_seen = True

    def rearm(self) -> bool:
        """Forget an emergency stop that is over; say whether it is.

        Only here, on the way out, bouncing is waited for.
        """
        stops = [watch for watch in self._inputs if watch.plan.role == "emergency_stop"]
        pressed = 0
        for _ in range(REARM_LOOKS):
            self.tick(self._now_ns())
            pressed = pressed + 1 if any(watch.level for watch in stops) else 0
            if pressed > PRESSED_LOOKS:
                return False
            if all(watch.low_for_ns(self._now_ns()) >= RELEASED_NS for watch in stops):
                self._stop_seen = False
                return True
            self._wait(LOOK_S)
        return False

    # --- safe

    def make_safe(self, *roles: str) -> list[dict[str, Any]]:
        """Drive every output of these roles to its safe level, each whatever became of the others; say what is so."""
        return [self._safe(plan) for role in roles for plan in self.named(role)]

    def _safe(self, plan: LinePlan) -> dict[str, Any]:
        report: dict[str, Any] = {"what": f"line {plan.name}", "wanted": plan.safe}
        self._presses.pop(plan.name, None)
        try:
            self._write(plan, plan.safe_level)
            wrong = self._wrong(plan)
        except Exception as error:  # noqa: BLE001 - lgpio's errors derive from Exception alone (gpio reference 2.6)
            return {**report, "reached": False, "confirmed": False, "by": str(error)}
        contacts = ", ".join(each.name for each in self._contacts(plan))
        by = wrong or f"the line{f' and {contacts}' if contacts else ''} read back"
        return {**report, "reached": not wrong, "confirmed": not wrong, "by": by}

    def _wrong(self, plan: LinePlan) -> str:
        """Return what does not show the safe level once relays have had their time; empty when all does."""
        level = self._chip.read(plan.pin)
        if level != plan.safe_level:
            return f"it reads {level}"
        for contact in self._contacts(plan):
            shown = 1 - plan.safe_level if contact.inverted else plan.safe_level
            read = self._chip.read(contact.pin)
            for _ in range(math.ceil(contact.lag_ms / 1000.0 / LOOK_S)):
                if read == shown:
                    break
                self._wait(LOOK_S)
                read = self._chip.read(contact.pin)
            if read != shown:
                return f"contact {contact.name} reads {read}: a welded relay, or a broken wire"
        return ""

    def _contacts(self, plan: LinePlan) -> list[LinePlan]:
        return [each for each in self.named("contact") if each.shows == plan.name]

    def table(self) -> list[dict[str, Any]]:
        """Return every line as it is now: name, pin, role, level, safe level of an output, what is wrong with it."""
        rows = []
        for plan in self.plans:
            try:
                level: int | None = self._chip.read(plan.pin)
            except Exception as error:  # noqa: BLE001
                level, self.troubles[plan.name] = None, f"it cannot be read: {error}"
            safe = plan.safe_level if plan.is_output else None
            row = {"line": plan.name, "pin": plan.pin, "role": plan.role, "level": level, "safe": safe}
            deaf = {"deaf": True} if isinstance(self._chip, Pins) and plan.pin in self._chip.deaf else {}
            rows.append({**row, "why": self.troubles.get(plan.name), **deaf})
        return rows

    def release(self) -> None:
        """Let go of the chip."""
        self._chip.release()

    def _write(self, plan: LinePlan, level: int) -> None:
        self._wanted[plan.name] = level, self._now_ns()
        self._chip.write(plan.pin, level)

    def _output(self, name: str) -> LinePlan:
        plan = self._plans.get(name)
        if plan is None or not plan.is_output:
            raise self._unknown(name)
        return plan

    def _unknown(self, name: str) -> InstrumentError:
        known = ", ".join(self._plans) or "none"
        return InstrumentError(f"there is no such line '{name}'", where="guardian", expected=f"one of {known}")
