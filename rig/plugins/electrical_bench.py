"""Supply and meter of a bench file: which driver, how their ports are opened, and what holds for the pump's supply."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from rig.config import BenchConfig, MeterConfig, SupplyConfig
from rig.errors import ConfigError
from rig.plugins.electrical_roles import MeterDriver, Protects, SupplyDriver
from rig.plugins.registry import Found, find_driver, open_meter, open_supply
from rig.plugins.spec import Address, Capability
from rig.profiles.strict import Origin
from rig.transport.links import Link, Links
from rig.transport.serial_links import SerialLinks, SerialSettings

SUPPLY, METER = "supply", "meter"


@dataclass(frozen=True, slots=True)
class FeedLimits:
    """What the pump is fed with, and never beyond; volts and amperes."""

    nominal_v: float
    max_v: float
    current_limit_a: float
    boot_s: float = 10.0


@dataclass(frozen=True, slots=True)
class OpenedSupply:
    """A supply on an open link; ``protects`` is None where its driver claims no over-voltage protection."""

    driver: SupplyDriver
    protects: Protects | None
    link: Link
    limits: FeedLimits


def limits_of(supply: SupplyConfig) -> FeedLimits:
    """Return what holds for the pump's supply."""
    return FeedLimits(supply.nominal_v, supply.max_v, supply.current_limit_a, supply.boot_s)


def electrical_driver(config: BenchConfig, role: str) -> Found:
    """Return the driver of ``supply`` or ``meter``; raises `ConfigError` naming file, line and key.

    A supply without over-voltage protection on its interface is refused, unless the bench file accepts it.
    """
    device = _device(config, role)
    place = Origin(config.source_name, config.source_text).child(role)
    found = find_driver(role, device.protocol, str(place.child("protocol")))
    unprotected = role == SUPPLY and Capability.PROTECTS not in found.spec.capabilities
    if unprotected and not (isinstance(device, SupplyConfig) and device.without_protection):
        raise ConfigError(
            f"driver '{found.spec.name}' sets no over-voltage protection: one wrong setting would reach the pump",
            where=str(place.child("protocol")),
            expected="a supply that has it, or without_protection = true",
        )
    return found


def port_settings(found: Found, baud: int) -> SerialSettings:
    """Return what opens the port of an instrument; only a serial port has a baud rate."""
    return replace(found.spec.link_settings, baud=baud)


def open_port(links: SerialLinks, config: BenchConfig, role: str) -> Link:
    """Open the port or resource of ``supply`` or ``meter``; raises `ConfigError` where the bench file names none."""
    device = _device(config, role)
    if not device.way:
        raise ConfigError(
            f"the bench file names neither port nor resource of the {role}",
            where=str(Origin(config.source_name, config.source_text).child(role)),
            expected='port = "tcp://..." or resource = "USB0::..."',
        )
    return links.open(role, device.way, port_settings(electrical_driver(config, role), device.baud))


def supply_on(links: Links, link: Link, config: BenchConfig) -> OpenedSupply:
    """Return the bench's supply on an open link; nothing is sent."""
    supply = config.supply
    assert supply is not None  # noqa: S101 - asked for only where there is one
    found = electrical_driver(config, SUPPLY)
    return opened(found, links, link, Address(supply.serial, channel=supply.channel), limits_of(supply))


def opened(found: Found, links: Links, link: Link, address: Address, limits: FeedLimits) -> OpenedSupply:
    """Return a supply on an open link; nothing is sent."""
    driver = open_supply(found, links, link, address)
    protects = cast("Protects", driver) if Capability.PROTECTS in found.spec.capabilities else None
    return OpenedSupply(driver, protects, link, limits)


def meter_on(links: Links, link: Link, config: BenchConfig) -> MeterDriver:
    """Return the bench's meter on an open link; nothing is sent."""
    meter = config.meter
    assert meter is not None  # noqa: S101 - asked for only where there is one
    return open_meter(electrical_driver(config, METER), links, link, Address(meter.serial))


def _device(config: BenchConfig, role: str) -> SupplyConfig | MeterConfig:
    device = config.supply if role == SUPPLY else config.meter
    if device is None:
        raise ConfigError(f"bench {config.name} has no {role}", expected=f"a table [{role}] in the bench file")
    return device
