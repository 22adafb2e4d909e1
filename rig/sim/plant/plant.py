"""One plant: strokes in, forces out, ledgers kept; advanced only when somebody asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rig.sim.faults import FaultSet
from rig.sim.parameters import HOUR_NS, PlantParameters
from rig.sim.plant.balance_cell import BalanceCell, Sample
from rig.sim.plant.environment import Environment
from rig.sim.plant.expansion import Expansion
from rig.sim.plant.inlet import Inlet
from rig.sim.plant.ledger import DeliveryTotals, Ledger
from rig.sim.plant.line import Line
from rig.sim.plant.mechanism import Mechanism
from rig.sim.plant.pan import Pan

HPA_PER_KPA = 10.0
SEEP_UL = 0.05  # grain of a continuous leak while the pump is suspended


class Plant:
    """Mechanism, line, pan, air and weighing cell on one time axis (rig time in ns)."""

    def __init__(self, parameters: PlantParameters, seed: int, faults: FaultSet, start_ns: int) -> None:
        self._p = parameters
        self._faults = faults
        self._environment = Environment(_room(parameters, faults), seed, start_ns)
        warms = faults.named("pump.warmed") or faults.named("room.temperature")
        self._expansion = Expansion(faults, start_ns, self._environment.at(start_ns)[2]) if warms else None
        self._mechanism = Mechanism(parameters, seed, faults)
        self._line = Line(parameters, faults, start_ns, parameters.filter_s[2], seed)
        self._pan = Pan(parameters, self._environment, faults)
        self.cell = BalanceCell(parameters, seed, faults, start_ns)
        self.ledger = Ledger(parameters, self._line, self._pan, self.advance)
        self._pump_advance: Callable[[int], None] = lambda _rig_ns: None
        self._inlet: Inlet | None = None
        self._open: dict[str, DeliveryTotals] = {}
        self._update_ns = round(parameters.update_s * 1e9)
        self._updated = -1
        self._told_filter_s = parameters.filter_s[2]
        self._latest: Sample | None = None
        self._suspended = False
        self._seeped_to_ns: int | None = start_ns if faults.named("line.siphon") else None
        self._start_ns = start_ns

    def drive(self, pump_advance: Callable[[int], None]) -> None:
        """Name the pump's logic: a function that lets it run to a rig time and calls `stroke` on the way."""
        self._pump_advance = pump_advance

    def mount(self, time_s: float) -> Inlet:
        """Lead the tube of a syringe pump into the vessel, too; ``time_s`` is the time constant of its line."""
        environment = self._environment
        inlet = Inlet(self.now_ns, time_s, self._line.filter_s, lambda rig_ns: environment.at(rig_ns)[1], self.advance)
        self._inlet = self.ledger.inlet = inlet
        return inlet

    @property
    def now_ns(self) -> int:
        """Return the rig time that the line has reached."""
        return self._line.at_ns

    def advance(self, rig_ns: int) -> None:
        """Let everything run to ``rig_ns``; an earlier time than already reached changes nothing."""
        self._pump_advance(rig_ns)
        if self._seeped_to_ns is not None:
            self._seep(rig_ns)
        if rig_ns > self._line.at_ns:
            self._flow(rig_ns)

    def stroke(self, rig_ns: int, strokes: int, kind: str, bolus_share: float | None) -> None:
        """Let the motor move by ``strokes`` steps of 0.025 U at ``rig_ns``."""
        if self._seeped_to_ns is not None:
            self._seep(rig_ns)
        density = self._flow(rig_ns)
        self._displace(self._mechanism.move(strokes, rig_ns, bolus_share), strokes, kind, density)

    @property
    def pressure_kpa(self) -> float:
        """Return the pressure at the plunger, as the pump's own sensor feels it."""
        return self._line.pressure_kpa

    def clamp(self, *, closed: bool, rig_ns: int) -> None:
        """Close or open the clamp on the tube."""
        self.advance(rig_ns)
        self._line.blockage.clamp.closed = closed
        self._turn(rig_ns)

    def divert(self, *, away: bool, rig_ns: int) -> None:
        """Lead the line past the vessel, or into it again."""
        self.advance(rig_ns)
        self._line.blockage.clamp.diverted = away
        self._turn(rig_ns)

    def begin(
        self, kind: str, rig_ns: int, programmed_u: float | None = None, rate_u_per_h: float | None = None
    ) -> None:
        """Open the totals of a delivery; an open one of the same kind ends."""
        self.end(kind, rig_ns)
        self._open[kind] = DeliveryTotals(kind, rig_ns, programmed_u, rate_u_per_h)
        self.ledger.deliveries.append(self._open[kind])
        self._suspended = self._suspended or kind == "suspended"
        if kind == "suspended" and self._seeped_to_ns is None and self._faults.named("pump.suspend_leak"):
            self._seeped_to_ns = rig_ns

    def end(self, kind: str, rig_ns: int) -> None:
        """Close the totals of a delivery, if one is open."""
        if kind == "suspended" and self._seeped_to_ns is not None:
            self._seep(rig_ns)
            self._seeped_to_ns = self._seeped_to_ns if self._faults.named("line.siphon") else None
        self._suspended = self._suspended and kind != "suspended"
        if (delivery := self._open.pop(kind, None)) is not None:
            delivery.end_ns = rig_ns

    def set_filter(self, filter_s: float) -> None:
        """Give the balance another filter, as it is told to."""
        self._told_filter_s = filter_s
        if self._line.filter_s != filter_s:
            self._use_filter(filter_s)

    def _hold_filter(self, rig_ns: int) -> None:
        """Let a seeded filter stand against what the balance was told."""
        filter_s = self._faults.number("balance.filter", rig_ns) or self._told_filter_s
        if filter_s != self._line.filter_s:
            self._use_filter(filter_s)

    def _use_filter(self, filter_s: float) -> None:
        same = filter_s in (self._p.compliance_s, self._p.tail_s)  # as slow as a store of the line: no such solution
        self._line.filter_s = filter_s * (1.0 + 1e-6) if same else filter_s
        if self._inlet is not None:
            self._inlet.filter_s = filter_s
        self.cell.set_filter(filter_s)

    def sample(self, rig_ns: int) -> Sample:
        """Return the balance's last internal value at ``rig_ns``: one per update interval."""
        update = rig_ns // self._update_ns
        if update == self._updated and self._latest is not None:
            return self._latest
        self._updated = update
        self._latest = self._weigh(rig_ns)
        return self._latest

    def air(self, rig_ns: int) -> tuple[float, float, float]:
        """Return (temperature in C, humidity in %, pressure in hPa) at ``rig_ns``, as a perfect sensor would."""
        self.advance(rig_ns)
        return self._environment.state(rig_ns)

    def refresh(self) -> None:
        """Forget the last internal value: zero or tare changed it."""
        self._latest = None

    def put_on(self, mass_mg: float, rig_ns: int) -> None:
        """Let a person put a reference weight beside the vessel (0: take it off)."""
        self.advance(rig_ns)
        self._pan.weight_mg = mass_mg

    def tare_vessel(self) -> None:
        """Tare the vessel as an operator does before a run; a perfect tare of the settled load."""
        sample = self._weigh(self._line.at_ns)
        self.cell.tare(sample.counts)

    def _weigh(self, rig_ns: int) -> Sample:
        if self._faults.any_balance:
            self._hold_filter(rig_ns)
        self.advance(rig_ns)
        line = self._line
        lag_ul = line.lag_ul if self._inlet is None else line.lag_ul + self._inlet.lag_ul
        density = self._environment.at(rig_ns)[1]
        force_mg, temperature_c = self._pan.force_mg(rig_ns, lag_ul)
        slope_mg_per_s = -lag_ul * density / line.filter_s
        return self.cell.weigh(rig_ns, force_mg, temperature_c, slope_mg_per_s)

    def _flow(self, rig_ns: int) -> float:
        """Let the line empty and the vessel fill until ``rig_ns``; return the liquid's density then."""
        while self._expansion is not None and self._expansion.next_ns <= rig_ns:
            self._expand(self._expansion)
        return self._flow_on(rig_ns)

    def _expand(self, expansion: Expansion) -> None:
        at_ns = expansion.next_ns
        density = self._flow_on(at_ns)
        self._line.expand(expansion.step_u(self._environment.at(at_ns)[2]) * self._p.ul_per_u)
        self.ledger.add(0, density)

    def _flow_on(self, rig_ns: int) -> float:
        if self._inlet is not None:
            self._inject(self._inlet, rig_ns)
        while self._line.next_ns < rig_ns:
            self._turn(self._line.next_ns)
        return self._run_line(rig_ns)

    def _run_line(self, rig_ns: int) -> float:
        environment = self._environment
        if environment.next_ns <= rig_ns:
            self._pan.advance(rig_ns)
        density = environment.at(rig_ns)[1]
        self._pan.receive(self._line.advance(rig_ns) * density, rig_ns)
        return density

    def _turn(self, rig_ns: int) -> None:
        """Let the line run to an instant at which something hinders it otherwise, and look at it again."""
        density = self._run_line(rig_ns)
        self._pan.receive(self._line.turn() * density, rig_ns)
        self.ledger.add(0, density)

    def _inject(self, inlet: Inlet, to_ns: int) -> None:
        """Let the syringe pump run until ``to_ns``, from one change of the weather to the next."""
        while (node_ns := self._environment.next_ns) <= to_ns:
            inlet.run(node_ns)
            self._pan.injected_mg = inlet.delivered_mg
            self._pan.advance(node_ns)
        inlet.run(to_ns)
        self._pan.injected_mg = inlet.delivered_mg

    def _displace(self, volume_ul: float, strokes: int, kind: str, density: float) -> None:
        line = self._line
        entered_ul = line.entered_ul
        volume_ul = line.give_way_ul(volume_ul)
        holds_u = self._faults.latest("pump.empty_at", line.at_ns)
        if holds_u is not None:
            volume_ul = max(0.0, min(volume_ul, holds_u * self._p.ul_per_u - line.displaced_ul))
        line.push(volume_ul)
        self.ledger.add(strokes, density)
        delivery = self._open.get(kind)
        if delivery is not None:
            delivery.commanded_strokes += strokes
            delivery.displaced_u += volume_ul / self._p.ul_per_u
            delivery.entered_u += (line.entered_ul - entered_ul) / self._p.ul_per_u

    def _seep(self, to_ns: int) -> None:
        """Let a pump leak forward until ``to_ns``: a worn seal while it is suspended, a siphon at any time."""
        at_ns = self._seeped_to_ns
        while at_ns is not None and at_ns < to_ns:
            rate_u_per_h = self._faults.number("pump.suspend_leak", at_ns) if self._suspended else 0.0
            rate_u_per_h += self._line.blockage.siphon_ul_per_h(at_ns) / self._p.ul_per_u
            if rate_u_per_h <= 0.0:
                at_ns = min(to_ns, at_ns + 1_000_000_000)
            else:
                interval_ns = round(SEEP_UL / (rate_u_per_h * self._p.ul_per_u) * HOUR_NS)
                if at_ns + interval_ns > to_ns:
                    break
                at_ns += interval_ns
                self._displace(SEEP_UL, 0, "suspended" if self._suspended else "basal", self._flow(at_ns))
        self._seeped_to_ns = at_ns


def _room(parameters: PlantParameters, faults: FaultSet) -> PlantParameters:
    """Return the parameters with the waves of the room that faults ask for, from the beginning."""
    wave_k, tide_hpa = parameters.temperature_wave_k, parameters.pressure_tide_hpa
    if faults.named("room.temperature"):
        wave_k = faults.windows("room.temperature")[-1][2]
    if faults.named("room.pressure"):
        tide_hpa = faults.windows("room.pressure")[-1][2] * HPA_PER_KPA
    return replace(parameters, temperature_wave_k=wave_k, pressure_tide_hpa=tide_hpa)
