"""A Sartorius balance that speaks SBI, polled or with its automatic output on.

``<ESC>P`` ends automatic output on some models and starts it on none: who finds lines before the first command either
only listens (``mode = "stream"``) or refuses. Whether a print waits for stability is decided by the menu and cannot be
read; what cannot be asked over the link is named in `MENU`.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from rig.errors import TransportTimeout
from rig.instruments import BalanceIdentity
from rig.plugins.line_balance import LineBalance, unread
from rig.plugins.spec import Address, Capability, DriverSpec
from rig.plugins.turns import Tag, answers
from rig.transport.links import Link, Links
from rig.transport.serial_links import SerialSettings
from rig.wire.balances import sbi
from rig.wire.weights import Weight, take_line

STABLE_ONLY: Final = "set the print in the balance's menu to 'without stability': else it waits for a stable load"


class SbiBalance(LineBalance):
    """A balance that speaks SBI in lines of 16 or 22 characters; see `LineBalance`."""

    WEIGH_NOW = sbi.PRINT
    MENU = (
        unread("zero tracking", "off", "its menu: 'auto zero' off"),
        unread("filter", "as qualified", "its menu: ambient conditions, application filter"),
        unread(
            "print", "without stability", "its menu: manual print without stability, or automatic without stability"
        ),
        unread("automatic switch-off", "off", "its menu: automatic shut-off, standby"),
        unread("automatic adjustment", "off", "its menu: isoCAL off, or to a message only"),
    )

    def __init__(
        self, links: Links, link: Link, *, stream: bool = False, timeout_s: float = 2.0, stable_timeout_s: float = 60.0
    ) -> None:
        super().__init__(links, link, stream=stream, timeout_s=timeout_s, stable_timeout_s=stable_timeout_s)

    def _take(self, inbox: bytearray) -> Weight | None:
        return sbi.take_weight(inbox, self._units)

    def _tag(self) -> Tag | None:
        told = {} if self._identity is None else asdict(self._identity)
        for name in ("serial", "model", "software"):
            if told.get(name):
                return Tag(sbi.WHO[name], name, answers(_take_text, told[name]))
        return None

    def _means_nothing(self, line: bytes) -> bool:
        return not line.strip() or sbi.is_other_line(line)

    def _ask_identity(self) -> BalanceIdentity:
        if self._link.listener is not None:  # answers come between the readings
            asked = {name: self._stream.ask(each, _text_of, self._timeout_s) for name, each in sbi.WHO.items()}
            return BalanceIdentity(**asked)
        found = {name: self._ask_or_none(request, _take_text, name) or "" for name, request in sbi.WHO.items()}
        return BalanceIdentity(**found)

    def _try_weighing(self) -> None:
        try:
            super()._try_weighing()
        except TransportTimeout as timeout:
            raise TransportTimeout(
                timeout.what, where=timeout.where, hint=f"{timeout.hint}; {STABLE_ONLY}"
            ) from timeout


def _text_of(line: bytes) -> str | None:
    return None if sbi.is_data_line(line) else sbi.parse_text(line)


def _take_text(inbox: bytearray) -> str | None:
    line = take_line(inbox, sbi.HINT)
    return None if line is None else sbi.parse_text(line)


def _open(links: Links, link: Link, address: Address) -> SbiBalance:
    """Return the driver; what serial number it must have is for the bench to say."""
    return SbiBalance(links, link, stream=address.stream)


SPEC: Final = DriverSpec(
    api=1,
    name="sbi",
    role="balance",
    models=(),
    capabilities=frozenset({Capability.WEIGHS, Capability.WEIGHS_STABLE, Capability.STREAMS}),
    link_settings=SerialSettings(9600, data_bits=8, parity="O"),
    open=_open,
    simulator="rig.sim.scenes:sbi",
)
