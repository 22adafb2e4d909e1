"""The MiniMed drivers as plug-ins: one for each kind of stick."""

from __future__ import annotations

from functools import partial
from typing import Final

from rig.drivers.minimed.contact import FAMILIES
from rig.drivers.minimed.pump import MinimedPump
from rig.drivers.minimed.ways import BAUD, minimed_pump
from rig.plugins.spec import Address, Capability, DriverSpec
from rig.transport.links import Link, Links
from rig.transport.serial_links import SerialSettings

_CAPABILITIES: Final = frozenset(
    {
        Capability.SUSPENDS,
        Capability.PROFILES,
        Capability.TEMP_BASALS,
        Capability.PERCENT_TEMP_BASALS,
        Capability.BOLUSES,
        Capability.HISTORY,
    }
)


def _open(kind: str, links: Links, link: Link, address: Address) -> MinimedPump:
    return minimed_pump(
        links, link, address.serial, address.allowed_serials, kind=kind, frequency_mhz=address.frequency_mhz
    )


def _spec(kind: str) -> DriverSpec:
    return DriverSpec(
        api=1,
        name=kind,
        role="pump",
        models=tuple(f"{size}{family:02d}" for size in (5, 7) for family in FAMILIES),
        capabilities=_CAPABILITIES,
        link_settings=SerialSettings(BAUD[kind]),
        open=partial(_open, kind),
        simulator=f"rig.sim.scenes:{kind}",
    )


CC111X: Final = _spec("cc111x")
CARELINK: Final = _spec("carelink")
