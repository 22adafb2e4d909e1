"""A Radwag balance: polled in its base unit (``SI``, ``S``), or streaming (``C1``)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Final

from rig.errors import MalformedReply
from rig.instruments import BalanceIdentity, BalanceSetting
from rig.plugins.line_balance import LineBalance, unread
from rig.plugins.spec import Address, Capability, DriverSpec
from rig.plugins.turns import Tag, answers
from rig.transport.links import Link, Links
from rig.transport.serial_links import SerialSettings
from rig.wire.balances import radwag
from rig.wire.weights import BalanceRefused, Weight

_match_step = re.compile(rb"[A-Z][A-Z0-9]{0,2} [AD]\r\n").fullmatch  # accepted, done: no answer yet, or to no request


class RadwagBalance(LineBalance):
    """A balance that speaks Radwag's commands; see `LineBalance`."""

    WEIGH_NOW = radwag.WEIGH_NOW
    WEIGH_STABLE = radwag.WEIGH_STABLE
    CANCEL = radwag.STOP
    START_STREAM = radwag.STREAM
    MENU = (
        unread("zero tracking", "off", "its menu: autozero off ('A' sets it, and no command reads it)"),
        unread("filter", "as qualified", "its menu: filter, value release, ambient conditions"),
        unread("output", "on command", "its menu: no continuous transmission"),
        unread("automatic switch-off", "off", "its menu: automatic shut-down, sleep"),
        unread("automatic adjustment", "off", "its menu: automatic adjustment none, or a message only"),
    )

    _filter: int | None = None
    _environment: int | None = None

    def _take(self, inbox: bytearray) -> Weight | None:
        return radwag.take_weight(inbox)

    def examined(self) -> Sequence[BalanceSetting]:
        """Return the settings that matter: filter and environment as read when it was opened, the others to look at."""
        if self._filter is None:
            return self.MENU
        found = f"{self._filter} of 1 (very fast) to 5 (very slow)"
        if self._environment is not None:
            found += f", environment {'stable' if self._environment else 'unstable'}"
        return [replace(each, found=found) if each.name == "filter" else each for each in self.MENU]

    def _tag(self) -> Tag | None:
        told = {} if self._identity is None else asdict(self._identity)
        for name, command in radwag.WHO.items():
            if told.get(name):
                answered = answers(partial(radwag.take_text, command=command), told[name])
                return Tag(command.encode() + b"\r\n", command, answered)
        return None

    def _means_nothing(self, line: bytes) -> bool:
        return not line.strip(b"\r\n") or _match_step(line) is not None

    def _ask_identity(self) -> BalanceIdentity:
        found = {
            name: self._ask_or_none(command.encode() + b"\r\n", partial(radwag.take_text, command=command), command)
            or ""
            for name, command in radwag.WHO.items()
        }
        self._filter = self._ask_digit(radwag.FILTER)
        self._environment = self._ask_digit(radwag.ENVIRONMENT)
        return BalanceIdentity(**found)

    def _ask_digit(self, command: str) -> int | None:
        """Return a setting, or None where this model does not tell it."""
        take = partial(radwag.take_digit, command=command)
        try:
            return self._ask_or_none(command.encode() + b"\r\n", take, command)
        except (BalanceRefused, MalformedReply):
            return None


def _open(links: Links, link: Link, address: Address) -> RadwagBalance:
    """Return the driver; what serial number it must have is for the bench to say."""
    return RadwagBalance(links, link, stream=address.stream)


SPEC: Final = DriverSpec(
    api=1,
    name="radwag",
    role="balance",
    models=(),
    capabilities=frozenset({Capability.WEIGHS, Capability.WEIGHS_STABLE, Capability.STREAMS, Capability.IDENTIFIES}),
    link_settings=SerialSettings(9600),
    open=_open,
    simulator="rig.sim.scenes:radwag",
)
