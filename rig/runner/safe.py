"""The end of every run: the pump stopped, and what is known of it said (design 4.6)."""

from __future__ import annotations

from rig.guardian.plan import ASLEEP_LIMIT_S
from rig.guardian.stop_pump import SafeState, stop_pump
from rig.plugins.roles import PumpDriver
from rig.record.writer import RecordWriter
from rig.transport.links import Links


def make_safe(pump: PumpDriver, links: Links, writer: RecordWriter) -> SafeState:
    """Suspend the pump, again and again until its status confirms it or the time limit is over; record what is known.

    A port that was lost is opened again meanwhile: a plug that is put back must still stop the pump.
    """
    try:
        state = stop_pump(pump, links, ASLEEP_LIMIT_S)
    except Exception as error:  # noqa: BLE001 - a defect here must still be told as a pump that may be running
        state = SafeState("pump suspended", False, f"{type(error).__name__}: {error}")
    data = {"wanted": state.wanted, "confirmed": state.confirmed, "by": state.by}
    writer.event(links.clock.now_ns(), "safe_state", data)
    return state
