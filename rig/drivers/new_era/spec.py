"""The driver of these syringe pumps as a plug-in."""

from __future__ import annotations

from typing import Final

from rig.drivers.new_era.pump import NewEraPump
from rig.plugins.spec import Address, Capability, DriverSpec
from rig.transport.links import Link, Links
from rig.transport.serial_links import SerialSettings


def _open(links: Links, link: Link, address: Address) -> NewEraPump:
    return NewEraPump(links, link, address=address.line_address, safe_timeout_s=address.safe_timeout_s)


SPEC: Final = DriverSpec(
    api=1,
    name="new-era",
    role="flow_source",
    models=(),
    capabilities=frozenset({Capability.INFUSES, Capability.DISPENSES}),
    link_settings=SerialSettings(19200),
    open=_open,
    simulator="rig.sim.syringe_scenes:new_era",
)
