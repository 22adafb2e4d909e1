"""The runner's end: finds the bench's guardian or starts one, and is the `Guard` that the runner talks to."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rig.errors import BenchError, ConfigError, EmergencyStopped, GuardianLost, InstrumentError, UsageError
from rig.guardian.messages import MessageReader, encode
from rig.guardian.places import Places
from rig.guardian.plan import ASLEEP_LIMIT_S, SafePlan
from rig.guardian.stop_latch import StopLatch

START_LIMIT_S = 15.0
ANSWER_LIMIT_S = 5.0
TAKEOVER_LIMIT_S = 2.0 * ASLEEP_LIMIT_S
BEAT_EVERY_S = 0.5


class GuardianClient:
    """A connection to the guardian of one bench; `arm` it with the plan before anything moves."""

    def __init__(self, plan: SafePlan, places: Places, watchdog: str = "") -> None:
        self._plan = plan
        self._places = places
        self._watchdog = watchdog
        self._socket: socket.socket | None = None
        self._messages = MessageReader()
        self._beaten_s = 0.0
        self._stopped = False
        self._line_events: list[dict[str, Any]] = []
        self._trouble = ""
        self.pid = 0
        self.attached = False

    @property
    def connected(self) -> bool:
        """Say whether there is a connection."""
        return self._socket is not None

    def arm(self) -> None:
        """Hand the plan over; raises `UsageError` when the bench is in use, `BenchError` when it is not safe."""
        self._connect()
        reply = self._ask({"op": "arm", "plan": self._plan.to_json()}, TAKEOVER_LIMIT_S)
        if not reply.get("ok"):
            self.close()
            if reply.get("unsafe"):
                raise BenchError(
                    str(reply.get("error")),
                    where=f"bench {self._plan.bench}",
                    hint=f"go to the bench, then: rig runs acknowledge --bench {self._plan.bench} --why TEXT",
                )
            raise UsageError(str(reply.get("error")), where=f"guardian of bench {self._plan.bench}")
        self.pid = int(reply["pid"])
        self.attached = bool(reply.get("attached"))

    def beat(self) -> None:
        """Say that the runner lives; see `rig.guardian.guard.Guard`."""
        now_s = time.monotonic()
        if now_s - self._beaten_s < BEAT_EVERY_S:
            return
        self._beaten_s = now_s
        self._tell({"op": "beat"})
        self._listen()
        if self._stopped:
            raise EmergencyStopped("the emergency stop was pressed", where=f"bench {self._plan.bench}")
        if self._trouble:
            why, self._trouble = self._trouble, ""
            raise InstrumentError(why, where=f"bench {self._plan.bench}", hint="check relay and wiring")

    def line_events(self) -> list[dict[str, Any]]:
        """Return what the lines told since this was asked last; times are link time."""
        events, self._line_events = self._line_events, []
        return events

    def state(self, *, bolus: bool, holdable: bool) -> None:
        """Say what the loss of the runner would interrupt."""
        self._tell({"op": "state", "bolus": bolus, "holdable": holdable})

    def tuned(self, frequency_mhz: float) -> None:
        """Say on which frequency the pump was found."""
        self._plan = self._plan.tuned(frequency_mhz)
        self._tell({"op": "tuned", "frequency_mhz": frequency_mhz})

    def finished(self, *, confirmed: bool, by: str) -> tuple[bool, str]:
        """Say how the runner left the bench, its links being closed; return what is known of it then.

        A guardian that is gone is replaced by a new one, so that the lines go to their safe levels all the same.
        """
        message = {"op": "finished", "confirmed": confirmed, "by": by}
        try:
            reply = self._ask(message, TAKEOVER_LIMIT_S)
        except GuardianLost:
            reply = self._replace(message)
        finally:
            self.close()
        return bool(reply.get("confirmed")), str(reply.get("by", by))

    def set(self, line: str, level: int) -> None:
        """Drive an output line."""
        self._must({"op": "set", "line": line, "level": level})

    def press(self, line: str, duration_ms: int) -> None:
        """Let the guardian press a button for a bounded time."""
        self._must({"op": "press", "line": line, "ms": duration_ms})

    def read(self, line: str) -> int:
        """Return the level of a line."""
        return int(self._must({"op": "read", "line": line})["level"])

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _replace(self, message: dict[str, Any]) -> dict[str, Any]:
        self.close()
        try:
            self._connect()
            armed = self._ask({"op": "arm", "plan": self._plan.to_json()}, ANSWER_LIMIT_S)
            if armed.get("ok"):
                return self._ask(message, TAKEOVER_LIMIT_S)
            why = str(armed.get("error"))
        except (BenchError, UsageError) as error:
            why = str(error)
        if self._plan.lines:
            return {"confirmed": False, "by": f"{message['by']}; the guardian is gone and the lines with it: {why}"}
        return {"confirmed": message["confirmed"], "by": message["by"]}

    def _connect(self) -> None:
        connection = _dial(self._places)
        if connection is None:
            start_guardian(self._places, self._watchdog)
            connection = _dial(self._places)
        if connection is None:
            raise GuardianLost("it started and cannot be reached", where=f"guardian, {self._places.socket}")
        self._socket, self._messages = connection, MessageReader()

    def _must(self, message: dict[str, Any]) -> dict[str, Any]:
        reply = self._ask(message, ANSWER_LIMIT_S)
        if not reply.get("ok"):
            raise BenchError(str(reply.get("error")), where="guardian")
        return reply

    def _ask(self, message: dict[str, Any], limit_s: float) -> dict[str, Any]:
        try:
            self._tell(message)
        except GuardianLost:
            if self._socket is None:
                raise
            # A guardian that has no time for us says so and hangs up, maybe before we have said a word.
        deadline_s = time.monotonic() + limit_s
        while time.monotonic() < deadline_s:
            for reply in self._listen(min(0.5, max(0.0, deadline_s - time.monotonic()))):
                if reply.get("re") == message["op"]:
                    return reply
        raise GuardianLost(f"no answer to '{message['op']}' within {limit_s:g} s", where="guardian")

    def _tell(self, message: dict[str, Any]) -> None:
        if self._socket is None:
            raise self._lost("not connected")
        try:
            self._socket.sendall(encode(message))
        except OSError as error:
            raise self._lost(str(error)) from error

    def _listen(self, wait_s: float = 0.0) -> list[dict[str, Any]]:
        """Take what was said, keep what the lines told, return the answers."""
        messages = self._receive(wait_s)
        self._stopped |= any(message.get("event") == "emergency_stop" for message in messages)
        for message in messages:
            if message.get("event") == "line":
                self._line_events.append(message)
            if message.get("name") == "line_trouble":
                self._trouble = self._trouble or f"line {message['line']}: {message['why']}"
        return [message for message in messages if "re" in message]

    def _receive(self, wait_s: float) -> list[dict[str, Any]]:
        if self._socket is None:
            raise self._lost("not connected")
        ready, _, _ = select.select([self._socket], [], [], wait_s)
        if not ready:
            return []
        try:
            data = self._socket.recv(65_536)
        except OSError as error:
            raise self._lost(str(error)) from error
        if not data:
            raise self._lost("it hung up")
        return self._messages.feed(data)

    def _lost(self, why: str) -> GuardianLost:
        return GuardianLost(
            f"the guardian is gone ({why}): nobody would make the bench safe if this process died",
            where=f"bench {self._plan.bench}",
        )


def about(places: Places) -> dict[str, Any] | None:
    """Return what the guardian of a bench is doing (``state``, ``run_id``, ``pid``), or None when there is none."""
    connection = _dial(places)
    if connection is None:
        return None
    return _one_word(connection, {"op": "about"})


def acknowledge(places: Places) -> bool:
    """Tell a guardian that a person has looked after the bench, and re-arm it after an emergency stop.

    Say whether there was anything to acknowledge. Raises `UsageError` while the emergency stop is still pressed.
    """
    connection = _dial(places)
    if connection is None:
        return StopLatch(places.stopped).clear()  # a button that is still pressed is seen when the lines are taken
    reply = _one_word(connection, {"op": "acknowledge"}) or {}
    if reply.get("pressed"):
        raise UsageError(str(reply.get("error")), where=f"bench {places.bench}", hint="release it, mend it")
    return bool(reply.get("ok"))


def _one_word(connection: socket.socket, message: dict[str, Any]) -> dict[str, Any] | None:
    messages = MessageReader()
    with connection, contextlib.suppress(OSError):
        connection.settimeout(ANSWER_LIMIT_S)
        with contextlib.suppress(BrokenPipeError):  # one that has no time says so and hangs up before we say a word
            connection.sendall(encode(message))
        while data := connection.recv(65_536):
            for reply in messages.feed(data):
                if reply.get("re") in (message["op"], "arm"):
                    return reply
    return None


def _dial(places: Places) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(places.socket))
    except OSError:
        connection.close()
        return None
    connection.settimeout(ANSWER_LIMIT_S)
    return connection


def start_guardian(places: Places, watchdog: str = "") -> int:
    """Start a guardian in a session of its own, so that no terminal and no Ctrl-C reaches it; return its pid."""
    places.folder.mkdir(parents=True, exist_ok=True)
    ours, theirs = os.pipe()
    root = str(Path(__file__).resolve().parent.parent.parent)
    paths = [root, os.environ.get("PYTHONPATH", "")]
    command = [sys.executable, "-m", "rig.guardian", places.bench, str(places.folder), str(theirs), watchdog]
    try:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=(theirs,),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)},
        )
    except OSError as error:
        os.close(ours)
        raise ConfigError(f"no guardian can be started ({error})", where=f"bench {places.bench}") from error
    finally:
        os.close(theirs)
    process.returncode = 0  # it outlives us on purpose: nobody waits for it, and nobody is to be warned of that
    said = _said(ours)
    if said != "ready":
        raise UsageError(said or "the guardian did not start", where=f"bench {places.bench}")
    return process.pid


def _said(descriptor: int) -> str:
    """Return the guardian's first line."""
    try:
        ready, _, _ = select.select([descriptor], [], [], START_LIMIT_S)
        return os.read(descriptor, 4096).decode("utf-8", "replace").strip() if ready else ""
    finally:
        os.close(descriptor)
