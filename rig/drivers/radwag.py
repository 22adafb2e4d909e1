"""A Radwag balance: polled in its base unit (``SI``, ``S``), or streaming (``C1``)."""

from __future__ import annotations

from functools import partial
from typing import Final

from rig.instruments import BalanceIdentity
from rig.plugins.line_balance import LineBalance, unread
from rig.plugins.spec import Address, Capability, DriverSpec
from rig.transport.links import Link, Links
from rig.transport.serial_links import SerialSettings
from rig.wire.balances import radwag
from rig.wire.weights import Weight


class RadwagBalance(LineBalance):
    """A balance that speaks Radwag's commands; see `LineBalance`."""

    WEIGH_NOW = radwag.WEIGH_NOW
    WEIGH_STABLE = radwag.WEIGH_STABLE
    CANCEL = radwag.STOP
    START_STREAM = radwag.STREAM
    MENU = (
        unread("zero tracking", "off", "its menu: autozero off ('A' sets it, and no command reads it)"),
        unread("filter", "as qualified", "its menu: filter, value release, ambient conditions"),
        unread("output", "on command", "its menu: no continuous transmission"),
        unread("automatic switch-off", "off", "its menu: automatic shut-down, sleep"),
        unread("automatic adjustment", "off", "its menu: automatic adjustment none, or a message only"),
    )

    def _take(self, inbox: bytearray) -> Weight | None:
        return radwag.take_weight(inbox)

    def _ask_identity(self) -> BalanceIdentity:
        if self._link.listener is not None:
            return BalanceIdentity(model="", serial="", software="")
        found = {
            name: self._ask_or_none(command.encode() + b"\r\n", partial(radwag.take_text, command=command), command)
            or ""
            for name, command in radwag.WHO.items()
        }
        return BalanceIdentity(**found)


def _open(links: Links, link: Link, address: Address) -> RadwagBalance:
    """Return the driver; what serial number it must have is for the bench to say."""
    return RadwagBalance(links, link, stream=address.stream)


SPEC: Final = DriverSpec(
    api=1,
    name="radwag",
    role="balance",
    models=(),
    capabilities=frozenset({Capability.WEIGHS, Capability.WEIGHS_STABLE, Capability.STREAMS, Capability.IDENTIFIES}),
    link_settings=SerialSettings(9600),
    open=_open,
    simulator="rig.sim.scenes:radwag",
)
