"""What flowed in a qualification, from its record: when each known flow ran, how much it was, and how well known.

Volumes in uL, flows in uL/h, times in s on the run's axis. The known volume of a flow is rate x time between the
acknowledgements of start and stop, that of an amount its target; both are *commanded*, and known as well as the bench
file states of pump and syringe together (syringe-pump-protocols 3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rig.config import FlowSourceConfig
from rig.errors import BenchError
from rig.judging.evidence import Evidence
from rig.metrology.budget import Component, rectangular
from rig.record.reader import Event, RunRecord
from rig.scenario.qualification import FlowStep
from rig.schedule import BolusOrder, Programme

FloatArray = npt.NDArray[np.float64]
NS_PER_S: Final = 1e9
LEAST_DOSE_U: Final = 1e-6
ACCURACY: Final = "flow source: pump and syringe"
COMMON: Final = (ACCURACY, "liquid density", "air density in Z", "immersed tube", "linearity")
"""Components that are the same share of every flow: what all errors have in common is no nonlinearity."""


@dataclass(frozen=True, slots=True)
class FlowRun:
    """One known flow or amount; ``stop_s`` None: the record ends before it was stopped.

    ``start_half_s``, ``stop_half_s``: half widths of the times within which the motor really started and stopped.
    ``counted_ul``: what the pump's own counter said. ``rest_to_s``: until when nothing flowed after it.
    """

    step: int
    index: int
    source: FlowSourceConfig
    rate_ul_per_h: float
    rate_resolution: float
    target_ul: float | None
    start_s: float
    start_half_s: float
    stop_s: float | None
    stop_half_s: float
    rest_to_s: float
    counted_ul: float | None
    counted_resolution_ul: float | None
    run_in: bool

    @property
    def known_ul(self) -> float:
        """Return the known volume; raises `BenchError` where nobody knows how long it ran."""
        if self.stop_s is None:
            raise BenchError("the run ended within this flow")
        if self.target_ul is not None:
            return self.target_ul
        return self.rate_ul_per_h * (self.stop_s - self.start_s) / 3600.0

    @property
    def flowed_to_s(self) -> float:
        """Return when it had ended by itself, or was stopped."""
        if self.target_ul is not None:
            return self.start_s + 3600.0 * self.target_ul / self.rate_ul_per_h
        return self.start_s if self.stop_s is None else self.stop_s

    @property
    def step_ul(self) -> float:
        """Return what one step of the motor displaces."""
        diameter_mm = self.source.diameter_mm or 0.0
        return self.source.travel_step_um * 1e-3 * math.pi / 4.0 * diameter_mm**2

    def components(self, known_ul: float) -> list[Component]:
        """Return the uncertainty of a known volume (all of it, or a part of the flow), in uL."""
        accuracy = self.source.accuracy
        if accuracy is None:
            raise BenchError("the bench file does not say how well this flow is known")
        share = known_ul * accuracy.half_width_pct / 100.0
        found = [
            Component(ACCURACY, rectangular(share), "uL", 1.0, "B", "rectangular", accuracy.source, shared=True),
            Component(
                "flow source: one step of its motor",
                self.step_ul / math.sqrt(6.0),
                "uL",
                1.0,
                "B",
                "triangular",
                f"[[flow_sources]] travel_step_um = {self.source.travel_step_um:g}",
            ),
        ]
        if self.rate_resolution > 0.0 and self.target_ul is None:
            part = known_ul * self.rate_resolution / 2.0 / self.rate_ul_per_h
            found.append(
                Component("flow source: last digit of its rate", rectangular(part), "uL", 1.0, "B", "rectangular")
            )
        return found

    def time_components(self) -> list[Component]:
        """Return what start and stop within their times make of a flow that was stopped, in uL."""
        per_s = self.rate_ul_per_h / 3600.0
        halves = (("start", self.start_half_s), ("stop", self.stop_half_s))
        if self.target_ul is not None:
            return []
        return [
            Component(f"time of the {word}", rectangular(half_s), "s", per_s, "B", "rectangular", "question and answer")
            for word, half_s in halves
        ]


def flow_runs(evidence: Evidence, origin_ns: int) -> tuple[FlowRun, ...]:
    """Return every flow that was started, in order."""
    events = evidence.record.events
    sources = {each.name: each for each in evidence.bench.flow_sources}
    steps = evidence.scenario.steps
    found = []
    for number, event in enumerate(events):
        if event.name != "flow_started":
            continue
        data, later = event.data, events[number + 1 :]
        stopped, counted = (_next(later, name) for name in ("flow_stopped", "flow_counted"))
        start_s, start_half_s = _between(data, origin_ns)
        stop_s, stop_half_s = (None, 0.0) if stopped is None else _between(stopped.data, origin_ns)
        step = steps[int(data["step"])]
        found.append(
            FlowRun(
                step=int(data["step"]),
                index=int(data["index"]),
                source=sources[str(data["source"])],
                rate_ul_per_h=float(data["rate_ul_per_h"]),
                rate_resolution=_shown_resolution(step, data),
                target_ul=None if data["target_ul"] is None else float(data["target_ul"]),
                start_s=start_s,
                start_half_s=start_half_s,
                stop_s=stop_s,
                stop_half_s=stop_half_s,
                rest_to_s=_rest_to(later, origin_ns),
                counted_ul=None if counted is None else float(counted.data["infused_ul"]),
                counted_resolution_ul=None if counted is None else float(counted.data["resolution_ul"]),
                run_in=isinstance(step, FlowStep) and step.run_in,
            )
        )
    return tuple(found)


def _shown_resolution(step: object, data: dict[str, Any]) -> float:
    """Return the last digit of a rate that reads back as another one than was asked for; exact ones have none."""
    asked = getattr(step, "rate_ul_per_h", None)
    return 0.0 if asked == data["rate_ul_per_h"] else float(data["rate_resolution_ul_per_h"])


def flow_programme(evidence: Evidence, origin_ns: int) -> Programme:
    """Return the flows as SET, in U as everywhere in a judgement: each as an amount that arrives evenly."""
    ul_per_u = 1000.0 / evidence.profile.concentration_u_per_ml
    orders, dose_ul = [], 0.0
    for flow in flow_runs(evidence, origin_ns):
        if flow.stop_s is None:
            continue
        lasts_s = flow.flowed_to_s - flow.start_s
        orders.append(BolusOrder(flow.start_s, flow.known_ul / ul_per_u, lasts_s, flow.step, flow.index))
        dose_ul = max(dose_ul, flow.step_ul)
    return Programme((), tuple(orders), max(dose_ul / ul_per_u, LEAST_DOSE_U))


def without_weights(
    record: RunRecord, origin_ns: int, times_s: FloatArray, masses_mg: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the readings without those taken while a person was asked to put a weight on, or to take it off."""
    keep = np.ones(times_s.size, dtype=np.bool_)
    for from_s, to_s in weight_spans(record.events, origin_ns):
        keep &= (times_s < from_s) | (times_s > to_s)
    return times_s[keep], masses_mg[keep]


def weight_spans(events: Sequence[Event], origin_ns: int) -> list[tuple[float, float]]:
    """Return from when to when a reference weight may have been on the pan."""
    found, open_s = [], None
    for event in events:
        at_s = (event.at_ns - origin_ns) / NS_PER_S
        if event.name == "weight_on_asked":
            open_s = at_s
        elif event.name == "weight_off" and open_s is not None:
            found.append((open_s, at_s + SETTLES_S))
            open_s = None
    return found if open_s is None else [*found, (open_s, math.inf)]


SETTLES_S: Final = 15.0  # after a hand was on the pan


def _between(data: dict[str, Any], origin_ns: int) -> tuple[float, float]:
    """Return the middle of question and answer, and half of what lies between them, in s."""
    asked, answered = (int(data[key]) - origin_ns for key in ("asked_ns", "answered_ns"))
    return (asked + answered) / 2.0 / NS_PER_S, (answered - asked) / 2.0 / NS_PER_S


def _next(events: Sequence[Event], name: str) -> Event | None:
    """Return the next event of a name, unless another flow starts before."""
    for event in events:
        if event.name == name:
            return event
        if event.name == "flow_started":
            break
    return None


def _rest_to(events: Sequence[Event], origin_ns: int) -> float:
    """Return when the rest after a flow ends: with its step, or when the next one is begun."""
    for event in events:
        if event.name == "flow_started":
            return (int(event.data["asked_ns"]) - origin_ns) / NS_PER_S
        if event.name == "step_ended":
            return (event.at_ns - origin_ns) / NS_PER_S
    return -math.inf
