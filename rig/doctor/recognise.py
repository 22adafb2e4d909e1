"""An unknown balance: which language it speaks and how its line is set, by listening and by harmless questions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from rig.clock import Clock, SystemClock
from rig.doctor.findings import Finding, fail
from rig.errors import LinkLost, ProtocolError, RigError, TransportError, TransportTimeout
from rig.plugins.registry import find_driver
from rig.transport.links import Link, Links
from rig.transport.serial_links import SerialLinks, SerialSettings
from rig.transport.tcp import is_tcp
from rig.wire.balances.recognise import MAKES, PROBES, protocol_of, without_driver
from rig.wire.weights import BalanceRefused, Condition, line_hint

ITEM: Final = "balance"
LISTEN_S: Final = 1.5
ANSWER_S: Final = 1.2
QUIET_S: Final = 0.3
FACTORY: Final = (  # as the makers deliver them (balance-protocols 0)
    SerialSettings(9600),
    SerialSettings(1200, data_bits=7, parity="O"),
    SerialSettings(9600, parity="O"),
    SerialSettings(2400, data_bits=7, parity="E"),
    SerialSettings(19_200, parity="O"),
    SerialSettings(2400, data_bits=7, stop_bits=2),
    SerialSettings(1200, stop_bits=2),
)
_MAY_BE_ANOTHER: Final = frozenset(
    {Condition.SYNTAX, Condition.FORMAT, Condition.TRANSMISSION, Condition.STREAMING, Condition.LOGICAL}
)


@dataclass(frozen=True, slots=True)
class Recognised:
    """What answered: ``protocol`` is empty for bytes that no driver reads."""

    protocol: str
    settings: SerialSettings
    line: bytes
    unasked: bool


def may_be_another(error: RigError) -> bool:
    """Say whether an error is such as another make, or another line setting, would bring about."""
    if isinstance(error, LinkLost):
        return False
    if isinstance(error, BalanceRefused):
        return error.condition in _MAY_BE_ANOTHER
    return isinstance(error, (TransportTimeout, ProtocolError))


def recognise(port: str, settings: SerialSettings, clock: Clock | None = None, *, spoken: str = "") -> Finding | None:
    """Look for a balance of any make on a port that nobody has open; None when nothing at all answers.

    Tries the settings of the bench file, then those that makers deliver; only reading requests are sent. None also for
    a balance that speaks as the bench file says, ``spoken``: what is wrong with it has been said then.
    """
    tried = [settings] if is_tcp(port) else [settings, *(each for each in FACTORY if each != settings)]
    heard: Recognised | None = None
    for each in tried:
        try:
            with _opened(port, each, clock or SystemClock()) as (links, link):
                found = probe(links, link, each)
        except (TransportError, OSError):
            continue
        if found is not None and found.protocol:
            return None if (found.protocol, each) == (spoken, settings) else _said(found)
        heard = heard or found
    return None if heard is None else _said(heard)


def probe(links: Links, link: Link, settings: SerialSettings) -> Recognised | None:
    """Listen, then ask one harmless question after the other; return the first answer that is told, or any bytes."""
    links.wait(links.clock.link_ns() + round(LISTEN_S * 1e9), link)
    links.fall_quiet(link, QUIET_S, ANSWER_S)
    heard = link.discard_input()
    if heard:
        return _told(heard, b"", settings)  # it talks by itself: a question might end that for good
    other: Recognised | None = None
    for question in PROBES:
        link.write(question)
        links.fall_quiet(link, QUIET_S if question == b"\r\n" else ANSWER_S, 2 * ANSWER_S)
        heard = link.discard_input()
        if heard:
            found = _told(heard, question, settings)
            if found.protocol:
                return found
            other = other or found
    return other


def _told(heard: bytes, asked: bytes, settings: SerialSettings) -> Recognised:
    lines = heard.splitlines(keepends=True)
    whole = [each for each in lines if each.endswith(b"\n")] or lines
    for line in whole:
        protocol = protocol_of(line, asked)
        if protocol:
            return Recognised(protocol, settings, line, not asked)
    return Recognised("", settings, whole[-1], not asked)


def _said(found: Recognised) -> Finding:
    where = f"at {found.settings.baud} baud {line_of(found.settings)}"
    if not found.protocol:
        what = without_driver(found.line) or "no language that is known here"
        hint = line_hint(found.line) or "look at the interface menu of the balance: docs/reference/balances.md"
        return fail(ITEM, f"something answers {where}: {found.line!r}, {what}", "a balance that a driver reads", hint)
    spec = find_driver("balance", found.protocol).spec
    write = [f'protocol = "{found.protocol}"']
    if found.settings.baud != spec.link_settings.baud:
        write.append(f"baud = {found.settings.baud}")
    if line_of(found.settings) != line_of(spec.link_settings):
        write.append(f'line = "{line_of(found.settings)}"')
    if found.unasked:
        write.append('mode = "stream"')
    return fail(
        ITEM,
        f"a balance answers {where} in the language of {MAKES[found.protocol]}: {found.line!r}",
        "the language of the bench file",
        f"in [balance]: {', '.join(write)}",
    )


def line_of(settings: SerialSettings) -> str:
    """Return data bits, parity and stop bits as a bench file writes them."""
    return f"{settings.data_bits}{settings.parity}{settings.stop_bits}"


@contextmanager
def _opened(port: str, settings: SerialSettings, clock: Clock) -> Iterator[tuple[Links, Link]]:
    links = SerialLinks(clock)
    try:
        yield links, links.open(ITEM, port, settings)
    finally:
        links.close()


Recognise = Callable[[str, SerialSettings], Finding | None]
