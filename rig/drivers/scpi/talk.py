"""What every instrument here is asked alike: who it is, what went wrong, and what it was set to.

An instrument is greeted at its first use, and again whenever its link was opened anew: it must be the same one.
"""

from __future__ import annotations

from typing import Final

from rig.electrical import InstrumentIdentity
from rig.errors import DeviceChanged, InstrumentError, ProtocolError
from rig.transport.links import Link, Links
from rig.transport.session import TIMEOUT_S, LinkSession
from rig.wire import scpi

MOST_ERRORS: Final = 32  # the longest queue known has 20 places


class Talk:
    """One instrument on one link, spoken to by `LinkSession`. Constructing does nothing.

    ``makers`` are beginnings of what it may call its maker, any where there are none; ``errors`` is the question for
    its error queue.
    """

    def __init__(
        self, links: Links, link: Link, *, makers: tuple[str, ...], errors: str = "SYST:ERR?", pause_s: float = 0.0
    ) -> None:
        self.links = links
        self.link = link
        self.session = LinkSession(links, link, pause_s=pause_s)
        self.left_errors: tuple[str, ...] = ()
        self._makers = makers
        self._errors = errors
        self._identity: InstrumentIdentity | None = None
        self._opening = -1

    @property
    def where(self) -> str:
        """Name link and port for messages."""
        return self.link.where

    @property
    def identity(self) -> InstrumentIdentity:
        """Return who it is; greets it if that was not done since its link was opened."""
        self.ready()
        assert self._identity is not None  # noqa: S101 - greet() sets it or raises
        return self._identity

    @property
    def lost_contact(self) -> bool:
        """Say whether its link is lost, or was opened anew and nobody has greeted it since."""
        return bool(self.link.lost_because) or self._opening != self.link.openings

    def ready(self) -> None:
        """Open a lost link again, once, and greet whoever is behind a link that was opened anew."""
        if self.link.lost_because and not self.links.reopen(self.link):
            raise self.link.lost()
        if self._opening != self.link.openings:
            self.greet()

    def greet(self) -> None:
        """Ask who is there, refuse anybody else than before, and take what is in the error queue.

        Raises `InstrumentError` for another maker, `DeviceChanged` for another instrument than before.
        """
        opening = self.link.openings
        self.session.drain()
        self.session.sign = None
        text = self.session.query("*IDN?")
        found = scpi.identity(text, self.where)
        who = InstrumentIdentity(found.maker, found.model, found.serial, found.firmware)
        if self._makers and not who.maker.upper().startswith(self._makers):
            raise InstrumentError(
                f"{who} answers",
                where=self.where,
                expected=" or ".join(maker.title() for maker in self._makers),
                hint="correct driver or port in the bench file",
            )
        if self._identity is not None and who.serial != self._identity.serial:
            raise DeviceChanged(
                f"another instrument answers: {who}",
                where=self.where,
                expected=str(self._identity),
                hint="plug the former one in again",
            )
        self.session.sign = ("*IDN?", text)
        self._identity, self._opening = who, opening
        self.left_errors = self.take_errors()

    def tell(self, command: str) -> None:
        """Send a command that has no answer."""
        self.ready()
        self.session.write(command)

    def ask(self, question: str, timeout_s: float = TIMEOUT_S) -> str:
        """Send a question and return its answer."""
        self.ready()
        return self.session.query(question, timeout_s)

    def number(self, question: str) -> float:
        """Ask for a number that is no overload."""
        return scpi.number(self.ask(question), self.where, question)

    def take_errors(self) -> tuple[str, ...]:
        """Empty the error queue and return what stood in it, the oldest first."""
        found: list[str] = []
        for _ in range(MOST_ERRORS):
            error = scpi.queued_error(self.ask(self._errors), self.where, self._errors)
            if not error.code:
                return tuple(found)
            found.append(str(error))
        raise ProtocolError(
            f"its error queue never gets empty: {found[-1]}", where=self.where, hint="switch it off and on"
        )

    def no_error(self, asked: str) -> None:
        """Raise `InstrumentError` with what the instrument says of what it was ``asked``."""
        errors = self.take_errors()
        if errors:
            raise InstrumentError(f"it refuses {asked}: {'; '.join(errors)}", where=self.where)

    def same(self, what: str, wanted: float, found: float, within: float, unit: str) -> None:
        """Raise `InstrumentError` where a setting does not come back as it was set."""
        if abs(found - wanted) > within:
            raise InstrumentError(
                f"{what} reads back as {found:g} {unit}",
                where=self.where,
                expected=f"{wanted:g} {unit}, as it was set",
                hint="see its front panel: a range, a lock or another program may hold it",
            )
