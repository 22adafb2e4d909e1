"""An Ohaus balance that prints on command (``IP``, ``SP``) or continuously (``CP``).

Models that also speak MT-SICS are better driven by that. ``<ESC>R`` resets everything and is never sent.
"""

from __future__ import annotations

from typing import Final

from rig.instruments import BalanceIdentity
from rig.plugins.line_balance import LineBalance, unread
from rig.plugins.spec import Address, Capability, DriverSpec
from rig.plugins.turns import Tag, answers
from rig.transport.links import Link, Links
from rig.transport.serial_links import SerialSettings
from rig.wire.balances import ohaus
from rig.wire.weights import Condition, Weight


class OhausBalance(LineBalance):
    """A balance that answers to Ohaus's print commands; see `LineBalance`."""

    WEIGH_NOW = ohaus.WEIGH_NOW
    WEIGH_STABLE = ohaus.WEIGH_STABLE
    CANCEL = ohaus.STOP
    START_STREAM = ohaus.STREAM
    NOT_STABLE = LineBalance.NOT_STABLE | {Condition.SYNTAX}  # an Explorer answers ES after 40 s without stability
    MENU = (
        unread("zero tracking", "off", "its menu: auto zero tracking ('AZT') off"),
        unread("filter", "as qualified", "its menu: filter or averaging level, stability range"),
        unread("print", "also unstable, result only", "its menu: print unstable data too, content the result only"),
        unread("automatic switch-off", "off", "its menu: auto off, sleep, auto dim"),
        unread("automatic adjustment", "off", "its menu: AutoCal off"),
    )

    def _take(self, inbox: bytearray) -> Weight | None:
        return ohaus.take_weight(inbox)

    def _tag(self) -> Tag | None:
        known = self._identity
        if known is None or not (known.serial or known.software):
            return None
        request, asked = (ohaus.SERIAL, "PSN") if known.serial else (ohaus.VERSION, "PV")
        return Tag(request, asked, answers(ohaus.take_text, known.serial or known.software))

    def _means_nothing(self, line: bytes) -> bool:
        return line.strip(b"\r\n") in (b"", b"OK!")

    def _ask_identity(self) -> BalanceIdentity:
        """Ask for serial number and version; there is no command for the model."""
        serial = self._ask_or_none(ohaus.SERIAL, ohaus.take_text, "PSN") or ""
        version = self._ask_or_none(ohaus.VERSION, ohaus.take_text, "PV") or ""
        return BalanceIdentity(model="", serial=serial, software=version)


def _open(links: Links, link: Link, address: Address) -> OhausBalance:
    """Return the driver; what serial number it must have is for the bench to say."""
    return OhausBalance(links, link, stream=address.stream)


SPEC: Final = DriverSpec(
    api=1,
    name="ohaus",
    role="balance",
    models=(),
    capabilities=frozenset({Capability.WEIGHS, Capability.WEIGHS_STABLE, Capability.STREAMS}),
    link_settings=SerialSettings(9600),
    open=_open,
    simulator="rig.sim.scenes:ohaus",
)
