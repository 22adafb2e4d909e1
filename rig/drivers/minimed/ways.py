"""From the kind of stick that a bench names to a pump behind it."""

from __future__ import annotations

from collections.abc import Sequence

from rig.drivers.minimed import carelink
from rig.drivers.minimed.carelink import CareLink
from rig.drivers.minimed.pump import MinimedPump
from rig.drivers.minimed.radio import PumpRadio
from rig.drivers.minimed.stick import RadioStick
from rig.errors import ConfigError
from rig.transport.links import Link, Links

DEFAULT_FREQUENCY_MHZ = 916.5
BAUD = {"cc111x": 19_200, "carelink": carelink.BAUD}


def minimed_pump(
    links: Links,
    link: Link,
    serial: str,
    allowed_serials: frozenset[str],
    *,
    kind: str = "cc111x",
    frequency_mhz: float = DEFAULT_FREQUENCY_MHZ,
    scan: Sequence[str] = (),
) -> MinimedPump:
    """Return the pump ``serial`` behind a stick of ``kind`` (a key of `BAUD`) on ``link``; nothing is sent.

    A CareLink stick has one frequency and cannot be tuned: ``frequency_mhz`` means nothing to it. With ``scan`` (keys
    of `BANDS`) the pump's frequency is looked for, which raises `ConfigError` for such a stick.
    """
    if kind == "carelink":
        if scan:
            raise ConfigError("a CareLink stick cannot be tuned", where="[pump] frequency", expected="'stated'")
        return MinimedPump(links, link, CareLink(links, link, serial), serial, allowed_serials)
    stick = RadioStick(links, link, frequency_mhz)
    return MinimedPump(links, link, PumpRadio(links, link, stick, serial, scan), serial, allowed_serials)
