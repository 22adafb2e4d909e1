"""Sixteen balances that stream at 20 Hz in one process lose nothing, and each line keeps its own time."""

from __future__ import annotations

from itertools import pairwise

from rig.clock import VirtualClock
from rig.drivers.a_and_d import AndBalance
from rig.drivers.mt_sics import SicsBalance
from rig.transport.links import Link
from rig.transport.virtual import VirtualLinks
from tests.drivers.line_stand_in import StandIn
from tests.drivers.test_balance_makes import and_, sics

MS = 1_000_000
PERIOD_MS, SECONDS, BALANCES = 50, 20, 16
NS_PER_BYTE = 10 * 1_000_000_000 // 38_400


def counting(device: StandIn, kind: int) -> StandIn:
    """Let a device say numbers that count up, so that a lost or doubled line shows."""
    lines = (
        (f"S S {number / 10_000:10.4f} g\r\n" if kind else f"ST,+{number / 10_000:08.4f}  g\r\n").encode()
        for number in range(100_000)
    )
    device.says(lines, every_ms=PERIOD_MS)
    return device


def test_nothing_is_lost_while_something_else_is_waited_for() -> None:
    links = VirtualLinks(VirtualClock())
    sent: dict[str, list[int]] = {}
    balances: list[SicsBalance | AndBalance] = []
    for number in range(BALANCES):
        kind = number % 2
        device = counting(
            sics(I0=b"ES\r\n", SI=b"S S    12.3456 g\r\n")() if kind else and_(Q=b"ST,+012.3456  g\r\n")(), kind
        )
        link: Link = links.connect(f"balance {number}", device, NS_PER_BYTE)
        balances.append((SicsBalance if kind else AndBalance)(links, link, stream=True))
        sent[link.name] = []
    for balance in balances:
        balance.open()
        balance.readings()
    slow = links.connect("pump", StandIn({}))
    seen: list[list[float]] = [[] for _ in balances]
    stamps: list[list[int]] = [[] for _ in balances]
    for _ in range(SECONDS // 4):
        links.wait(links.clock.link_ns() + 4_000 * MS, slow)  # a pump that does not answer
        for number, balance in enumerate(balances):
            for each in balance.readings():
                assert each.error is None
                assert each.weighing is not None
                seen[number].append(each.weighing.mass_mg * 10)
                stamps[number].append(each.timing.stamp_ns)
    for counts, times in zip(seen, stamps, strict=True):
        assert len(counts) >= SECONDS * 1000 // PERIOD_MS - 1
        assert [round(count - counts[0]) for count in counts] == list(range(len(counts))), "a line lost or doubled"
        assert {after - before for before, after in pairwise(times)} == {PERIOD_MS * MS}
