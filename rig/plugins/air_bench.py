"""From a bench file to its sensors of the air, each with its driver on its link. Nothing is sent by opening."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from rig.config import BenchConfig
from rig.config.air import AirSensorConfig
from rig.errors import ConfigError
from rig.plugins.air import AirSensor
from rig.plugins.registry import Found, find_driver, open_environment
from rig.plugins.spec import Address
from rig.profiles.strict import Origin
from rig.transport.links import Link, Links
from rig.transport.serial_links import SerialSettings

SIMULATED_KINDS: Final = ("pty", "memory", "folder", "tcp")

WireAir = Callable[[str, AirSensorConfig, SerialSettings], Link]
"""Opens the link of a sensor under a name."""


@dataclass(frozen=True, slots=True)
class OpenSensor:
    """One sensor of the bench."""

    config: AirSensorConfig
    driver: AirSensor
    link: Link


def air_link(sensor: AirSensorConfig) -> str:
    """Return the name of a sensor's link."""
    return f"air {sensor.name}"


def air_driver(sensor: AirSensorConfig, config: BenchConfig) -> Found:
    """Return the driver of a sensor; raises `ConfigError` for one that lacks what is to be taken from it."""
    origin = Origin(config.source_name, config.source_text)
    where = str(origin.child("environment").child("sensors"))
    found = find_driver("environment", sensor.protocol, where)
    offered = {each.value for each in found.spec.capabilities}
    lacking = [quantity for quantity in sensor.measures if quantity not in offered]
    if lacking:
        raise ConfigError(
            f"driver '{found.spec.name}' of {sensor.name} measures no {' and no '.join(lacking)}",
            where=where,
            expected=f"measures of {', '.join(sorted(offered))}",
        )
    return found


def air_settings(sensor: AirSensorConfig, config: BenchConfig) -> SerialSettings:
    """Return what opens the port of a sensor."""
    settings = air_driver(sensor, config).spec.link_settings
    return settings if sensor.baud is None else replace(settings, baud=sensor.baud)


def open_sensors(config: BenchConfig, links: Links, wire: WireAir) -> tuple[OpenSensor, ...]:
    """Return the sensors of a bench; raises `ConfigError`, and `rig.errors.TransportError` for a port."""
    opened = []
    for each in config.environment.sensors:
        found = air_driver(each, config)
        link = wire(air_link(each), each, air_settings(each, config))
        opened.append(OpenSensor(each, open_environment(found, links, link, air_address(each)), link))
    return tuple(opened)


def air_address(sensor: AirSensorConfig) -> Address:
    """Return which sensor is meant: of those on a bus, by its address there."""
    on_bus = sensor.where.startswith("/sys/") or sensor.protocol in ("bme280", "bmp280", "sht4x")
    return Address(sensor.serial if on_bus else "", line_address=sensor.address)


def why_simulated_air(sensors: tuple[OpenSensor, ...]) -> tuple[str, ...]:
    """Return why these sensors cannot be hardware evidence: whatever is no USB, UART or kernel file (design 4.1)."""
    return tuple(
        f"{each.link.name} was opened as {each.link.identity.kind} ({each.link.identity.port})"
        for each in sensors
        if each.link.identity.kind in SIMULATED_KINDS
    )
