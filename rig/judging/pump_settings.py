"""Findings about what the rig set in the pump and waited for: alarms that did not come, settings left changed."""

from __future__ import annotations

from collections.abc import Sequence

from rig.record.reader import Event
from rig.results import Finding


def alarm_findings(events: Sequence[Event]) -> list[Finding]:
    """Return each alarm that a scenario waited for, or cleared, in vain."""
    left = [
        Finding(
            "alarm-not-cleared",
            f"alarm {event.data['code']} was not cleared ({event.data['why']}); the error status says "
            f"{event.data['active'] or 'none'}",
        )
        for event in events
        if event.name == "alarm_not_cleared"
    ]
    return left + [
        Finding(
            "alarm-missed",
            f"the pump told of no alarm {event.data['code']} within {float(event.data['within_s']):.0f} s",
        )
        for event in events
        if event.name == "alarm_missed"
    ]


def battery_findings(events: Sequence[Event]) -> list[Finding]:
    """Return each arming at which the pump called its own battery low."""
    return [
        Finding("pump-battery-low", f"the pump called its battery low ({event.data['pump'].get('battery_v')} V)")
        for event in events
        if event.name == "armed" and event.data.get("pump", {}).get("battery_low")
    ]


def setting_findings(events: Sequence[Event]) -> list[Finding]:
    """Return each setting that the run changed and could not put back."""
    return [
        Finding(
            "setting-not-restored",
            f"{event.data['name']} of the pump was {event.data['found']} before this run, and could not be put back "
            f"({event.data['error']}): set it by hand",
        )
        for event in events
        if event.name == "setting_not_restored"
    ]
