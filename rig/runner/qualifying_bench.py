"""From a bench file to a bench that is itself the thing under test: balance and flow sources, and no insulin pump.

Nothing is sent by opening. The pump under test is not opened: its outlet is out of the vessel, or it is stopped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rig.bench import (
    WeighingBench,
    add_sensors,
    add_twin_sensors,
    balance_address,
    balance_driver,
    balance_settings,
    flow_settings,
    flow_source,
    ns_per_byte,
    open_scale,
    serial_links,
    stamp_u,
    why_simulated,
)
from rig.clock import Clock, VirtualClock
from rig.config import BenchConfig, FlowSourceConfig, Simulation
from rig.errors import ConfigError
from rig.plugins.registry import open_balance
from rig.plugins.roles import FlowSourceDriver
from rig.transport.links import Link, Links
from rig.transport.virtual import VirtualLinks

if TYPE_CHECKING:
    from rig.sim.syringe.parameters import SyringeParameters

LINK: Final = "flow source"
SYRINGE_MM: Final = 58.0  # barrels of 1 to 20 mL
TWINS: Final = {"new-era": "ne-1000", "harvard": "harvard-11"}  # what the twin plays for each protocol

PutOn = Callable[[float], None]
"""Puts a reference weight of so many g on the pan; 0: takes it off. Returns when that was done."""


@dataclass(slots=True)
class Source:
    """One flow source of the bench."""

    config: FlowSourceConfig
    driver: FlowSourceDriver
    link: Link


@dataclass(slots=True, kw_only=True)
class QualifyingBench(WeighingBench):
    """What a qualification drives; ``hands``: the twin's own, where it plays the person, too."""

    sources: tuple[Source, ...] = ()
    hands: PutOn | None = None


def open_qualifying(
    config: BenchConfig, faults: Sequence[str] = (), sealed_ledger: Path | None = None
) -> QualifyingBench:
    """Open balance and flow sources of a bench; raises as `rig.bench.open_bench` does."""
    if config.simulated:
        return _open_simulated(config, faults, sealed_ledger)
    if faults:
        raise ConfigError(
            f"bench {config.name} is not simulated: faults cannot be seeded in it", hint="--bench simulated-syringe"
        )
    links = serial_links(config)
    try:
        scale = open_scale(links, config)
        wires = [links.open(_link_name(each), each.port, flow_settings(each)) for each in config.flow_sources]
        bench = _assemble(config, links.clock, links, scale, wires)
        add_sensors(bench, links)
    except Exception:
        links.close()
        raise
    return bench


def _open_simulated(config: BenchConfig, faults: Sequence[str], sealed_ledger: Path | None) -> QualifyingBench:
    # The twin is imported only here: a hardware bench never loads it.
    from rig.sim.bench import SimulatedBench  # noqa: PLC0415
    from rig.sim.faults import refuse_syringe_faults  # noqa: PLC0415

    simulation = config.simulation or Simulation()
    seeded = [*simulation.faults, *faults]
    if not config.flow_sources:
        refuse_syringe_faults(seeded)
    twin = SimulatedBench(
        model=config.pump_profile().model,
        link=config.pump.link,
        serial=config.pump.serials[0],
        seed=simulation.seed,
        start_local=simulation.start,
        faults=seeded,
        sealed_ledger=sealed_ledger,
        resolution_mg=config.balance.resolution_mg,
        balance=config.balance.protocol,
    )
    clock = VirtualClock()
    links = VirtualLinks(clock)
    scale = links.connect("balance", twin.balance, ns_per_byte(balance_settings(config).baud))
    wires = []
    for source in config.flow_sources:
        device = twin.mount_syringe(_twin_of(source), source.address, _syringe_of(source))
        wires.append(links.connect(_link_name(source), device, ns_per_byte(flow_settings(source).baud)))
    twin.seed_unplugging(links, clock.link_at, ("balance",))
    bench = _assemble(config, clock, links, scale, wires)
    add_twin_sensors(bench, twin, links)
    bench.hands = lambda mass_g: twin.put_on(mass_g * 1000.0, clock.now_ns())
    bench._closers.append(twin.close)  # noqa: SLF001 - the bench under construction
    return bench


def _syringe_of(source: FlowSourceConfig) -> SyringeParameters:
    """Return the syringe that the bench file names, nearly full; as long as the common ones of that make."""
    from rig.sim.syringe.parameters import SyringeParameters  # noqa: PLC0415 - as above

    if source.diameter_mm is None:
        return SyringeParameters()
    capacity_ul = math.pi / 4.0 * source.diameter_mm**2 * SYRINGE_MM
    return SyringeParameters(diameter_mm=source.diameter_mm, capacity_ul=capacity_ul, filled_ul=0.9 * capacity_ul)


def _twin_of(source: FlowSourceConfig) -> str:
    if source.protocol not in TWINS:
        raise ConfigError(
            f"the twin has no syringe pump behind '{source.protocol}'",
            where=f"flow source {source.name}",
            expected=f"{' or '.join(TWINS)}, or a bench with ports",
        )
    return TWINS[source.protocol]


def _assemble(config: BenchConfig, clock: Clock, links: Links, scale: Link, wires: Sequence[Link]) -> QualifyingBench:
    balance = open_balance(balance_driver(config), links, scale, balance_address(config))
    pairs = zip(config.flow_sources, wires, strict=True)
    sources = tuple(Source(each, flow_source(links, wire, each), wire) for each, wire in pairs)
    reasons = why_simulated(config, clock, (scale, *wires))
    return QualifyingBench(
        config=config,
        clock=clock,
        links=links,
        balance=balance,
        evidence="simulated" if reasons else "hardware",
        why_simulated=reasons,
        stamp_u_s=stamp_u(clock),
        balance_link=scale,
        _openers=(balance.open,),
        sources=sources,
    )


def _link_name(source: FlowSourceConfig) -> str:
    return f"{LINK} {source.name}"
