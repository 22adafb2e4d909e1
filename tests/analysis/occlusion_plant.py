"""A pump, a line, a clamp and a balance for the tests, written from the physics and nothing of ours.

Small steps: doses raise the pressure by q/C, an open outlet drains it through R, a clamp squeezes part of its pinch
volume out of the outlet and part back into the line. The balance adds what evaporates, white noise and rounding.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

MG_PER_UL = 0.997155  # what a balance shows for 1 uL of water at 20 C in air of 1.2 kg/m3


@dataclass
class Line:
    compliance: float = 0.15  # uL/kPa
    resistance: float = 0.02  # kPa h/uL, open
    leak: float = float("inf")  # kPa h/uL, clamped
    dose_ul: float = 0.25
    flow: float = 20.0  # uL/h
    threshold_kpa: float = 100.0
    latency_s: float = 2.0
    poll_s: float = 5.0
    pinch_out_ul: float = 0.4
    pinch_back_ul: float = 0.3
    pinch_scatter_ul: float = 0.02
    evaporation_mg_per_h: float = 0.08
    noise_mg: float = 0.02
    interval_s: float = 1.0
    stops_at_alarm: bool = True
    longest_h: float = 3.0  # opened after it without an alarm
    collect_s: float = 900.0


@dataclass
class Truth:
    """What really happened; volumes uL."""

    closed_s: float = 0.0
    alarm_s: float | None = None  # as stamped
    threshold_s: float | None = None
    opened_s: float = 0.0
    programmed: float = 0.0  # doses between closing and alarm
    came_out: float = 0.0  # through the line in that time
    released: float = 0.0  # through the line after the opening
    time_constant_s: float = 0.0
    pinches: list[tuple[float, float]] = field(default_factory=list)
    times: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    masses: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    @property
    def missed(self) -> float:
        return self.programmed - self.came_out


def run(line: Line, seed: int, step_s: float = 0.25, steady_s: float = 300.0, pinches: int = 4) -> Truth:
    rng = np.random.default_rng(seed)
    truth = Truth(time_constant_s=line.resistance * line.compliance * 3600.0)
    outlet: list[float] = []  # uL out of the outlet at every step
    state = {"p": 0.0, "out": 0.0, "due": rng.uniform() * line.dose_ul}
    squeezed = line.pinch_out_ul

    def advance(seconds: float, *, pumping: bool, clamped: bool) -> tuple[float, float, float | None]:
        """Return (dosed, through the line, since when above the threshold)."""
        resistance = line.leak if clamped else line.resistance
        drained = 1.0 - np.exp(-step_s / 3600.0 / (resistance * line.compliance))
        dosed = through = 0.0
        above = None
        for number in range(round(seconds / step_s)):
            if pumping:
                state["due"] += line.flow * step_s / 3600.0
                if state["due"] >= line.dose_ul:
                    state["due"] -= line.dose_ul
                    state["p"] += line.dose_ul / line.compliance
                    dosed += line.dose_ul
            volume = state["p"] * line.compliance * drained
            state["p"] -= volume / line.compliance
            state["out"] += volume
            through += volume
            outlet.append(state["out"])
            if clamped and pumping and state["p"] >= line.threshold_kpa:
                above = number * step_s
                break
        return dosed, through, above

    def now() -> float:
        return len(outlet) * step_s

    def close() -> None:
        nonlocal squeezed
        squeezed = line.pinch_out_ul + line.pinch_scatter_ul * rng.normal()
        state["out"] += squeezed
        state["p"] += line.pinch_back_ul / line.compliance

    def reopen() -> None:
        state["out"] -= squeezed
        state["p"] -= line.pinch_back_ul / line.compliance

    advance(60.0, pumping=False, clamped=False)
    for _ in range(pinches):
        closed = now()
        close()
        advance(40.0, pumping=False, clamped=True)
        opened = now()
        reopen()
        advance(40.0, pumping=False, clamped=False)
        truth.pinches.append((closed, opened))
    advance(steady_s, pumping=True, clamped=False)
    truth.closed_s = now()
    close()
    _occlude(line, truth, advance, now, rng)
    truth.opened_s = now()
    reopen()
    truth.released = advance(line.collect_s, pumping=False, clamped=False)[1]
    _weigh(line, truth, np.array(outlet), step_s, rng)
    return truth


def _occlude(line, truth, advance, now, rng) -> None:  # type: ignore[no-untyped-def]
    dosed, through, above = advance(line.longest_h * 3600.0, pumping=True, clamped=True)
    truth.programmed, truth.came_out = dosed, through
    if above is None:
        return
    truth.threshold_s = now()
    seen_s = line.latency_s + rng.uniform() * line.poll_s
    dosed, through, _ = advance(line.latency_s, pumping=True, clamped=True)
    more = advance(seen_s - line.latency_s, pumping=not line.stops_at_alarm, clamped=True)
    truth.programmed += dosed + more[0]
    truth.came_out += through + more[1]
    truth.alarm_s = now()
    advance(120.0, pumping=False, clamped=True)


def _weigh(line: Line, truth: Truth, outlet, step_s: float, rng) -> None:  # type: ignore[no-untyped-def]
    every = round(line.interval_s / step_s)
    picked = outlet[every - 1 :: every]
    truth.times = (np.arange(picked.size) + 1.0) * line.interval_s - step_s / 2.0
    mass = 812.0 + picked * MG_PER_UL - line.evaporation_mg_per_h * truth.times / 3600.0
    truth.masses = np.round((mass + rng.normal(size=mass.size) * line.noise_mg) / 0.01) * 0.01
