"""The end of every run: the pump stopped, and what is known of it said (design 4.6)."""

from __future__ import annotations

from typing import Any

from rig.guardian.feed import stop_fed
from rig.guardian.plan import ASLEEP_LIMIT_S
from rig.guardian.stop_pump import SafeState, stop_pump
from rig.plugins.electrical_bench import OpenedSupply
from rig.plugins.roles import PumpDriver
from rig.record.writer import RecordWriter
from rig.transport.links import Links


def make_safe(
    pump: PumpDriver,
    links: Links,
    writer: RecordWriter,
    supply: OpenedSupply | None = None,
    *,
    may_feed: bool = True,
) -> SafeState:
    """Suspend the pump, again and again until its status confirms it or the time limit is over; record what is known.

    A port that was lost is opened again meanwhile: a plug that is put back must still stop the pump. A pump that hangs
    on a ``supply`` is fed first and cut off last (`rig.guardian.feed`); ``may_feed`` False after an emergency stop.
    """

    def stop() -> SafeState:
        try:
            return stop_pump(pump, links, ASLEEP_LIMIT_S)
        except Exception as error:  # noqa: BLE001 - a defect here must still be told as a pump that may be running
            return SafeState("pump suspended", False, f"{type(error).__name__}: {error}")

    def say(name: str, about: dict[str, Any]) -> None:
        writer.event(links.clock.now_ns(), name, about)

    state = stop_fed(stop, supply, say, may_feed=may_feed)
    data = {"wanted": state.wanted, "confirmed": state.confirmed, "by": state.by}
    writer.event(links.clock.now_ns(), "safe_state", data)
    return state
