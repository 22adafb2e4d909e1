"""An A&D balance in its standard format, polled (``Q``, ``S``) or streaming (``SIR``).

A stable request is met with nothing at all while the balance is overloaded or moves: an immediate one tells the two
apart. Nothing here relies on an acknowledgement, which is there only with ``erCd 1``.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from rig.instruments import BalanceIdentity
from rig.plugins.line_balance import LineBalance, unread
from rig.plugins.spec import Address, Capability, DriverSpec
from rig.plugins.turns import Tag, answers
from rig.transport.links import Link, Links
from rig.transport.serial_links import SerialSettings
from rig.wire.balances import a_and_d
from rig.wire.weights import Weight


class AndBalance(LineBalance):
    """A balance that speaks A&D's commands; see `LineBalance`."""

    WEIGH_NOW = a_and_d.WEIGH_NOW
    WEIGH_STABLE = a_and_d.WEIGH_STABLE
    CANCEL = a_and_d.CANCEL
    START_STREAM = a_and_d.STREAM
    MENU = (
        unread("zero tracking", "off", "its function table: 'trc' (zero tracking) 0"),
        unread("filter", "as qualified", "its function table: 'Cond' (response) and 'St-b' (stability band)"),
        unread(
            "output", "format 'type 0', printing by command", "its function table: 'type' 0, 'prt' not a stream mode"
        ),
        unread("automatic switch-off", "off", "its function table: 'PoFF' (automatic power-off) 0"),
        unread("automatic adjustment", "off", "its function table: automatic self-calibration off"),
    )

    def _take(self, inbox: bytearray) -> Weight | None:
        return a_and_d.take_weight(inbox)

    def _tag(self) -> Tag | None:
        known = self._identity
        if known is None or not (known.serial or known.model):
            return None
        header, expected = ("SN", known.serial) if known.serial else ("TN", known.model)
        request = a_and_d.SERIAL if known.serial else a_and_d.MODEL
        return Tag(request, f"?{header}", answers(partial(a_and_d.take_text, header=header), expected))

    def _means_nothing(self, line: bytes) -> bool:
        return line.strip(b"\x06\r\n") in (b"", a_and_d.CANCEL.strip())  # erCd 2 gives the command back

    def _ask_identity(self) -> BalanceIdentity:
        """Ask for model and serial number; the protocol tells no software version."""
        model = self._ask_or_none(a_and_d.MODEL, partial(a_and_d.take_text, header="TN"), "?TN") or ""
        serial = self._ask_or_none(a_and_d.SERIAL, partial(a_and_d.take_text, header="SN"), "?SN") or ""
        return BalanceIdentity(model=model, serial=serial, software="")


def _open(links: Links, link: Link, address: Address) -> AndBalance:
    """Return the driver; what serial number it must have is for the bench to say."""
    return AndBalance(links, link, stream=address.stream)


SPEC: Final = DriverSpec(
    api=1,
    name="and",
    role="balance",
    models=(),
    capabilities=frozenset({Capability.WEIGHS, Capability.WEIGHS_STABLE, Capability.STREAMS, Capability.IDENTIFIES}),
    link_settings=SerialSettings(2400, data_bits=7, parity="E"),
    open=_open,
    simulator="rig.sim.scenes:a_and_d",
)
