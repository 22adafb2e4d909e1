"""Scripted pumps: what the tests of the MiniMed driver share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from rig.drivers.minimed import MinimedPump, minimed_pump
from rig.instruments import BasalEntry
from rig.wire.minimed.packets import Opcode, Packet
from tests.drivers.scripted import ScriptedBench
from tests.transcripts.notation import Pair, Reply, asked, expand, heard, radio_pairs

PUMP = "512847"
LOCAL = datetime(2025, 3, 9, 14, 5, 30)
PROFILE = [BasalEntry(0, 0.75), BasalEntry(13, 1.3), BasalEntry(36, 7.5)]


@contextmanager
def pump_on(pairs: Sequence[Pair], frequency_mhz: float = 916.5) -> Iterator[tuple[MinimedPump, ScriptedBench]]:
    bench = ScriptedBench.of("pump", pairs)
    pump = minimed_pump(bench.links, bench.link, PUMP, frozenset({PUMP}), frequency_mhz=frequency_mhz)
    yield pump, bench
    bench.finish()


@contextmanager
def pump_in(dialogue: str) -> Iterator[MinimedPump]:
    """Give an opened pump that will live through ``dialogue``; at the end every pair must have been used."""
    with pump_on(radio_pairs(dialogue)) as (pump, _):
        pump.open()
        yield pump


def long_answer(opcode: Opcode, content: str) -> bytes:
    return Packet(PUMP, opcode, expand(content).ljust(65, b"\0")).encode()


def step(ask: bytes, answer: bytes, listen_ms: int = 500) -> Pair:
    return Pair(asked(ask, listen_ms), (Reply(heard(answer), 90),))
