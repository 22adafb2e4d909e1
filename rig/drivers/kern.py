"""A KERN balance with the older remote set: single letters, no identity, no stream by command.

Newer ones speak KCP, which is MT-SICS: see `rig.drivers.mt_sics`.
"""

from __future__ import annotations

from typing import Final

from rig.instruments import BalanceIdentity, BalanceSetting
from rig.plugins.line_balance import LineBalance
from rig.plugins.spec import Address, Capability, DriverSpec
from rig.transport.links import Link, Links
from rig.transport.serial_links import SerialSettings
from rig.wire.balances import kern
from rig.wire.weights import BalanceRefused, Condition, UnitMemory, Weight

UNIT_TRIES: Final = 50
UNIT_PAUSE_S: Final = 0.2


def _look(name: str, wanted: str, mend: str) -> BalanceSetting:
    return BalanceSetting(name, None, wanted, None, mend)


class KernBalance(LineBalance):
    """A balance that answers to ``w`` and ``s``; it cannot say who it is. See `LineBalance`."""

    WEIGH_NOW = kern.WEIGH_NOW
    WEIGH_STABLE = kern.WEIGH_STABLE
    PACE_S = 0.1
    MENU = (
        _look("identity", "the serial number on its plate", "the link does not tell it: look at the plate"),
        _look("zero tracking", "off", "its menu: zero tracking ('trc', 'Zero track') off"),
        _look("filter", "as qualified", "its menu: filter, place of installation"),
        _look("output", "by remote command", "its menu: interface 'rE Cr', no automatic output ('AU PC')"),
        _look("automatic switch-off", "off", "its menu: auto off"),
    )

    def __init__(
        self, links: Links, link: Link, *, stream: bool = False, timeout_s: float = 1.0, stable_timeout_s: float = 60.0
    ) -> None:
        super().__init__(links, link, stream=stream, timeout_s=timeout_s, stable_timeout_s=stable_timeout_s)
        self._units = UnitMemory()

    def _take(self, inbox: bytearray) -> Weight | None:
        return kern.take_weight(inbox, self._units)

    def _ask_identity(self) -> BalanceIdentity:
        return BalanceIdentity(model="", serial="", software="")

    def _unit_pending(self, refused: BalanceRefused) -> bool:
        return refused.condition is Condition.UNIT and not self._units.known


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
)
