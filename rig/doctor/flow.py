"""A syringe pump of the bench: who it is, what it is set to, what it does. It is never started or stopped here."""

from __future__ import annotations

from dataclasses import replace

from rig.config import FlowSourceConfig
from rig.doctor.findings import Finding, fail, ok, warn
from rig.instruments import FlowAlarm, FlowSettings, FlowSource, FlowSourceIdentity, FlowState, FlowStatus
from rig.transport.links import LinkIdentity

ITEM = "flow source"
SAME_MM = 1e-6


def check_flow_source(source: FlowSource, port: LinkIdentity, config: FlowSourceConfig) -> Finding:
    """Judge whether this is the pump that the bench file names, set to its syringe, at rest and without an alarm.

    Raises what the driver raises when it cannot be asked.
    """
    who = source.identify()
    if config.usb_serial and port.serial_number != config.usb_serial:
        found = f"the USB serial number of its port is {port.serial_number or 'not told'}"
        return fail(ITEM, found, config.usb_serial, "plug in the former adapter, or correct the bench file")
    if config.model and who.model != config.model:
        return fail(ITEM, f"it is a {who.model}", f"a {config.model}", "correct model or port in the bench file")
    settings, status = source.settings(), source.status()
    told = (("identity", who.model), ("firmware", who.firmware), ("settings", _said(settings)))
    return replace(_judge(source, who, settings, status, config), facts=told)


def _judge(
    source: FlowSource, who: FlowSourceIdentity, settings: FlowSettings, status: FlowStatus, config: FlowSourceConfig
) -> Finding:
    """Judge what the right pump is set to, and what it does."""
    found = f"{who.model} {who.firmware} answers, {status.state.value}, {_said(settings)}"
    if config.diameter_mm is not None and abs(settings.diameter_mm.amount - config.diameter_mm) > SAME_MM:
        return fail(
            ITEM, found, f"a diameter of {config.diameter_mm:g} mm", "put in that syringe, and set its diameter"
        )
    # A pump that was left in safe mode misses its host, always.
    heard = dict.fromkeys(alarm.value for _, alarm in source.alarms if alarm is not FlowAlarm.LINK_SILENT)
    if heard:
        alarms = "; ".join(heard)
        return warn(ITEM, f"{found}; it told an alarm: {alarms}", "no alarm", "mend what it says, and check again")
    if status.state not in (FlowState.STOPPED, FlowState.TARGET_REACHED):
        return warn(ITEM, found, "a pump at rest", "stop it at its keys")
    if not config.model:
        return warn(ITEM, found, "its model in the bench file", f'model = "{who.model}"')
    return ok(ITEM, found)


def _said(settings: FlowSettings) -> str:
    target = "no target" if settings.target_ul is None else f"target {settings.target_ul.text}"
    return f"diameter {settings.diameter_mm.amount:g} mm, rate {settings.rate_ul_per_h.amount:g} uL/h, {target}"
