"""Runs made by hand whose pump keeps a log, and does what nobody programmed, or less than it says."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from rig.judging.evidence import Evidence
from tests.judging.runs import RunMaker

STARTED = datetime(2026, 3, 2, 8)
CLOCK_RATE = 40e-6  # the pump's clock gains 3.5 s a day
FLOW_U_PER_H = 90.0


class LoggedRun(RunMaker):
    """A run with a whole log at its end.

    ``shares``: bolus number -> share of it that comes, at the same speed and for the same time. ``by_hand``: bolus
    number -> (U that the log gets, U that come) two minutes after that bolus was closed. ``unlogged``: kinds, or bolus
    numbers, that the log does not get. ``log_read`` False: nobody read it.
    """

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.shares: dict[int, float] = {}
        self.by_hand: dict[int, tuple[float, float]] = {}
        self.extra: list[dict[str, Any]] = []
        self.unlogged: set[Any] = set()
        self.log_read = True
        self.entries: list[dict[str, Any]] = []
        self._share = 1.0
        self._suspended: bool | None = None

    def make(self, **keywords: Any) -> Evidence:
        """Return the evidence, the log read last."""
        self._log("rewind", delivered_u=None)
        self._now_s = 5.0  # the log is older than the run
        return super().make(**keywords)

    def _evidence(self, end: str, damage: tuple[str, ...]) -> Evidence:
        clock = {"local": self._stamp(), "asked_ns": round(self._now_s * 1e9), "answered_ns": round(self._now_s * 1e9)}
        super()._event("pump_clock", clock)
        if self.log_read:
            newest = sorted((*self.entries, *self.extra), key=lambda entry: str(entry["at"]))
            super()._event("reported", {"source": "history", "page": 0, "newest": newest})
        return super()._evidence(end, damage)

    def _event(self, name: str, data: dict[str, Any]) -> None:
        if name == "reported":
            return  # the log is read at the end only
        if name == "armed":
            data = {**data, "pump_clock": {"at_ns": round(self._now_s * 1e9), "local": self._stamp()}}
            self._now_s += 2.0
        super()._event(name, data)
        if name == "temp_started":
            self._log("temp_basal_rate", rate_u_per_h=data["rate_u_per_h"])
            self._log("temp_basal_duration", minutes=round(data["duration_s"] / 60.0))
        elif name in ("suspended", "resumed") and self._suspended is not (name == "suspended"):
            self._suspended = name == "suspended"
            self._log("suspend" if self._suspended else "resume")

    def _bolus(self, index: int, number: int, amount_u: float) -> None:
        self._share = self.shares.get(number, 1.0)
        at = self._stamp(20.0)
        super()._bolus(index, number, amount_u)
        self._share = 1.0
        if number not in self.unlogged:
            self._log("bolus", at, programmed_u=amount_u, delivered_u=amount_u)
        if number in self.by_hand:
            logged_u, comes_u = self.by_hand[number]
            self._weigh(120.0, 0.0, 0.5)
            if logged_u:
                self._log("bolus", programmed_u=logged_u, delivered_u=logged_u, remote=False)
            self._weigh(3600.0 * (comes_u or logged_u) / FLOW_U_PER_H, FLOW_U_PER_H if comes_u else 0.0, 0.5)
            self._weigh(180.0, 0.0, 0.5)

    def _weigh(self, duration_s: float, rate_u_per_h: float, interval_s: float | None = None) -> None:
        super()._weigh(duration_s, rate_u_per_h * self._share, interval_s)

    def _log(self, kind: str, at: str | None = None, **data: Any) -> None:
        if kind not in self.unlogged:
            entry = {"kind": kind, "at": at or self._stamp(), "delivered_u": None, "remote": True}
            self.entries.append(entry | data)

    def _stamp(self, later_s: float = 0.0) -> str:
        """Return what the pump's clock shows, in whole seconds."""
        shown = STARTED + timedelta(seconds=(self._now_s + later_s) * (1.0 + CLOCK_RATE))
        return shown.replace(microsecond=0).isoformat()
