"""What was forecast before a run, and at each resumption: reservoir, vessel, level, evaporating surface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from rig.record.reader import Event

FORECAST: Final = "forecast"


def forecast_rows(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Return the rows of ``fitness.gates`` for the forecast of a stretch; nothing for records without one."""
    told = next((event.data for event in events if event.name == FORECAST), None)
    if told is None:
        return []
    rows = []
    if told.get("reservoir_u") is not None:
        enough = told["reservoir_u"] >= told["reservoir_need_u"]
        found = f"{told['reservoir_u']:.1f} U held"
        rows.append({"gate": "reservoir", "found": found, "limit": f"{told['reservoir_need_u']:.1f} U", "fit": enough})
    room = told["vessel_room_ul"]
    found = (
        f"{told['vessel_need_ul']:.0f} uL to come into room for {room:.0f} uL; the level rises by "
        f"{told['level_rise_mm']:.2g} mm; {told['surface_mm2']:.0f} mm2 evaporate"
    )
    fit = told["vessel_need_ul"] <= room
    return [*rows, {"gate": "vessel", "found": found, "limit": f"{room:.0f} uL", "fit": fit}]
