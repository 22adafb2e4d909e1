"""Balances that speak MT-SICS, and KERN's, which call it KCP."""

from __future__ import annotations

from typing import Final

from rig.drivers.mt_sics.balance import SicsBalance
from rig.drivers.mt_sics.settings import BalanceSettings
from rig.plugins.spec import Address, Capability, DriverSpec
from rig.transport.links import Link, Links
from rig.transport.serial_links import SerialSettings

__all__ = ["KCP", "SPEC", "BalanceSettings", "SicsBalance"]


def _open(links: Links, link: Link, address: Address) -> SicsBalance:
    """Return the driver: a balance has no address, and what serial number it must have is for the bench to say."""
    return SicsBalance(links, link, stream=address.stream)


def _open_kcp(links: Links, link: Link, address: Address) -> SicsBalance:
    """Return the driver with the manners of a KERN balance."""
    return SicsBalance(links, link, stream=address.stream, kcp=True)


_CAPABILITIES: Final = frozenset(
    {Capability.WEIGHS, Capability.WEIGHS_STABLE, Capability.STREAMS, Capability.IDENTIFIES}
)
SPEC: Final = DriverSpec(
    api=1,
    name="mt-sics",
    role="balance",
    models=(),
    capabilities=_CAPABILITIES,
    link_settings=SerialSettings(9600),
    open=_open,
    simulator="rig.sim.scenes:mt_sics",
)
KCP: Final = DriverSpec(
    api=1,
    name="kern-kcp",
    role="balance",
    models=(),
    capabilities=_CAPABILITIES,
    link_settings=SerialSettings(9600),
    open=_open_kcp,
    simulator="rig.sim.scenes:kern_kcp",
)
