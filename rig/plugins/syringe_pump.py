"""What drivers of syringe pumps have in common, whatever they speak: who answers, reading back, and settling a start.

A driver may build on it or not; only the role counts (`rig.plugins.roles`).
"""

from __future__ import annotations

from typing import ClassVar

from rig.errors import DeviceChanged, InstrumentError
from rig.instruments import Acceptance, FlowSourceIdentity, FlowState
from rig.transport.links import Link, Links
from rig.wire.shown import FLOAT_NOISE, Shown


class SyringePumpBase:
    """One pump on one link; a maker's class fills in `open`, `stop` and `_told_diameter`.

    It sets ``_identity`` and ``_opening`` when the pump was asked who it is, and ``_diameter_mm`` when that was set or
    read. ``_look_at`` is the hint for a pump that does something else than it was told.
    """

    _look_at: ClassVar[str] = "look at the pump"

    def __init__(self, links: Links, link: Link, address: int) -> None:
        self._link = link
        self._now_ns = links.clock.now_ns
        self._address = address
        self._identity: FlowSourceIdentity | None = None
        self._diameter_mm: float | None = None  # as last set or read here
        self._opening = -1  # the opening of the link at which the pump was asked who it is
        self._unknown_because = ""

    @property
    def acknowledged_ns(self) -> int:
        """Rig time at which the pump's last bytes arrived."""
        return self._link.last_rx_ns

    @property
    def unknown_because(self) -> str:
        """Why the last `Acceptance.UNKNOWN` is unknown."""
        return self._unknown_because

    @property
    def _where(self) -> str:
        return self._link.where

    def open(self) -> None:
        """Bring the line to a known state, and learn who the pump is."""
        raise NotImplementedError

    def stop(self) -> Acceptance:
        """Stop, whatever the pump does."""
        raise NotImplementedError

    def _told_diameter(self) -> Shown:
        """Return the diameter that the pump is set to, read now."""
        raise NotImplementedError

    @property
    def _is_greeted(self) -> bool:
        return self._opening == self._link.openings

    def _greet(self) -> None:
        if not self._is_greeted:
            self.open()

    def identify(self) -> FlowSourceIdentity:
        """Return model and firmware; opens the pump if that was not done on this opening of the link."""
        self._greet()
        assert self._identity is not None  # noqa: S101 - open() sets it or raises
        return self._identity

    def _check_unchanged(self, was: FlowSourceIdentity, found: FlowSourceIdentity) -> None:
        """Refuse a pump that came back as another one, or with another syringe: its flow would not go on as before."""
        if found != was:
            raise self._changed(f"{found.model} {found.firmware}", f"{was.model} {was.firmware}")
        if self._diameter_mm is not None:
            told = self._told_diameter()
            if told.value != self._diameter_mm:
                raise self._changed(f"a diameter of {told.value:g} mm", f"{self._diameter_mm:g} mm")

    def _changed(self, found: str, expected: str) -> DeviceChanged:
        return DeviceChanged(
            f"it came back with {found}",
            where=self._where,
            expected=f"{expected}, as before its link was lost",
            hint="plug the former pump in again, and set diameter and rate anew",
        )

    def _check_told(self, what: str, told: Shown, wanted: float, unit: str, slack: float = 0.0) -> None:
        """Refuse a setting that reads back as another one; ``slack``: by how much it may, beside rounding."""
        if abs(told.value - wanted) > slack + float(FLOAT_NOISE) * abs(wanted):
            raise InstrumentError(
                f"its {what} reads back as {told.text}",
                where=self._where,
                expected=f"{wanted!r} {unit}, as set",
                hint="stop the pump and set it again",
            )

    def _settled(self, before: Shown, why: str, state: FlowState, after: Shown | None, because: str = "") -> Acceptance:
        """Say by status and counter whether a start was done; in doubt, say that, and what was seen."""
        if state is FlowState.INFUSING:
            return Acceptance.ACKNOWLEDGED
        if not state.at_rest:
            raise self._stopped_because(state)
        if after is not None and after.value > before.value:
            return Acceptance.ACKNOWLEDGED  # it ran, and its target is reached or it stalled
        counter = f", its counter stood at {before.text} and stands at {after.text}" if after else ""
        self._unknown_because = f"{why}; it is {state.value}{because}{counter}"
        return Acceptance.UNKNOWN

    def _stopped_because(self, state: FlowState) -> InstrumentError:
        """Stop a pump that does something else than infusing, and return the error that says so."""
        stopped = self.stop() is Acceptance.ACKNOWLEDGED
        return InstrumentError(
            f"told to infuse, it is {state.value}; "
            + ("it was stopped" if stopped else f"nothing confirms that it was stopped ({self._unknown_because})"),
            where=self._where,
            hint=self._look_at,
        )
