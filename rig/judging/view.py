"""One stored run, laid out for measuring: readings as arrays, SET, blanks, and the chain from mass to volume.

All times are seconds since the start of the run on the rig's monotonic clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from rig.analysis.quality import Span, find_gaps
from rig.config import BenchConfig
from rig.errors import BenchError
from rig.judging.evidence import Evidence
from rig.metrology.blank import Blank, analyse_blank
from rig.metrology.evaporation import Evaporation, evaporation_from_blanks
from rig.metrology.inputs import (
    AmbientStats,
    BalanceSpec,
    TubeSpec,
    VesselSpec,
    air_density_at,
    ambient_stats,
    water,
)
from rig.metrology.noise import pooled_noise
from rig.metrology.volume import WeighingChain, volume_curve_ul
from rig.programme import Programme, therapy_events, therapy_programme
from rig.record.reader import Event, RunRecord, WeighingColumns

FloatArray = npt.NDArray[np.float64]
NS_PER_S = 1e9
BALANCE = "balance"
DELIVERING = ("resumed", "temp_started", "bolus_started")
LATE_INTERVALS = 1.5  # sampling intervals, at least LATE_S: how long before a step's end its last reading may lie
LATE_S = 1.0
REJOIN_S = 120.0  # opening ports and asking everyone who he is, after the hold


@dataclass(frozen=True, slots=True)
class StepSpan:
    """When a step ran; ``start_s`` is its first acknowledged command (else its beginning)."""

    step: int
    kind: str
    start_s: float
    end_s: float
    complete: bool


@dataclass(frozen=True, slots=True)
class RunView:
    """One run, ready to be measured."""

    evidence: Evidence
    times_s: FloatArray
    masses_mg: FloatArray
    volume_u: FloatArray
    programme: Programme
    first_s: float | None
    end_s: float
    spans: tuple[StepSpan, ...]
    blanks: dict[str, Blank]
    evaporation: Evaporation | None
    chain: WeighingChain
    gaps: tuple[Span, ...]
    stamp_u_s: float
    scenario_s: float = 0.0  # scenario time at which the first step of this stretch originally began
    explained: tuple[Span, ...] = ()  # gaps in which the pump is known to have gone on

    @property
    def record(self) -> RunRecord:
        """Return the record."""
        return self.evidence.record

    @property
    def ul_per_u(self) -> float:
        """Return microlitres in a unit of insulin."""
        return 1000.0 / self.evidence.profile.concentration_u_per_ml

    @property
    def started_ns(self) -> int:
        """Return the rig time of 0 s."""
        return started_ns(self.record)

    def seconds(self, at_ns: int) -> float:
        """Return a rig time on this view's axis."""
        return (at_ns - self.started_ns) / NS_PER_S

    def air(self, from_s: float, to_s: float) -> AmbientStats:
        """Return the air at both edges of an interval."""
        return ambient_stats(self.record.ambient, from_s, to_s, origin_ns=self.started_ns)

    def gap_in(self, from_s: float, to_s: float) -> Span | None:
        """Return the first intolerable gap that touches an interval, its edges included."""
        return next((gap for gap in self.gaps if gap.start_s < to_s and gap.end_s > from_s), None)

    def last_weighed_s(self, to_s: float) -> float:
        """Return ``to_s``, or the last reading where it came within one sampling interval before it."""
        last_s = float(self.times_s[-1])
        late_s = max(LATE_S, LATE_INTERVALS * self.evidence.scenario.balance_interval_s)
        return last_s if 0.0 < to_s - last_s <= late_s else to_s

    def hole_in(self, from_s: float, to_s: float) -> float:
        """Return the longest time without a reading inside an interval whose edges need no reading of their own."""
        return max((min(gap.end_s, to_s) - max(gap.start_s, from_s) for gap in self.gaps), default=0.0)


def started_ns(record: RunRecord) -> int:
    """Return the rig time at which the run started."""
    return int(record.header.get("clock", {}).get("started_ns", 0))


def lay_out(evidence: Evidence, scenario_s: float = 0.0) -> RunView:
    """Return the view of a run, or of one stretch of it; raises `BenchError` when it holds too little to measure."""
    record = evidence.record
    origin_ns = started_ns(record)
    times, masses = _readings(record.weighings.get(BALANCE, WeighingColumns()), origin_ns)
    if len(times) < 2 or not record.ambient:
        raise BenchError("the run holds no usable readings")
    end_s = float(times[-1])
    if record.events:
        end_s = max(end_s, (record.events[-1].at_ns - origin_ns) / NS_PER_S)
    blanks = _blanks(record.events, origin_ns, times, masses, evidence.bench.balance.resolution_mg)
    evaporation = evaporation_from_blanks(blanks.get("before"), blanks.get("after")) if blanks else None
    chain = _chain(evidence, blanks, evaporation)
    air = air_density_at(record.ambient, times, origin_ns=origin_ns)
    profile = evidence.profile
    ul_per_u = 1000.0 / profile.concentration_u_per_ml
    spans = _spans(record.events, origin_ns, float(times[-1]))
    firsts = [(event.at_ns - origin_ns) / NS_PER_S for event in _delivering(record.events)]
    gaps = find_gaps(times, evidence.scenario.gap_tolerate_s, end_s=end_s)
    return RunView(
        evidence=evidence,
        times_s=times,
        masses_mg=masses,
        volume_u=volume_curve_ul(times, masses, chain, air) / ul_per_u,
        programme=therapy_programme(therapy_events(record.events, origin_ns), end_s, profile.dose_u, profile),
        first_s=min(firsts, default=None),
        end_s=end_s,
        spans=spans,
        blanks=blanks,
        evaporation=evaporation,
        chain=chain,
        gaps=gaps,
        stamp_u_s=float(record.header.get("clock", {}).get("stamp_u_s", 0.0)),
        scenario_s=scenario_s,
        explained=_explained(evidence, gaps, origin_ns),
    )


def _explained(evidence: Evidence, gaps: Sequence[Span], origin_ns: int) -> tuple[Span, ...]:
    """Return the gaps that a re-attachment ends, and that are no longer than the scenario's hold allows."""
    scenario = evidence.scenario
    allowed_s = scenario.hold_s if scenario.on_runner_loss == "hold" else 0.0
    rejoined = [
        _seconds(origin_ns, event.at_ns)
        for event in evidence.record.events
        if event.name == "run_resumed" and event.data.get("mode") == "reattach"
    ]
    return tuple(
        gap
        for gap in gaps
        if gap.duration_s <= allowed_s + REJOIN_S and any(gap.start_s <= at_s <= gap.end_s for at_s in rejoined)
    )


def _readings(columns: WeighingColumns, origin_ns: int) -> tuple[FloatArray, FloatArray]:
    """Return (times, masses); the load was sampled between question and answer, so the middle is its time."""
    asked = np.frombuffer(columns.asked_ns, dtype=np.int64) if columns.asked_ns else np.empty(0, np.int64)
    answered = np.frombuffer(columns.answered_ns, dtype=np.int64) if columns.answered_ns else np.empty(0, np.int64)
    masses = np.array(columns.mass_mg, dtype=np.float64)
    times = ((asked - origin_ns) + (answered - origin_ns)) / (2.0 * NS_PER_S)
    rising = np.concatenate(([True], np.diff(times) > 0)) if len(times) else np.empty(0, bool)
    return times[rising], masses[rising]


def _blanks(
    events: Sequence[Event], origin_ns: int, times: FloatArray, masses: FloatArray, resolution_mg: float
) -> dict[str, Blank]:
    """Return the blanks that were finished and can be analysed."""
    started: dict[str, float] = {}
    found: dict[str, Blank] = {}
    for event in events:
        which, at_s = str(event.data.get("which", "")), (event.at_ns - origin_ns) / NS_PER_S
        if event.name == "blank_started":
            started[which] = at_s
        elif event.name == "blank_ended" and which in started:
            keep = (times >= started[which]) & (times <= at_s)
            try:
                found[which] = analyse_blank(times[keep], masses[keep], resolution_mg)
            except BenchError:
                continue  # too few readings: the run is judged as if there had been no such blank
    return found


def _chain(evidence: Evidence, blanks: dict[str, Blank], evaporation: Evaporation | None) -> WeighingChain:
    bench, record = evidence.bench, evidence.record
    air = record.ambient[0]
    noises = [blank.noise for blank in blanks.values()]
    noise = pooled_noise(noises[0], noises[1]) if len(noises) == 2 else (noises[0] if noises else None)
    return WeighingChain(
        balance=_balance(bench),
        liquid=water(air.temperature_c, air.u_temperature_c),
        vessel=VesselSpec(
            load_cm3=bench.vessel.load_cm3,
            gross_g=bench.vessel.gross_load_g,
            u_load_cm3=bench.vessel.u_load_cm3,
            inner_diameter_mm=bench.vessel.inner_diameter_mm,
        ),
        tube=TubeSpec(bench.tube.outer_diameter_mm) if bench.tube.outer_diameter_mm else None,
        evaporation=evaporation,
        noise=noise,
    )


def _balance(bench: BenchConfig) -> BalanceSpec:
    known = bench.balance.uncertainty
    return BalanceSpec(
        repeatability_mg=known.repeatability_mg,
        resolution_mg=bench.balance.resolution_mg,
        linearity_rel=known.sensitivity_ppm * 1e-6,
        sensitivity_drift_ppm_per_k=known.temperature_ppm_per_k,
        source=f"certificate {bench.balance.calibration.certificate}",
    )


def _delivering(events: Sequence[Event]) -> list[Event]:
    """Return the acknowledged commands that began a delivery within a step."""
    inside = False
    found = []
    for event in events:
        if event.name in ("step_started", "step_ended"):
            inside = event.name == "step_started"
        elif inside and event.name in DELIVERING:
            found.append(event)
    return found


def _spans(events: Sequence[Event], origin_ns: int, weighed_s: float) -> tuple[StepSpan, ...]:
    """Return when each step ran; one that the run broke off ends with the last reading."""
    seconds = partial(_seconds, origin_ns)
    spans: list[StepSpan] = []
    open_step: tuple[int, str, float] | None = None
    acknowledged: float | None = None
    for event in events:
        if event.name == "step_started":
            open_step = (int(event.data["step"]), str(event.data["kind"]), seconds(event.at_ns))
            acknowledged = None
        elif open_step is None:
            continue
        elif event.name in (*DELIVERING, "suspended", "profile_written"):
            acknowledged = seconds(event.at_ns) if acknowledged is None else acknowledged
        elif event.name == "step_ended":
            step, kind, began_s = open_step
            start_s = began_s if acknowledged is None else acknowledged
            spans.append(StepSpan(step, kind, start_s, seconds(event.at_ns), complete=True))
            open_step = None
    if open_step is not None:
        step, kind, began_s = open_step
        start_s = began_s if acknowledged is None else acknowledged
        spans.append(StepSpan(step, kind, start_s, max(start_s, weighed_s), complete=False))
    return tuple(spans)


def _seconds(origin_ns: int, at_ns: int) -> float:
    return (at_ns - origin_ns) / NS_PER_S
