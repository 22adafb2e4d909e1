"""From a bench file to instruments: simulated in this process, or behind real ports. Nothing is sent by opening."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rig.clock import Clock, SystemClock, VirtualClock
from rig.config import SIMULATOR_SERIALS, AirSensorConfig, BenchConfig, FlowSourceConfig, LineConfig, Simulation
from rig.errors import ConfigError
from rig.guardian.lines import Chip
from rig.plugins.air_bench import OpenSensor, WireAir, open_sensors, why_simulated_air
from rig.plugins.electrical_bench import METER, SUPPLY, OpenedSupply, meter_on, open_port, supply_on
from rig.plugins.electrical_roles import MeterDriver
from rig.plugins.registry import Found, find_driver, open_balance, open_flow_source, open_pump
from rig.plugins.roles import BalanceDriver, Capability, ClaimedPump, FlowSourceDriver, PumpDriver
from rig.plugins.spec import Address
from rig.profiles.pump import PumpProfile
from rig.profiles.strict import Origin
from rig.readings import Ambient
from rig.record.writer import RecordWriter
from rig.transport.links import Link, Links
from rig.transport.serial_links import SerialLinks, SerialSettings
from rig.transport.virtual import SimulatedDevice, VirtualLinks

if TYPE_CHECKING:
    from rig.sim.bench import SimulatedBench

BITS_PER_BYTE = 10  # 8N1: one start bit, eight data bits, one stop bit
NS = 1_000_000_000
LEVELS = {"low": 0, "high": 1}
MAX_STAMP_UNCERTAINTY_S = 1.0
TWINS = {  # what the twin plays for each driver of a supply or meter
    "keysight-e36": "e36312a",
    "rigol-dp": "dp832",
    "siglent-spd": "spd3303x",
    "scpi-supply": "scpi",
    "dmm-34461a": "34461a",
    "sdm3055": "sdm3055",
}
HOST_LATENCY_S = 0.005  # half width: where the 99th percentile of a Python poll loop lies on a loaded host


@dataclass(slots=True, kw_only=True)
class WeighingBench:
    """What weighs, and what its evidence is worth."""

    config: BenchConfig
    clock: Clock
    links: Links
    balance: BalanceDriver
    evidence: str  # "hardware" | "simulated"
    why_simulated: tuple[str, ...]
    stamp_u_s: float  # standard uncertainty of a time stamp, in rig time
    balance_link: Link
    sensors: tuple[OpenSensor, ...] = ()  # of the air
    pins: Chip | None = None  # of a twin in this process; those of a Pi belong to its guardian
    _openers: tuple[Callable[[], None], ...] = ()
    _closers: list[Callable[[], None]] = field(default_factory=list)

    def open_devices(self) -> None:
        """Bring every device to a known state; the first bytes leave here."""
        for opener in self._openers:
            opener()

    def record_environment(self, writer: RecordWriter) -> None:
        """Record the air that the bench file states; where there are sensors, `rig.runner.air` reads them instead."""
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


@dataclass(slots=True, kw_only=True)
class Bench(WeighingBench):
    """Everything a run drives."""

    pump: PumpDriver
    pump_link: Link
    can: frozenset[Capability]  # what the pump's driver claims to do with this model
    supply: OpenedSupply | None = None  # of the pump, where the rig sets it
    meter: MeterDriver | None = None

    @property
    def claimed(self) -> ClaimedPump:
        """Return the pump with what its driver claims."""
        return ClaimedPump(self.pump, self.can)


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
    from rig.sim.instrument_faults import refuse_instrument_faults  # noqa: PLC0415
    from rig.sim.valves import Wire  # noqa: PLC0415

    simulation = config.simulation or Simulation()
    refuse_syringe_faults([*simulation.faults, *faults])
    refuse_instrument_faults([*simulation.faults, *faults], electrical_roles(config))
    twin = SimulatedBench(
        model=profile.model,
        link=config.pump.link,
        serial=config.pump.serials[0],
        seed=simulation.seed,
        start_local=simulation.start,
        faults=[*simulation.faults, *faults],
        sealed_ledger=sealed_ledger,
        resolution_mg=config.balance.resolution_mg,
        balance=config.balance.protocol,
    )
    instruments = {role: _mounted(twin, config, role) for role in electrical_roles(config)}
    clock = VirtualClock()
    links = VirtualLinks(clock)
    stick = links.connect("pump", twin.pump_stick, ns_per_byte(pump_driver(config).spec.link_settings.baud))
    scale = links.connect("balance", twin.balance, ns_per_byte(balance_settings(config).baud))
    twin.seed_unplugging(links, clock.link_at)
    electrical = {role: links.connect(role, device) for role, device in instruments.items()}
    bench = _assemble(config, clock, links, stick, scale, electrical)
    add_twin_sensors(bench, twin, links)
    wires = {line.pin: Wire(deed, LEVELS[acts_at]) for line, deed, acts_at in valves_of(config)}
    bench.pins = twin.pins(wires, clock.now_ns) if config.lines else None
    bench._closers.append(twin.close)  # noqa: SLF001 - the bench under construction
    return bench


def _mounted(twin: SimulatedBench, config: BenchConfig, role: str) -> SimulatedDevice:
    """Mount the twin's supply or meter in its pump's lead, and return what answers on its link."""
    device = config.supply if role == SUPPLY else config.meter
    protocol = "" if device is None else device.protocol
    model = TWINS.get(protocol)
    if model is None:
        raise ConfigError(
            f"the twin plays no {role} for '{protocol}'",
            where=f"bench {config.name}",
            expected=" or ".join(TWINS),
            hint=f"rig check --driver {protocol} plays its own simulator",
        )
    return (twin.mount_supply(model) if role == SUPPLY else twin.mount_meter(model)).session()


def valves_of(config: BenchConfig) -> list[tuple[LineConfig, str, str]]:
    """Return the valves of a bench, what each does, and the level at which it does it."""
    found = [(line, "clamp", line.clamps) for line in config.lines]
    found += [(line, "divert", line.diverts) for line in config.lines]
    return [(line, deed, acts_at) for line, deed, acts_at in found if acts_at is not None]


def _open_ports(config: BenchConfig) -> Bench:
    links = serial_links(config)
    try:
        stick = links.open("pump", config.pump.port, pump_driver(config).spec.link_settings)
        scale = open_scale(links, config)
        electrical = {role: open_port(links, config, role) for role in electrical_roles(config)}
        bench = _assemble(config, links.clock, links, stick, scale, electrical)
        add_sensors(bench, links)
    except Exception:
        links.close()
        raise
    return bench


def add_sensors(bench: WeighingBench, links: SerialLinks) -> None:
    """Open the sensors of the air of a bench with ports."""
    _take_sensors(bench, lambda name, sensor, settings: links.open(name, sensor.where, settings))


def add_twin_sensors(bench: WeighingBench, twin: SimulatedBench, links: VirtualLinks) -> None:
    """Let the twin play the sensors of the air."""

    def wire(name: str, sensor: AirSensorConfig, settings: SerialSettings) -> Link:
        device = twin.air_sensor(sensor.protocol, name)
        return links.connect(name, device, ns_per_byte(settings.baud))

    _take_sensors(bench, wire)
    twin.seed_air_unplugging(links, links.clock.link_at, [each.link.name for each in bench.sensors])


def _take_sensors(bench: WeighingBench, wire: WireAir) -> None:
    bench.sensors = open_sensors(bench.config, bench.links, wire)
    if reasons := why_simulated_air(bench.sensors):
        bench.evidence, bench.why_simulated = "simulated", (*bench.why_simulated, *reasons)


def serial_links(config: BenchConfig) -> SerialLinks:
    """Return links on the bench's clock; raises `ConfigError` for a speed that leaves time stamps too uncertain."""
    simulation = config.simulation or Simulation()
    speed, epoch_ns = simulation.speed, simulation.epoch_ns
    if speed * HOST_LATENCY_S > MAX_STAMP_UNCERTAINTY_S:
        raise ConfigError(
            f"at speed {speed:g} a time stamp would be uncertain by {speed * HOST_LATENCY_S:.2f} s",
            where=f"bench {config.name}",
            expected=f"a speed of at most {MAX_STAMP_UNCERTAINTY_S / HOST_LATENCY_S:g}",
        )
    return SerialLinks(SystemClock(speed, epoch_ns))


def open_scale(links: SerialLinks, config: BenchConfig) -> Link:
    """Open the balance's port."""
    return links.open("balance", config.balance.port, balance_settings(config))


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
    balance = open_balance(balance_driver(config), links, scale, balance_address(config))
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
        stamp_u_s=stamp_u(clock),
        pump_link=stick,
        balance_link=scale,
        can=driver.spec.can(config.pump_profile().model),
        supply=supply,
        meter=meter,
        _openers=(balance.open, pump.open),
    )


def stamp_u(clock: Clock) -> float:
    """Return the standard uncertainty of a time stamp, in rig seconds."""
    return 0.0 if isinstance(clock, VirtualClock) else HOST_LATENCY_S * clock.speed / math.sqrt(3.0)


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


def balance_settings(config: BenchConfig) -> SerialSettings:
    """Return how the balance's port is opened: as its driver has it, but for what the bench file says."""
    balance, settings = config.balance, balance_driver(config).spec.link_settings
    if balance.baud is not None:
        settings = replace(settings, baud=balance.baud)
    if balance.line:
        line = balance.line
        settings = replace(settings, data_bits=int(line[0]), parity=line[1], stop_bits=int(line[2]))
    return replace(settings, rtscts=settings.rtscts or balance.handshake == "rtscts")


def balance_address(config: BenchConfig) -> Address:
    """Return which balance is meant, and how it is read; raises `ConfigError` for a driver that knows no streams."""
    stream = config.balance.mode == "stream"
    found = balance_driver(config)
    if stream and Capability.STREAMS not in found.spec.capabilities:
        raise ConfigError(
            f"driver '{found.spec.name}' knows no stream",
            where=str(Origin(config.source_name, config.source_text).child("balance").child("mode")),
            expected='mode = "poll"',
        )
    return Address(config.balance.serial, stream=stream)


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


def ns_per_byte(baud: int) -> int:
    """Return how long a byte takes on a wire."""
    return BITS_PER_BYTE * NS // baud


def flow_driver(source: FlowSourceConfig, config: BenchConfig | None = None) -> Found:
    """Return the driver that the bench file names for a flow source; raises `ConfigError` as `pump_driver` does."""
    origin = None if config is None else Origin(config.source_name, config.source_text)
    where = "" if origin is None else str(origin.child("flow_sources").child("protocol"))
    return find_driver("flow_source", source.protocol, where)


def flow_address(source: FlowSourceConfig) -> Address:
    """Return which flow source is meant, and how long it may go without a word."""
    return Address("", line_address=source.address, safe_timeout_s=source.safe_timeout_s)


def flow_settings(source: FlowSourceConfig) -> SerialSettings:
    """Return what opens the port of a flow source."""
    settings = flow_driver(source).spec.link_settings
    return settings if source.baud is None else replace(settings, baud=source.baud)


def flow_source(links: Links, link: Link, config: FlowSourceConfig) -> FlowSourceDriver:
    """Return the driver of a syringe pump on its link; nothing is sent."""
    return open_flow_source(flow_driver(config), links, link, flow_address(config))
