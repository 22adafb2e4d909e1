"""A device that was unplugged is waited for, and taken back when it is the same one (lab workflow, D3)."""

from __future__ import annotations

from collections.abc import Callable

from rig.clock import to_ns, to_s
from rig.errors import LinkLost
from rig.record.writer import RecordWriter
from rig.runner.stop import StopRequest
from rig.transport.links import Link, Links

RETRY_S = 1.0


def regain(
    links: Links,
    link: Link,
    back: Callable[[], bool],
    writer: RecordWriter,
    stop: StopRequest,
    lost: LinkLost,
    patience_s: float,
) -> None:
    """Try ``back`` once a second of rig time until it says True; raise ``lost`` when ``patience_s`` are over.

    Other links are served meanwhile, and a request to stop is honoured.
    """
    began_ns = links.clock.now_ns()
    writer.event(began_ns, "link_lost", {"link": link.name, "port": link.identity.port, "why": lost.what})
    attempts = 0
    while links.clock.now_ns() - began_ns < to_ns(patience_s):
        links.sleep_until(links.clock.now_ns() + to_ns(RETRY_S))
        stop.check()
        writer.check()
        attempts += 1
        if back():
            down_s = to_s(links.clock.now_ns() - began_ns)
            data = {"link": link.name, "port": link.identity.port, "attempts": attempts, "down_s": down_s}
            writer.event(links.clock.now_ns(), "link_reopened", data)
            return
    raise lost
