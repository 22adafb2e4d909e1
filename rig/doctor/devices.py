"""The devices of the bench: found by identity, opened, answering, and the listed ones. Nothing that moves is sent.

The pump is woken and read; the balance is reset to a known state and read. Each device is asked whatever became of
the others, so that all that is missing is listed at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

from rig.bench import (
    balance_address,
    balance_driver,
    balance_settings,
    electrical_roles,
    flow_settings,
    flow_source,
    open_bench,
    pump_address,
    pump_driver,
)
from rig.clock import SystemClock
from rig.config import BenchConfig, FlowSourceConfig
from rig.doctor.air import check_air_sensors, check_open_sensors
from rig.doctor.electrical import check_meter, check_supply
from rig.doctor.findings import Finding, Level, fail, ok, warn
from rig.doctor.flow import check_flow_source
from rig.doctor.radio import check_radio
from rig.doctor.recognise import may_be_another, recognise
from rig.doctor.settings import check_settings
from rig.errors import RigError
from rig.instruments import BalanceIdentity
from rig.plugins.electrical_bench import METER, SUPPLY, meter_on, open_port, supply_on
from rig.plugins.registry import open_balance, open_pump
from rig.plugins.spec import BalanceDriver, PumpDriver
from rig.profiles.pump import PumpProfile
from rig.runner.arming import identify_balance, identify_pump
from rig.runner.qualifying_bench import open_qualifying
from rig.transport.links import Link, Links
from rig.transport.serial_links import SerialLinks, SerialSettings
from rig.transport.tcp import is_tcp

IDENTITIES = ("by-id", "by-path")
NUMBERED = ("ttyUSB", "ttyACM")
PSEUDO = "/dev/pts/"
TWIN = "the twin in this process"


def check_port(item: str, port: str, identities: Path, *, twin: bool) -> Finding:
    """Judge how a port is named and whether it is there; ``identities`` is the folder /dev/serial.

    ``twin``: the bench's pump is a simulated one, so that a pseudo-terminal is what is expected.
    """
    if not port:
        return fail(item, "the bench file names no port", "a port, best by identity", f"ls -l {identities}/by-id")
    if is_tcp(port):
        return warn(item, f"{port}, over the network", "a serial port: such a run is never hardware evidence")
    path = Path(port)
    named = dict(_names(identities))
    if not path.exists():
        there = ", ".join(str(name) for name in named if name.parent.name == "by-id") or "none"
        return fail(item, f"no {port}; by identity there are: {there}", "a device that is plugged in and has power")
    if not os.access(path, os.R_OK | os.W_OK):
        return fail(item, f"{port} may not be opened by this user", "group dialout", "sudo usermod -aG dialout USER")
    return _check_name(item, path, named, twin=twin)


def _check_name(item: str, path: Path, named: dict[Path, Path], *, twin: bool) -> Finding:
    """Judge how a port that is there is named."""
    if str(path).startswith(PSEUDO):
        if twin:
            return ok(item, f"{path}, a pseudo-terminal")
        return warn(item, f"{path} is a pseudo-terminal", "a serial port: such a run is never hardware evidence")
    if path.name.startswith(NUMBERED):
        same = next((str(name) for name, target in named.items() if target == path.resolve()), "")
        hint = same or "ls -l /dev/serial/by-id /dev/serial/by-path"
        return warn(item, f"{path} is a number that another plug order changes", "a name by identity", hint)
    return ok(item, f"{path} -> {path.resolve()}" if path.is_symlink() else str(path))


def check_simulated(config: BenchConfig, profile: PumpProfile) -> list[Finding]:
    """Ask the devices of the twin in this process."""
    bench = open_bench(config, profile)
    try:
        supply, meter = bench.supply, bench.meter
        electrical = []
        if supply is not None and config.supply is not None:  # first: the pump lives from it
            electrical.append(_try(SUPPLY, partial(check_supply, supply, config.supply)))
        if meter is not None and config.meter is not None:
            electrical.append(_try(METER, partial(check_meter, meter, config.meter)))
        return [
            *(of_device(each, each.item, TWIN) for each in electrical),
            of_device(_try("pump", lambda: _pump(bench.pump, config, profile)), "pump", TWIN),
            of_device(_try("balance", lambda: _balance(bench.balance, config)), "balance", TWIN),
            *_simulated_flow_sources(config),
            *(of_device(each, each.device, TWIN) for each in check_open_sensors(config, bench.sensors)),
        ]
    finally:
        bench.close()


def _simulated_flow_sources(config: BenchConfig) -> list[Finding]:
    """Ask the syringe pump of the twin, where the bench has one."""
    if not config.flow_sources:
        return []
    bench = open_qualifying(config)
    try:
        return [
            of_device(
                _named(
                    _try("flow source", partial(check_flow_source, each.driver, each.link.identity, each.config)),
                    each.config.name,
                ),
                f"flow source {each.config.name}",
                TWIN,
            )
            for each in bench.sources
        ]
    finally:
        bench.close()


def check_real(config: BenchConfig, profile: PumpProfile, identities: Path) -> list[Finding]:
    """Look at every port, and ask what is behind those that can be opened."""
    simulation = config.simulation
    clock = SystemClock(simulation.speed, simulation.epoch_ns) if simulation is not None else SystemClock()
    links = SerialLinks(clock)

    def pump(link: Link) -> Finding:
        return _pump(open_pump(pump_driver(config), links, link, pump_address(config)), config, profile)

    scale = _Scale(config, links)

    def ask(
        item: str, port: str, settings: SerialSettings, look: Callable[[Link], Finding], name: str = ""
    ) -> Iterator[Finding]:
        named = check_port(f"{item} port", port, identities, twin=profile.simulated)
        link_name = f"{item} {name}".strip()
        yield of_device(_named(named, name), link_name, port if named.level is Level.FAIL else named.found)
        if named.level is not Level.FAIL:
            yield of_device(_named(_try(item, lambda: look(links.open(link_name, port, settings))), name), link_name)

    try:
        return [
            *(
                of_device(_try(role, partial(_electrical, links, config, role)), role)
                for role in electrical_roles(config)
            ),
            *(
                ask("pump", config.pump.port, pump_driver(config).spec.link_settings, pump)
                if config.pump.present
                else ()
            ),
            *ask("balance", config.balance.port, balance_settings(config), scale.look),
            *(of_device(replace(each, facts=(("settings", each.found),)), "balance") for each in scale.more()),
            *chain.from_iterable(
                ask(
                    "flow source",
                    each.port,
                    flow_settings(each),
                    partial(_flow_source, links, each),
                    each.name,
                )
                for each in config.flow_sources
            ),
            *check_air_sensors(
                config,
                links,
                {
                    each.name: check_port("air sensor port", each.where, identities, twin=profile.simulated)
                    for each in config.environment.sensors
                },
            ),
        ]
    finally:
        links.close()


def of_device(finding: Finding, device: str, found_at: str = "") -> Finding:
    """Return a finding that is about a device, and where that was found."""
    facts = (("found_at", found_at), *finding.facts) if found_at else finding.facts
    return replace(finding, device=device, facts=facts)


@dataclass(slots=True)
class _Scale:
    """The balance of a bench with ports, as far as it was asked."""

    config: BenchConfig
    links: SerialLinks
    link: Link | None = None
    driver: BalanceDriver | None = None  # one that answered as it should
    other: bool = False  # what came may be another make, or its line set otherwise

    def look(self, link: Link) -> Finding:
        """Open it, and judge what it says."""
        self.link = link
        driver = open_balance(balance_driver(self.config), self.links, link, balance_address(self.config))
        try:
            found = _balance(driver, self.config)
        except RigError as error:
            self.other = may_be_another(error)
            raise
        self.driver = driver
        return found

    def more(self) -> Iterator[Finding]:
        """Yield what its settings are, or what else it may be; for the latter its port is opened anew."""
        settings = None if self.driver is None else check_settings(self.driver)
        if settings is not None:
            yield settings
        if self.other and self.link is not None:
            self.links.let_go(self.link)
            found = recognise(self.config.balance.port, balance_settings(self.config))
            if found is not None:
                yield found


def _pump(pump: PumpDriver, config: BenchConfig, profile: PumpProfile) -> Finding:
    pump.open()
    facts = identify_pump(pump, config, profile)
    battery, status = pump.battery(), pump.status()
    state = "suspended" if status.suspended else "running"
    doing = f"{state}, {pump.reservoir_u():g} U left, battery {battery.voltage_v:g} V"
    found = f"{facts['model']} {facts['serial']} ({facts['firmware']}) answers, {doing}"
    told = (
        ("identity", f"{facts['model']} {facts['serial']}"),
        ("firmware", str(facts["firmware"])),
        ("settings", doing),
    )
    return replace(_heard(pump, config, found, low=battery.low), facts=told)


def _heard(pump: PumpDriver, config: BenchConfig, found: str, *, low: bool) -> Finding:
    """Judge how well a pump that answers is heard, and its battery."""
    heard = check_radio(pump, scans=bool(config.pump.scan))
    if heard.found:
        found += f", {heard.found}"
    if heard.level is Level.FAIL:
        return fail("pump", found, heard.expected, heard.hint)
    if low:
        return warn("pump", found, "a battery that is not low", "change it before the run")
    return replace(heard, found=found)


def _balance(balance: BalanceDriver, config: BenchConfig) -> Finding:
    identity = identify_balance(balance, config)
    tracking = balance.zero_tracking()
    told = (
        ("identity", f"{identity.model} {identity.serial}".strip()),
        ("firmware", identity.software),
        ("settings", "zero tracking not told" if tracking is None else "zero tracking off"),
    )
    return replace(_tracks(identity, config, tracking=tracking), facts=told)


def _tracks(identity: BalanceIdentity, config: BenchConfig, *, tracking: bool | None) -> Finding:
    """Judge whether a balance that answers swallows a slow flow, and whether it is the one that is listed."""
    found = f"{identity.model} {identity.serial} ({identity.software}) answers"
    if tracking is None:
        return warn(
            "balance",
            f"{found}, and does not say whether it tracks its zero",
            "zero tracking off",
            "look in its menu: tracking swallows a slow flow",
        )
    found += ", zero tracking off"
    if not config.balance.serial and not config.simulated:
        return warn("balance", found, "its serial number in the bench file", f'serial = "{identity.serial}"')
    return ok("balance", found)


def _flow_source(links: Links, config: FlowSourceConfig, link: Link) -> Finding:
    return check_flow_source(flow_source(links, link, config), link.identity, config)


def _electrical(links: SerialLinks, config: BenchConfig, role: str) -> Finding:
    link = open_port(links, config, role)
    if role == SUPPLY and config.supply is not None:
        return check_supply(supply_on(links, link, config), config.supply)
    assert config.meter is not None  # noqa: S101 - asked for only where there is one
    return check_meter(meter_on(links, link, config), config.meter)


def _named(finding: Finding, name: str) -> Finding:
    """Put the name of one of several devices in front of what was found."""
    return replace(finding, found=f"{name}: {finding.found}") if name else finding


def _try(item: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except RigError as error:
        what = f"{error.where}: {error.what}" if error.where else error.what
        return fail(item, what, error.expected, error.hint)


def _names(identities: Path) -> Iterator[tuple[Path, Path]]:
    """Yield every name by identity, and the device behind it."""
    for kind in IDENTITIES:
        for name in sorted((identities / kind).glob("*")):
            yield name, name.resolve()
