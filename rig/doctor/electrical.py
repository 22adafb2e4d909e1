"""Supply and meter of the bench: who they are, how they are set, what their error queues say. Nothing is fed here.

A supply whose output is off is given its protection and current limit, and both are read back: that feeds nothing. One
whose output is on is only read: a pump may be running from it.
"""

from __future__ import annotations

from rig.config import MeterConfig, SupplyConfig
from rig.doctor.findings import Finding, fail, ok, warn
from rig.electrical import SupplySettings
from rig.plugins.electrical_bench import OpenedSupply
from rig.plugins.electrical_roles import MeterDriver

SAME_V = 0.02


def check_supply(supply: OpenedSupply, config: SupplyConfig) -> Finding:
    """Judge the pump's supply; raises what its driver raises when it cannot be asked."""
    driver = supply.driver
    driver.open()
    who, settings = driver.identify(), driver.settings()
    if not settings.on and settings.voltage_v < config.max_v:
        driver.protect(config.max_v, config.current_limit_a)
        settings = driver.settings()
    found = f"{who.model} {who.serial} ({who.firmware}) answers, {_said(settings)}"
    if driver.left_errors:
        found += f"; another program left in its error queue: {'; '.join(driver.left_errors)}"
    judged = _judge(supply, config, settings, found)
    if judged is not None:
        return judged
    if driver.left_errors:
        return warn("supply", found, "an empty error queue", "it is empty now; see what other program talks to it")
    if not config.serial:
        return warn("supply", found, "its serial number in the bench file", f'serial = "{who.serial}"')
    if supply.protects is None:
        return warn(
            "supply", found, "over-voltage protection", "it has none on its interface, as the bench file accepts"
        )
    return ok("supply", found)


def _judge(supply: OpenedSupply, config: SupplyConfig, settings: SupplySettings, found: str) -> Finding | None:
    if supply.protects is not None and supply.protects.tripped():
        return fail("supply", found + "; its protection tripped", "no trip", "see what fed its output; a run clears it")
    if settings.voltage_v >= config.max_v:
        return fail("supply", found, f"less than the {config.max_v:g} V of max_v", "set it down at its front panel")
    protection_v = settings.protection_v
    if supply.protects is not None and (protection_v is None or abs(protection_v - config.max_v) > SAME_V):
        expected = f"protection at {config.max_v:g} V"
        if settings.on:
            return warn("supply", found, expected, "a run sets it; it was left alone, because its output is on")
        return fail("supply", found, expected, "see its front panel: a lock may hold it")
    return None


def check_meter(meter: MeterDriver, config: MeterConfig) -> Finding:
    """Judge the meter: it takes its range, and a reading is no overload; raises what its driver raises."""
    meter.open()
    who = meter.identify()
    meter.configure(config.range_a, config.nplc)
    reading = meter.read_current()
    found = f"{who.model} {who.serial} ({who.firmware}) answers, range {config.range_a:g} A, {config.nplc:g} PLC"
    if meter.left_errors:
        found += f"; another program left in its error queue: {'; '.join(meter.left_errors)}"
    if reading.current_a is None:
        return fail("meter", f"{found}, overload", "a current within its range", "a higher range_a in the bench file")
    found += f", reads {reading.current_a:.6g} A"
    if meter.left_errors:
        return warn("meter", found, "an empty error queue", "it is empty now; see what other program talks to it")
    if not config.serial:
        return warn("meter", found, "its serial number in the bench file", f'serial = "{who.serial}"')
    return ok("meter", found)


def _said(settings: SupplySettings) -> str:
    protection = "protection off" if settings.protection_v is None else f"protection {settings.protection_v:g} V"
    state = "on" if settings.on else "off"
    return f"output {state}, {settings.voltage_v:g} V, limit {settings.current_limit_a:g} A, {protection}"
