"""The driver of these syringe pumps as a plug-in."""

from __future__ import annotations

from typing import Final

from rig.drivers.harvard.pump import HarvardPump
from rig.plugins.spec import Address, Capability, DriverSpec
from rig.transport.links import Link, Links
from rig.transport.serial_links import SerialSettings


def _open(links: Links, link: Link, address: Address) -> HarvardPump:
    return HarvardPump(links, link, address=address.line_address)


SPEC: Final = DriverSpec(
    api=1,
    name="harvard",
    role="flow_source",
    models=(),
    capabilities=frozenset({Capability.INFUSES, Capability.DISPENSES}),
    link_settings=SerialSettings(115200),
    open=_open,
    simulator="rig.sim.syringe_scenes:harvard",
)
