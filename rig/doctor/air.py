"""The sensors of the air of a bench: found, the ones that are listed, telling what is taken from them, certified."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from rig.config import AirSensorConfig, BenchConfig
from rig.doctor.findings import Finding, Level, fail, ok, warn
from rig.errors import RigError
from rig.plugins.air import AirIdentity, AirReading
from rig.plugins.air_bench import OpenSensor, air_address, air_driver, air_settings
from rig.plugins.registry import open_environment
from rig.transport.folder import is_folder
from rig.transport.serial_links import SerialLinks

PORT, ITEM = "air sensor port", "air sensor"
FAR: Final = 4.0  # stated standard uncertainties by which a reading may differ from what the bench file says
UNITS: Final = {"temperature": "C", "humidity": "%", "pressure": "hPa"}
RANGES: Final = {"temperature": (0.0, 50.0), "humidity": (0.5, 99.5), "pressure": (500.0, 1150.0)}


def check_air_port(sensor: AirSensorConfig, named: Finding) -> Finding:
    """Judge where a sensor is looked for: a folder of files needs no name by identity; ``named`` judges a port."""
    place = sensor.where
    if not is_folder(place) and not (place.startswith("/sys/") and not Path(place).exists()):
        return named
    if not Path(place).exists():
        return fail(PORT, f"no {place}", "the kernel's driver of that sensor", "dtoverlay=i2c-sensor,... in config.txt")
    if not os.access(place, os.R_OK | os.X_OK):
        return fail(PORT, f"{place} may not be read by this user")
    return ok(PORT, f"{place}, a folder of files")


def check_air_sensors(config: BenchConfig, links: SerialLinks, ports: dict[str, Finding]) -> Iterator[Finding]:
    """Yield what was found of each sensor of a bench with ports; ``ports`` judges their names."""
    for sensor in config.environment.sensors:
        port = check_air_port(sensor, ports[sensor.name])
        yield _named(replace(port, facts=(("found_at", sensor.where),)), sensor)
        if port.level is Level.FAIL:
            continue
        yield _named(_ask(sensor, config, links), sensor)


def check_open_sensors(config: BenchConfig, sensors: tuple[OpenSensor, ...]) -> Iterator[Finding]:
    """Yield what the sensors of the twin tell."""
    for each in sensors:
        yield _named(_try(each, config), each.config)


def _ask(sensor: AirSensorConfig, config: BenchConfig, links: SerialLinks) -> Finding:
    try:
        found = air_driver(sensor, config)
        link = links.open(f"{ITEM} {sensor.name}", sensor.where, air_settings(sensor, config))
    except RigError as error:
        return _failed(error)
    driver = open_environment(found, links, link, air_address(sensor))
    return _try(OpenSensor(sensor, driver, link), config)


def _try(sensor: OpenSensor, config: BenchConfig) -> Finding:
    try:
        sensor.driver.open()
        return _judge(sensor, sensor.driver.identify(), sensor.driver.read_air(), config)
    except RigError as error:
        return _failed(error)


def _failed(error: RigError) -> Finding:
    return fail(ITEM, f"{error.where}: {error.what}" if error.where else error.what, error.expected, error.hint)


def _judge(sensor: OpenSensor, who: AirIdentity, reading: AirReading, bench: BenchConfig) -> Finding:
    config, port = sensor.config, sensor.link.identity
    told = ", ".join(
        f"{quantity} {value:.1f} {UNITS[quantity]}"
        for quantity in config.measures
        if (value := reading.of(quantity)) is not None
    )
    named = f"{who.model} {who.serial}".rstrip()
    found = f"{named} answers, {told or 'and tells nothing that is taken from it'}"
    facts = (("identity", named), ("firmware", who.software), ("settings", told))
    return replace(_level(config, port.serial_number, who, reading, bench, found), facts=facts)


def _level(  # noqa: PLR0911 - one reason after the other
    config: AirSensorConfig, usb_serial: str, who: AirIdentity, reading: AirReading, bench: BenchConfig, found: str
) -> Finding:
    if config.serial and who.serial and who.serial != config.serial:
        return fail(ITEM, found, config.serial, "correct serial in the bench file, or plug in the one that it names")
    if config.usb_serial and usb_serial != config.usb_serial:
        other = f"{found}; the USB serial number of its port is {usb_serial or 'not told'}"
        return fail(ITEM, other, config.usb_serial, "plug in the former adapter, or correct the bench file")
    missing = [quantity for quantity in config.measures if reading.of(quantity) is None]
    if missing:
        return fail(ITEM, f"{found}; missing: {', '.join(missing)}", "every value", "check the probe and its cable")
    for quantity in config.measures:
        value, (low, high) = reading.of(quantity) or 0.0, RANGES[quantity]
        if not low < value < high:
            return fail(ITEM, found, f"a {quantity} of {low:g} to {high:g} {UNITS[quantity]}", "check the probe")
    far = _far(config, reading, bench)
    if far:
        return warn(ITEM, found, far, "correct [environment], or look for what warms the sensor; a board does")
    if not config.serial and not config.usb_serial and not bench.simulated:
        own = f'serial = "{who.serial}"' if who.serial else 'usb_serial = "..." of its adapter'
        return warn(ITEM, found, "its serial number in the bench file", own)
    if config.calibration is None:
        return warn(ITEM, f"{found}; no certificate", "a calibrated sensor", "[environment.sensors.calibration]")
    return ok(ITEM, found)


def _far(config: AirSensorConfig, reading: AirReading, bench: BenchConfig) -> str:
    """Return what the bench file states of a quantity that the sensor tells otherwise, or nothing."""
    stated = bench.environment
    held = {
        "temperature": (stated.temperature_c, stated.u_temperature_c),
        "humidity": (stated.humidity_pct, stated.u_humidity_pct),
        "pressure": (stated.pressure_hpa, stated.u_pressure_hpa),
    }
    for quantity in config.measures:
        value, (wanted, u) = reading.of(quantity), held[quantity]
        if value is not None and abs(value - wanted) > FAR * max(u, config.u_of(quantity)):
            return f"a {quantity} near the {wanted:g} {UNITS[quantity]} of the bench file"
    return ""


def _named(finding: Finding, sensor: AirSensorConfig) -> Finding:
    return replace(finding, found=f"{sensor.name}: {finding.found}", device=f"air sensor {sensor.name}")
