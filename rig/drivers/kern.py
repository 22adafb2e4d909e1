"""A KERN balance with the older remote set: single letters, no identity, no stream by command.

Newer ones speak KCP, which is MT-SICS: see `rig.drivers.mt_sics`.
"""

from __future__ import annotations

from typing import Final

from rig.instruments import BalanceIdentity
from rig.plugins.line_balance import LineBalance, unread
from rig.plugins.spec import Address, Capability, DriverSpec
from rig.transport.links import Link, Links
from rig.transport.serial_links import SerialSettings
from rig.wire.balances import kern
from rig.wire.weights import Weight


class KernBalance(LineBalance):
    """A balance that answers to ``w`` and ``s``; it cannot say who it is. See `LineBalance`."""

    WEIGH_NOW = kern.WEIGH_NOW
    WEIGH_STABLE = kern.WEIGH_STABLE
    PACE_S = 0.1
    MENU = (
        unread("identity", "the serial number on its plate", "the link does not tell it: look at the plate"),
        unread("zero tracking", "off", "its menu: zero tracking ('trc', 'Zero track') off"),
        unread("filter", "as qualified", "its menu: filter, place of installation"),
        unread("output", "by remote command", "its menu: interface 'rE Cr', no automatic output ('AU PC')"),
        unread("automatic switch-off", "off", "its menu: auto off"),
    )

    def _take(self, inbox: bytearray) -> Weight | None:
        return kern.take_weight(inbox, self._units)

    def _ask_identity(self) -> BalanceIdentity:
        return BalanceIdentity(model="", serial="", software="")


def _open(links: Links, link: Link, address: Address) -> KernBalance:
    """Return the driver; it cannot be asked for a serial number."""
    return KernBalance(links, link, stream=address.stream)


SPEC: Final = DriverSpec(
    api=1,
    name="kern",
    role="balance",
    models=(),
    capabilities=frozenset({Capability.WEIGHS, Capability.WEIGHS_STABLE, Capability.STREAMS}),
    link_settings=SerialSettings(9600),
    open=_open,
    simulator="rig.sim.scenes:kern",
)
