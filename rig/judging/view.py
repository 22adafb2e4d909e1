"""One stored run, laid out for measuring: readings as arrays, SET, blanks, and the chain from mass to volume.

All times are seconds since the start of the run on the rig's monotonic clock. A run that was interrupted and repeated
from a step on has one view for each of its stretches (`rig.judging.stretches`): between them nothing is assumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from rig.analysis.quality import Span
from rig.config import BenchConfig
from rig.errors import BenchError
from rig.judging.air import RoomAir, room_air
from rig.judging.evidence import Evidence
from rig.judging.gaps import Bridge, ExplainedGap, bridges, explained_gaps, intolerable_gaps
from rig.judging.journal import InFlight, unknown_deliveries
from rig.judging.known_flows import flow_programme, without_weights
from rig.judging.marks import Quality
from rig.judging.quality import look_over, settle_shifts
from rig.judging.stretches import Stretch, stretches_of
from rig.metrology.blank import Blank, analyse_blank
from rig.metrology.evaporation import Evaporation, evaporation_from_blanks
from rig.metrology.inputs import (
    AmbientStats,
    BalanceSpec,
    TubeSpec,
    VesselSpec,
    air_density_at,
    ambient_stats,
    mean_air,
)
from rig.metrology.liquids import liquid_model
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
    """One stretch of a run, ready to be measured; ``evidence`` holds the record of that stretch alone.

    ``first_s``: its first delivery, which is ``stretch.scenario_s`` of the scenario's time. ``bridges``: reading gaps
    that cost uncertainty only; ``quality``: what its readings are marked with (``times_s`` and ``masses_mg`` are what
    the rules leave of them); ``gaps``: those over which nothing is measurable, of which ``too_long`` are explained.
    ``unknown``: deliveries of which
    nobody knows whether they happened.
    """

    evidence: Evidence
    stretch: Stretch
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
    bridges: tuple[Bridge, ...] = ()
    too_long: tuple[ExplainedGap, ...] = ()
    unknown: tuple[InFlight, ...] = ()
    quality: Quality = field(default_factory=Quality)
    room: RoomAir = field(default_factory=RoomAir)

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
        """Return the rig time of 0 s on this stretch's clock."""
        return self.stretch.origin_ns

    def seconds(self, at_ns: int) -> float:
        """Return a rig time on this view's axis."""
        return (at_ns - self.started_ns) / NS_PER_S

    def air(self, from_s: float, to_s: float) -> AmbientStats:
        """Return the air at both edges of an interval."""
        return ambient_stats(self.room.readings_for(from_s, to_s), from_s, to_s, origin_ns=self.started_ns)

    @property
    def scenario_zero_s(self) -> float | None:
        """Return when scenario time 0 was, or would have been had the stretch begun there; None: nothing delivered."""
        return None if self.first_s is None else self.first_s - self.stretch.scenario_s

    def gap_in(self, from_s: float, to_s: float) -> Span | None:
        """Return the first intolerable gap that touches an interval, its edges included."""
        return next((gap for gap in self.gaps if gap.start_s < to_s and gap.end_s > from_s), None)

    def bridges_in(self, from_s: float, to_s: float) -> tuple[Bridge, ...]:
        """Return the tolerable reading gaps that overlap an interval."""
        return tuple(bridge for bridge in self.bridges if bridge.spans(from_s, to_s))

    def unknown_in(self, from_s: float, to_s: float) -> InFlight | None:
        """Return a delivery of unknown outcome that may have fallen into an interval."""
        return next((each for each in self.unknown if each.start_s < to_s and each.end_s > from_s), None)

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


def lay_out(evidence: Evidence, stretch: Stretch | None = None) -> RunView:
    """Return the view of one stretch (default: the only one); `BenchError` when it holds too little to measure."""
    stretch = stretch or stretches_of(evidence.record)[-1]
    if stretch.placed[0].mode == "reattach":  # then nothing says where in the step it begins
        raise BenchError("it was re-attached on another clock than the one it left")
    evidence = replace(evidence, record=stretch.record)
    record, origin_ns, profile = evidence.record, stretch.origin_ns, evidence.profile
    times, masses = without_weights(record, origin_ns, *readings_of(record, origin_ns))
    room = _room(evidence, origin_ns, times)
    evidence = replace(evidence, record=replace(record, ambient=room.readings))
    record = evidence.record
    if len(times) < 2 or not record.ambient:
        raise BenchError("the run holds no usable readings" if stretch.number == 1 else "it holds no usable readings")
    end_s = float(times[-1])
    if record.events:
        end_s = max(end_s, (record.events[-1].at_ns - origin_ns) / NS_PER_S)
    ul_per_u = 1000.0 / profile.concentration_u_per_ml
    programme = programmed(evidence, origin_ns, end_s)
    balance = evidence.bench.balance
    bridged = explained_gaps(record.events, origin_ns, times, evidence.scenario)
    look = look_over(
        record.events,
        origin_ns,
        times,
        masses,
        programme,
        ul_per_u,
        balance.resolution_mg,
        balance.uncertainty.repeatability_mg,
        bridged,
    )
    times, masses = look.times_s, look.masses_mg
    explained = explained_gaps(record.events, origin_ns, times, evidence.scenario)
    holes = sorted([*((gap.start_s, gap.end_s) for gap in explained), *look.holes])
    blanks = _blanks(record.events, origin_ns, times, masses, evidence.bench.balance.resolution_mg, holes)
    evaporation = evaporation_from_blanks(blanks.get("before"), blanks.get("after")) if blanks else None
    chain = _chain(evidence, blanks, evaporation)
    masses, quality = settle_shifts(look, programme, chain, ul_per_u, explained)
    air = air_density_at(record.ambient, times, origin_ns=origin_ns)
    spans = _spans(record.events, origin_ns, float(times[-1]))
    return RunView(
        evidence=evidence,
        stretch=stretch,
        times_s=times,
        masses_mg=masses,
        volume_u=volume_curve_ul(times, masses, chain, air) / ul_per_u,
        programme=programme,
        first_s=_first_s(stretch, spans),
        end_s=end_s,
        spans=spans,
        blanks=blanks,
        evaporation=evaporation,
        chain=chain,
        gaps=intolerable_gaps(times, end_s, evidence.scenario, explained),
        stamp_u_s=float(record.header.get("clock", {}).get("stamp_u_s", 0.0)),
        bridges=bridges(explained, times, masses, programme, chain, ul_per_u),
        too_long=tuple(gap for gap in explained if not gap.tolerable),
        unknown=unknown_deliveries(record.events, origin_ns, profile),
        quality=quality,
        room=room,
    )


def _room(evidence: Evidence, origin_ns: int, times_s: FloatArray) -> RoomAir:
    """Return the air of a stretch, sifted."""
    record = evidence.record
    span_s = (float(times_s[0]), float(times_s[-1])) if times_s.size else (0.0, 0.0)
    interval_s = evidence.scenario.environment_interval_s
    return room_air(record.ambient, record.events, evidence.bench, interval_s, origin_ns, span_s)


def _first_s(stretch: Stretch, spans: tuple[StepSpan, ...]) -> float | None:
    """Return when the scenario's clock of a stretch starts: its first delivery, or the repeated step's beginning.

    A repeated step may begin with the pump delivering already: then no command of its own marks its beginning.
    """
    if stretch.first_step > 0:
        return spans[0].start_s if spans and spans[0].step == stretch.first_step else None
    firsts = ((event.at_ns - stretch.origin_ns) / NS_PER_S for event in _delivering(stretch.record.events))
    return min(firsts, default=None)


def programmed(evidence: Evidence, origin_ns: int, end_s: float) -> Programme:
    """Return SET: what the pump was told, or what the flow sources were that a bench is qualified with."""
    events, profile = evidence.record.events, evidence.profile
    if evidence.scenario.qualifies:
        return flow_programme(evidence, origin_ns)
    return therapy_programme(therapy_events(events, origin_ns), end_s, profile.dose_u, profile)


def readings_of(record: RunRecord, origin_ns: int) -> tuple[FloatArray, FloatArray]:
    """Return (times, masses); the load was sampled between question and answer, so the middle is its time."""
    columns = record.weighings.get(BALANCE, WeighingColumns())
    asked = np.frombuffer(columns.asked_ns, dtype=np.int64) if columns.asked_ns else np.empty(0, np.int64)
    answered = np.frombuffer(columns.answered_ns, dtype=np.int64) if columns.answered_ns else np.empty(0, np.int64)
    masses = np.array(columns.mass_mg, dtype=np.float64)
    times = ((asked - origin_ns) + (answered - origin_ns)) / (2.0 * NS_PER_S)
    rising = np.concatenate(([True], np.diff(times) > 0)) if len(times) else np.empty(0, bool)
    return times[rising], masses[rising]


def _blanks(
    events: Sequence[Event],
    origin_ns: int,
    times: FloatArray,
    masses: FloatArray,
    resolution_mg: float,
    holes: Sequence[tuple[float, float]],
) -> dict[str, Blank]:
    """Return the blanks that were finished and can be analysed; of one with an explained gap, its longest part."""
    started: dict[str, float] = {}
    found: dict[str, Blank] = {}
    for event in events:
        which, at_s = str(event.data.get("which", "")), (event.at_ns - origin_ns) / NS_PER_S
        if event.name == "blank_started":
            started[which] = at_s
        elif event.name == "blank_ended" and which in started:
            low_s, high_s = _longest_part(started[which], at_s, holes)
            keep = (times >= low_s) & (times <= high_s)
            try:
                found[which] = analyse_blank(times[keep], masses[keep], resolution_mg)
            except BenchError:
                continue  # too few readings: the run is judged as if there had been no such blank
    return found


def _longest_part(from_s: float, to_s: float, holes: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the longest part of an interval that no hole interrupts: a shift in one would pass for a slope."""
    inside = [hole for hole in holes if hole[0] < to_s and hole[1] > from_s]
    lows = [from_s, *(end_s for _, end_s in inside)]
    highs = [*(start_s for start_s, _ in inside), to_s]
    return max(zip(lows, highs, strict=True), key=lambda part: part[1] - part[0])


def _chain(evidence: Evidence, blanks: dict[str, Blank], evaporation: Evaporation | None) -> WeighingChain:
    bench, record = evidence.bench, evidence.record
    air, liquid = mean_air(record.ambient), liquid_model(bench.liquid)
    u_temperature_c = max(each.u_temperature_c for each in record.ambient)
    noises = [blank.noise for blank in blanks.values()]
    noise = pooled_noise(noises[0], noises[1]) if len(noises) == 2 else (noises[0] if noises else None)
    return WeighingChain(
        balance=_balance(bench),
        liquid=liquid.at(air.temperature_c, u_temperature_c, air.pressure_hpa * 100.0),
        vessel=VesselSpec(
            load_cm3=bench.vessel.load_cm3,
            gross_g=bench.vessel.gross_load_g,
            u_load_cm3=bench.vessel.u_load_cm3,
            inner_diameter_mm=bench.vessel.inner_diameter_mm,
        ),
        tube=TubeSpec(bench.tube.outer_diameter_mm) if bench.tube.outer_diameter_mm else None,
        evaporation=evaporation,
        noise=noise,
        liquid_model=liquid,
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
        elif event.name in (*DELIVERING, "suspended", "profile_written", "pattern_selected"):
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
