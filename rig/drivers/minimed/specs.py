"""The MiniMed drivers as plug-ins: one for each kind of stick."""

from __future__ import annotations

from collections.abc import Iterable
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
        Capability.PATTERNS,
        Capability.CLOCK,
        Capability.LIMITS,
        Capability.KEYS,
        Capability.ALARMS,
    }
)
_NO_BOLUS: Final = (12,)  # families; whether they take one over the link no source says (minimed-protocol 5)


def _open(kind: str, links: Links, link: Link, address: Address) -> MinimedPump:
    return minimed_pump(
        links,
        link,
        address.serial,
        address.allowed_serials,
        kind=kind,
        frequency_mhz=address.frequency_mhz,
        scan=address.scan,
    )


def _models(families: Iterable[int], sizes: Iterable[int] = (5, 7)) -> tuple[str, ...]:
    return tuple(f"{size}{family:02d}" for size in sizes for family in families)


def _spec(kind: str) -> DriverSpec:
    return DriverSpec(
        api=1,
        name=kind,
        role="pump",
        models=_models(FAMILIES),
        capabilities=_CAPABILITIES,
        link_settings=SerialSettings(BAUD[kind]),
        open=partial(_open, kind),
        simulator=f"rig.sim.scenes:{kind}",
        played=_models(FAMILIES, sizes=(7,)),  # a 5xx differs by its reservoir only (minimed-protocol 0.3)
        scans=kind == "cc111x",
        lacks=dict.fromkeys(_models(_NO_BOLUS), frozenset({Capability.BOLUSES})),
    )


CC111X: Final = _spec("cc111x")
CARELINK: Final = _spec("carelink")
