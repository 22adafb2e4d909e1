"""A device that follows a transcript to the byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rig.clock import VirtualClock
from rig.transport.links import Link
from rig.transport.virtual import Port, VirtualLinks
from tests.transcripts.notation import Pair, Reply

NS_PER_MS = 1_000_000
SETTLE_NS = 60_000_000_000


class ScriptedDevice:
    """Expects each write of a transcript, whole and in order, and answers as it says.

    Every other byte fails at once; `finish` fails when a pair was not used or an answer not read.
    """

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._unasked = [pair for pair in pairs if not pair.sent]
        self._expected = [pair for pair in pairs if pair.sent]
        self._done: list[Pair] = []
        self._port: Port | None = None
        self.asked_ns: list[int] = []

    def attach(self, port: Port) -> None:
        self._port = port
        for pair in self._unasked:
            self._answer(pair.replies, 0)

    def receive(self, data: bytes, now_ns: int) -> None:
        assert self._expected, f"nothing more was expected, after {self._position()} came {data.hex(' ')}"
        pair = self._expected.pop(0)
        assert data == pair.sent, (
            f"after {self._position()} expected {pair.what!r}: {pair.sent.hex(' ')}, came {data.hex(' ')}"
        )
        self._done.append(pair)
        self.asked_ns.append(now_ns)
        self._answer(pair.replies, now_ns)

    def finish(self) -> None:
        assert not self._expected, f"never sent: {[pair.what for pair in self._expected]}"

    def _answer(self, replies: Sequence[Reply], now_ns: int) -> None:
        assert self._port is not None
        for reply in replies:
            self._port.send(reply.data, now_ns + round(reply.after_ms * NS_PER_MS))

    def _position(self) -> str:
        return repr([pair.what for pair in self._done[-3:]])


@dataclass(slots=True)
class ScriptedBench:
    """A scripted device behind a link in virtual time."""

    links: VirtualLinks
    link: Link
    device: ScriptedDevice

    @classmethod
    def of(cls, name: str, pairs: Sequence[Pair]) -> ScriptedBench:
        links = VirtualLinks(VirtualClock())
        device = ScriptedDevice(pairs)
        return cls(links, links.connect(name, device), device)

    def finish(self, *, unread: bytes = b"") -> None:
        """Fail unless the transcript was used up and everything that came (but ``unread``) was read."""
        self.device.finish()
        self.links.wait(self.links.clock.link_ns() + SETTLE_NS)
        assert bytes(self.link.inbox) == unread, f"never read: {bytes(self.link.inbox)!r}"
