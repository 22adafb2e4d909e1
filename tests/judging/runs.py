"""Runs made by hand: exact mass curves plus noise, in the record's own shape, with known answers.

Nothing here comes from the rig's metrology: one U of water at 20 C shows 9.9716 mg on the display
(standards-and-metrology 0.2, 20 C, 1013.25 hPa, 50 %RH, display value).
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from rig.config import BenchConfig, load_bench
from rig.judging.evidence import Evidence
from rig.readings import Ambient
from rig.record.reader import Event, RunRecord, WeighingColumns
from rig.scenario.model import BasalStep, BolusStep, Check, Scenario, Step

MG_PER_U = 9.9716
NS = 10**9
BLANK_S = 3600.0
TAIL_S = 120.0


def no_tube(bench: BenchConfig) -> BenchConfig:
    """A bench whose outlet does not dip in, so that the display shows what is in the table."""
    return replace(bench, tube=replace(bench.tube, outer_diameter_mm=0.0))


class RunMaker:
    """Plays a scenario on paper: each step's mass is exact, ``gain`` and noise are added."""

    def __init__(
        self,
        steps: tuple[Step, ...],
        checks: tuple[Check, ...],
        *,
        gain: float = 1.0,
        noise_mg: float = 0.01,
        evaporation_mg_per_h: float = 0.0,
        interval_s: float = 10.0,
        seed: int = 1,
        bolus_time: float = 1.0,
    ) -> None:
        self.scenario = Scenario(
            "made",
            "made by hand",
            (23,),
            ("pump", "balance"),
            steps,
            checks,
            balance_interval_s=interval_s,
            gap_tolerate_s=60.0,
        )
        self._gain = gain
        self._noise = random.Random(seed)
        self._noise_mg = noise_mg
        self._evaporation = evaporation_mg_per_h
        self._interval_s = interval_s
        self._bolus_time = bolus_time  # how much longer than nominal a bolus takes
        self._rate: float | None = None
        self._now_s = 0.0
        self._load_mg = 50_000.0
        self.events: list[Event] = []
        self.columns = WeighingColumns()
        self.drop: list[tuple[float, float]] = []
        self.missed: set[int] = set()  # boluses, by number, of which nothing comes
        self.stale: set[int] = set()  # boluses, by number, after which the log still shows the one before
        self.steps_run: int | None = None
        self.first_step = 0  # a repetition begins with a later step

    def make(
        self, *, blanks: bool = True, after: bool = True, end: str = "completed", damage: tuple[str, ...] = ()
    ) -> Evidence:
        """Return the evidence of the whole run; ``steps_run``: how many steps were begun before it ended."""
        clock = {"at_ns": 0, "local": "2026-03-02T08:00:00"}
        self._event("armed", {"pump": {"model": "723", "serial": "900123", "profile": "sim-723"}, "pump_clock": clock})
        self._event("profile_written", {"entries": [[0, self._first_rate()]]})
        self._event("suspended", {})
        if blanks:
            self._blank("before")
        for index, step in enumerate(self.scenario.steps[: self.steps_run]):
            if index >= self.first_step:
                self._step(index, step)
        if blanks and after and end == "completed":
            self._event("suspended", {})
            self._weigh(TAIL_S, 0.0)
            self._blank("after")
        return self._evidence(end, damage)

    def _evidence(self, end: str, damage: tuple[str, ...]) -> Evidence:
        record = RunRecord(
            folder=Path("made"),
            header={
                "run_id": "made",
                "evidence": "simulated",
                "started_utc": "2026-03-02T07:00:00+00:00",
                "clock": {"started_ns": 0},
                "tool": {"version": "0", "commit": "0"},
            },
            weighings={"balance": self.columns},
            events=tuple(self.events),
            ambient=(Ambient(0, 20.0, 50.0, 1013.25, 0.2, 3.0, 1.0, "made by hand"),),
            damage=damage,
            ended=True,
            end={"reason": end, "ended_utc": "2026-03-04T07:00:00+00:00"},
        )
        bench = no_tube(load_bench("simulated"))
        return Evidence(record, self.scenario, bench, bench.pump_profile())

    def _first_rate(self) -> float:
        steps = self.scenario.steps[self.first_step :]
        return next((step.rate_u_per_h for step in steps if isinstance(step, BasalStep)), 0.0)

    def _step(self, index: int, step: Step) -> None:
        self._event("step_started", {"step": index, "kind": step.kind})
        if isinstance(step, BasalStep):
            if self._rate not in (None, step.rate_u_per_h):
                self._event("profile_written", {"entries": [[0, step.rate_u_per_h]]})
            self._rate = step.rate_u_per_h
            self._event("resumed", {})
            self._weigh(step.duration_s, step.rate_u_per_h)
        elif isinstance(step, BolusStep):
            self._event("temp_started", {"rate_u_per_h": 0.0, "percent": None, "duration_s": 86400.0})
            for number in range(step.repeat):
                self._bolus(index, number, step.amount_u)
        self._event("step_ended", {"step": index, "kind": step.kind})

    def _bolus(self, index: int, number: int, amount_u: float) -> None:
        data: dict[str, Any] = {"amount_u": amount_u, "step": index, "index": number}
        from_ns = round(self._now_s * NS)
        self._weigh(20.0, 0.0, 0.5)
        duration_s = 60.0 * amount_u / 1.5
        self._event("bolus_started", {**data, "duration_s": duration_s})
        rate_u_per_h = 0.0 if number in self.missed else 90.0 / self._bolus_time
        self._weigh(duration_s * self._bolus_time, rate_u_per_h, 0.5)
        self._weigh(150.0, 0.0, 0.5)
        closed = {"baseline_from_ns": from_ns, "baseline_to_ns": from_ns, "closed_ns": round(self._now_s * NS)}
        self._event("bolus_closed", {**data, **closed, "settled": True, "slope_mg_per_h": 0.0})
        at = f"2026-03-02T08:00:00+{index}.{number - (number in self.stale)}"  # any text that tells entries apart
        reported = {"source": "bolus_history", "at": at, "programmed_u": amount_u, "delivered_u": amount_u}
        self._event("reported", {**reported, "resolution_u": 0.025, "step": index, "index": number})

    def _blank(self, which: str) -> None:
        self._event("blank_started", {"which": which})
        self._weigh(BLANK_S, 0.0)
        self._event("blank_ended", {"which": which})

    def _event(self, name: str, data: dict[str, Any]) -> None:
        self.events.append(Event(round(self._now_s * NS), name, data))

    def _weigh(self, duration_s: float, rate_u_per_h: float, interval_s: float | None = None) -> None:
        """Weigh on a grid while the pump delivers evenly at ``rate_u_per_h`` times the gain."""
        step_s = interval_s or self._interval_s
        slope = rate_u_per_h * self._gain * MG_PER_U / 3600.0 - self._evaporation / 3600.0
        end_s, start_s, start_mg = self._now_s + duration_s, self._now_s, self._load_mg
        at_s = start_s
        while at_s <= end_s + 1e-9:
            if not any(low <= at_s <= high for low, high in self.drop):
                shown = start_mg + slope * (at_s - start_s) + self._noise.gauss(0.0, self._noise_mg)
                self._reading(at_s, round(shown, 2))
            at_s += step_s
        self._now_s, self._load_mg = end_s, start_mg + slope * duration_s

    def _reading(self, at_s: float, shown_mg: float) -> None:
        at_ns = round(at_s * NS)
        self.columns.asked_ns.append(at_ns)
        self.columns.answered_ns.append(at_ns)
        self.columns.mass_mg.append(shown_mg)
        self.columns.resolution_mg.append(0.01)
        self.columns.stable.append(1)
