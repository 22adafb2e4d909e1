"""From a bench file to instruments: simulated in this process, or behind real ports. Nothing is sent by opening."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rig.clock import Clock, SystemClock, VirtualClock
from rig.config import SIMULATOR_SERIALS, BenchConfig, FlowSourceConfig, Simulation
from rig.drivers.harvard import HarvardPump
from rig.drivers.new_era import NewEraPump
from rig.errors import ConfigError
from rig.instruments import FlowSource
from rig.plugins.electrical_bench import METER, SUPPLY, OpenedSupply, meter_on, open_port, supply_on
from rig.plugins.electrical_roles import MeterDriver
from rig.plugins.registry import Found, find_driver, open_balance, open_pump
from rig.plugins.roles import BalanceDriver, Capability, ClaimedPump, PumpDriver
from rig.plugins.spec import Address
from rig.profiles.pump import PumpProfile
from rig.profiles.strict import Origin
from rig.readings import Ambient
from rig.record.writer import RecordWriter
from rig.transport.links import Link, Links
from rig.transport.serial_links import SerialLinks
from rig.transport.virtual import VirtualLinks

BITS_PER_BYTE = 10  # 8N1: one start bit, eight data bits, one stop bit
NS = 1_000_000_000
MAX_STAMP_UNCERTAINTY_S = 1.0
FLOW_BAUD = {"new-era": 19_200, "harvard": 115_200}  # where the bench file names none
HOST_LATENCY_S = 0.005  # half width: where the 99th percentile of a Python poll loop lies on a loaded host


@dataclass(slots=True)
class Bench:
    """Everything a run drives, and what its evidence is worth."""

    config: BenchConfig
    clock: Clock
    links: Links
    pump: PumpDriver
    balance: BalanceDriver
    evidence: str  # "hardware" | "simulated"
    why_simulated: tuple[str, ...]
    stamp_u_s: float  # standard uncertainty of a time stamp, in rig time
    pump_link: Link
    balance_link: Link
    can: frozenset[Capability]  # what the pump's driver claims to do with this model
    supply: OpenedSupply | None = None  # of the pump, where the rig sets it
    meter: MeterDriver | None = None
    _openers: tuple[Callable[[], None], ...] = ()
    _closers: list[Callable[[], None]] = field(default_factory=list)

    @property
    def claimed(self) -> ClaimedPump:
        """Return the pump with what its driver claims."""
        return ClaimedPump(self.pump, self.can)

    def open_devices(self) -> None:
        """Bring every device to a known state; the first bytes leave here."""
        for opener in self._openers:
            opener()

    def record_environment(self, writer: RecordWriter) -> None:
        """Record the air that the bench file states (a sensor, where there is one, replaces it)."""
        env = self.config.environment
        writer.ambient(
            Ambient(
                self.clock.now_ns(),
                env.temperature_c,
                env.humidity_pct,
                env.pressure_hpa,
                env.u_temperature_c,
                env.u_humidity_pct,
                env.u_pressure_hpa,
                env.source,
            )
        )

    def close(self) -> None:
        """Close every link, then what was behind it."""
        self.links.close()
        for closer in self._closers:
            closer()


def open_bench(
    config: BenchConfig, profile: PumpProfile, faults: Sequence[str] = (), sealed_ledger: Path | None = None
) -> Bench:
    """Open the bench that ``config`` describes.

    Raises `ConfigError` for faults on a bench that is not simulated and for a speed that leaves time stamps too
    uncertain, `rig.errors.TransportError` for a port that cannot be opened.
    """
    if config.simulated:
        return _open_simulated(config, profile, faults, sealed_ledger)
    if faults:
        raise ConfigError(
            f"bench {config.name} is not simulated: faults cannot be seeded in it", hint="--bench simulated"
        )
    return _open_ports(config)


def _open_simulated(
    config: BenchConfig, profile: PumpProfile, faults: Sequence[str], sealed_ledger: Path | None
) -> Bench:
    # The twin is imported only here: a hardware bench never loads it.
    from rig.sim.bench import SimulatedBench  # noqa: PLC0415
    from rig.sim.faults import refuse_syringe_faults  # noqa: PLC0415

    simulation = config.simulation or Simulation()
    refuse_syringe_faults([*simulation.faults, *faults])
    twin = SimulatedBench(
        model=profile.model,
        link=config.pump.link,
        serial=config.pump.serials[0],
        seed=simulation.seed,
        start_local=simulation.start,
        faults=[*simulation.faults, *faults],
        sealed_ledger=sealed_ledger,
        resolution_mg=config.balance.resolution_mg,
    )
    clock = VirtualClock()
    links = VirtualLinks(clock)
    stick = links.connect("pump", twin.pump_stick, _ns_per_byte(pump_driver(config).spec.link_settings.baud))
    scale = links.connect("balance", twin.balance, _ns_per_byte(config.balance.baud))
    twin.seed_unplugging(links, clock.link_at)
    bench = _assemble(config, clock, links, stick, scale)
    bench._closers.append(twin.close)  # noqa: SLF001 - the bench under construction
    return bench


def _open_ports(config: BenchConfig) -> Bench:
    simulation = config.simulation or Simulation()
    speed, epoch_ns = simulation.speed, simulation.epoch_ns
    if speed * HOST_LATENCY_S > MAX_STAMP_UNCERTAINTY_S:
        raise ConfigError(
            f"at speed {speed:g} a time stamp would be uncertain by {speed * HOST_LATENCY_S:.2f} s",
            where=f"bench {config.name}",
            expected=f"a speed of at most {MAX_STAMP_UNCERTAINTY_S / HOST_LATENCY_S:g}",
        )
    links = SerialLinks(SystemClock(speed, epoch_ns))
    try:
        stick = links.open("pump", config.pump.port, pump_driver(config).spec.link_settings)
        settings = replace(balance_driver(config).spec.link_settings, baud=config.balance.baud)
        scale = links.open("balance", config.balance.port, settings)
        electrical = {role: open_port(links, config, role) for role in electrical_roles(config)}
    except Exception:
        links.close()
        raise
    return _assemble(config, links.clock, links, stick, scale, electrical)


def electrical_roles(config: BenchConfig) -> tuple[str, ...]:
    """Return which of supply and meter the bench has."""
    return tuple(role for role, device in ((SUPPLY, config.supply), (METER, config.meter)) if device is not None)


def _assemble(
    config: BenchConfig,
    clock: Clock,
    links: Links,
    stick: Link,
    scale: Link,
    electrical: Mapping[str, Link] | None = None,
) -> Bench:
    others = electrical or {}
    driver = pump_driver(config)
    pump = open_pump(driver, links, stick, pump_address(config))
    balance = open_balance(balance_driver(config), links, scale, Address(config.balance.serial))
    supply = supply_on(links, others[SUPPLY], config) if SUPPLY in others else None
    meter = meter_on(links, others[METER], config) if METER in others else None
    # A supply actuates, and counts as the pump does (design 4.1); a meter only where it reads no current at all.
    count = [link for role, link in others.items() if role == SUPPLY or link.identity.kind in ("pty", "memory")]
    reasons = why_simulated(config, clock, (stick, scale, *count))
    return Bench(
        config=config,
        clock=clock,
        links=links,
        pump=pump,
        balance=balance,
        evidence="simulated" if reasons else "hardware",
        why_simulated=reasons,
        stamp_u_s=0.0 if isinstance(clock, VirtualClock) else HOST_LATENCY_S * clock.speed / math.sqrt(3.0),
        pump_link=stick,
        balance_link=scale,
        can=driver.spec.can(config.pump_profile().model),
        supply=supply,
        meter=meter,
        _openers=(balance.open, pump.open),
    )


def pump_driver(config: BenchConfig) -> Found:
    """Return the driver that the bench file names for its pump; raises `ConfigError` naming file, line and key."""
    origin = Origin(config.source_name, config.source_text)
    found = find_driver("pump", config.pump.link, str(origin.child("pump").child("link")))
    if config.pump.scan and not found.spec.scans:
        raise ConfigError(
            f"driver '{found.spec.name}' finds no frequency by itself",
            where=str(origin.child("pump").child("frequency")),
            expected="'stated'",
        )
    return found


def balance_driver(config: BenchConfig) -> Found:
    """Return the driver that the bench file names for its balance; raises `ConfigError` as `pump_driver` does."""
    origin = Origin(config.source_name, config.source_text)
    return find_driver("balance", config.balance.protocol, str(origin.child("balance").child("protocol")))


def pump_address(config: BenchConfig) -> Address:
    """Return which pump is meant, and on which frequency, or where that is looked for."""
    pump = config.pump
    return Address(pump.serials[0], frozenset(pump.serials), pump.frequency_mhz, pump.scan)


def why_simulated(config: BenchConfig, clock: Clock, links: Sequence[Link]) -> tuple[str, ...]:
    """Return every reason why this run cannot be hardware evidence; nothing overrides them (design 4.1)."""
    reasons = [
        f"{link.name} was opened as {link.identity.kind} ({link.identity.port})"
        for link in links
        if not link.identity.is_hardware
    ]
    if isinstance(clock, VirtualClock):
        reasons.append("the clock is virtual")
    elif clock.speed != 1.0:
        reasons.append(f"the clock runs at speed {clock.speed:g}")
    reasons += [
        f"serial number {serial} is reserved for simulated pumps"
        for serial in config.pump.serials
        if int(serial) in SIMULATOR_SERIALS
    ]
    return tuple(reasons)


def _ns_per_byte(baud: int) -> int:
    return BITS_PER_BYTE * NS // baud


def flow_source(links: Links, link: Link, config: FlowSourceConfig) -> FlowSource:
    """Return the driver of a syringe pump on its link; nothing is sent."""
    if config.protocol == "harvard":
        return HarvardPump(links, link, address=config.address)
    return NewEraPump(links, link, address=config.address, safe_timeout_s=config.safe_timeout_s)
