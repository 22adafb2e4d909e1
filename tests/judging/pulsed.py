"""Runs made by hand whose pump delivers in doses: at a stated phase, some of them missing, double or late."""

from __future__ import annotations

import random

from rig.scenario.model import Check, Step
from tests.judging.runs import MG_PER_U, RunMaker

DOSE_U = 0.025  # of the profile sim-723


class PulsedMaker(RunMaker):
    """Each time another dose is owed it comes at once; ``owed`` at the start (0 to 1) is the phase of the first.

    ``sizes``: number of a dose, counted from 1 over the run, to its size in doses; ``jitter_s``: by how much each is
    early or late, never adding up; ``doses``: when each came.
    """

    def __init__(
        self,
        steps: tuple[Step, ...],
        checks: tuple[Check, ...],
        *,
        owed: float = 0.6,
        sizes: dict[int, float] | None = None,
        gain: float = 1.0,
        noise_mg: float = 0.01,
        interval_s: float = 10.0,
        seed: int = 1,
        jitter_s: float = 0.0,
    ) -> None:
        super().__init__(steps, checks, gain=gain, noise_mg=noise_mg, interval_s=interval_s, seed=seed)
        self._owed_u = owed * DOSE_U
        self._sizes = sizes or {}
        self._jitter, self._jitter_s = random.Random(seed), jitter_s
        self._off_s = self._jitter.gauss(0.0, jitter_s)
        self.doses: list[tuple[float, float]] = []

    def _weigh(self, duration_s: float, rate_u_per_h: float, interval_s: float | None = None) -> None:
        """Weigh on a grid while doses come."""
        step_s = interval_s or self._interval_s
        at_s, end_s = self._now_s, self._now_s + duration_s
        owed_from_s = self._now_s
        due_s = self._due_s(owed_from_s, rate_u_per_h)
        while at_s <= end_s + 1e-9:
            while due_s + self._off_s <= at_s:
                owed_from_s, due_s = due_s, self._dose(due_s, rate_u_per_h)
            shown = self._load_mg + self._noise.gauss(0.0, self._noise_mg)
            self._reading(at_s, round(shown, 2))
            at_s += step_s
        while due_s + self._off_s <= end_s:
            owed_from_s, due_s = due_s, self._dose(due_s, rate_u_per_h)
        self._owed_u += rate_u_per_h * (end_s - owed_from_s) / 3600.0
        self._now_s = end_s

    def _due_s(self, from_s: float, rate_u_per_h: float) -> float:
        return from_s + 3600.0 * (DOSE_U - self._owed_u) / rate_u_per_h if rate_u_per_h > 0.0 else float("inf")

    def _dose(self, due_s: float, rate_u_per_h: float) -> float:
        """Let a dose come; return when the next is due."""
        size_u = DOSE_U * self._gain * self._sizes.get(len(self.doses) + 1, 1.0)
        self.doses.append((due_s + self._off_s, size_u))
        self._load_mg += size_u * MG_PER_U
        self._owed_u = 0.0
        self._off_s = self._jitter.gauss(0.0, self._jitter_s)
        return self._due_s(due_s, rate_u_per_h)

    def delivered_u(self, from_s: float, to_s: float) -> float:
        """Return what came in an interval: the answer."""
        total = 0.0
        for at_s, size_u in self.doses:
            if from_s <= at_s < to_s:
                total += size_u
        return total
