"""Weighing on a grid through lost cables, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from rig.clock import to_ns
from rig.drivers.mt_sics import SicsBalance
from rig.errors import DeviceChanged, LinkLost, RunAborted, TransportError
from rig.record.reader import Event, RunRecord, read_run
from rig.record.writer import RecordWriter
from rig.runner.sampler import Sampler
from rig.runner.stop import StopRequest
from rig.sim.bench import SimulatedBench
from tests.sim.kit import EXACT, SECOND_NS, START, Rig

TOLERATE_S = 60.0


class Weighed:
    """A sampler on a twin's balance, with a record."""

    def __init__(self, folder: Path, *faults: str, tolerate_s: float = TOLERATE_S) -> None:
        self.rig = Rig(faults=faults)
        self._folder = folder
        (folder / "evidence").mkdir()
        self.writer = RecordWriter(folder / "evidence" / "record-001.log.gz", {"run_id": "r"})
        links = self.rig.links
        links.tap = self.writer.tap
        links.tell = lambda name, data: self.writer.event(self.rig.now_ns, name, data)
        self.balance = SicsBalance(links, self.rig.scale)
        self.balance.open()
        self.stop = StopRequest()
        self.sampler = Sampler(links, self.balance, self.writer, self.stop, tolerate_s, self.rig.scale)
        self.sampler.weigh()

    def at(self, after_s: float, action: Callable[[], None]) -> None:
        self.rig.links.schedule(self.rig.now_ns + to_ns(after_s), lambda _ns: action())

    def unplug(self, after_s: float, for_s: float | None = None, other: SimulatedBench | None = None) -> None:
        links = self.rig.links
        self.at(after_s, lambda: links.unplug("balance"))
        if for_s is not None:
            device = other.balance if other is not None else None
            self.at(after_s + for_s, lambda: links.replug("balance", device))

    def sample(self, seconds: float) -> int:
        """Sample at 1 Hz; return the rig time at which that was to end."""
        end_ns = self.rig.now_ns + to_ns(seconds)
        self.sampler.sample_until(end_ns, 1.0)
        return end_ns

    def record(self) -> RunRecord:
        self.writer.close({"reason": "completed"})
        return read_run(self._folder)


def _named(record: RunRecord, name: str) -> list[Event]:
    return [event for event in record.events if event.name == name]


def test_a_cable_that_is_pulled_while_nothing_is_asked_leaves_a_gap_and_the_grid_goes_on(tmp_path: Path) -> None:
    weighed = Weighed(tmp_path)
    start_ns = weighed.rig.now_ns
    weighed.unplug(10.5, 20.0)
    assert weighed.rig.now_ns <= weighed.sample(60.0)
    record = weighed.record()
    (lost,) = _named(record, "link_lost")
    (back,) = _named(record, "link_reopened")
    assert lost.at_ns == start_ns + to_ns(10.5)
    assert lost.data == {"link": "balance", "port": "sim:balance", "why": "unplugged"}
    assert {key: back.data[key] for key in ("link", "port")} == {"link": "balance", "port": "sim:balance"}
    assert 20.0 <= back.data["down_s"] < 23.0
    assert 20 <= back.data["attempts"] <= 22
    asked = [(at_ns - start_ns) / SECOND_NS for at_ns in record.weighings["balance"].asked_ns[1:]]
    gap = max(b - a for a, b in pairwise(asked))
    assert 20.0 < gap < 24.0
    after = [each for each in asked if each > 40.0]
    assert all(each == pytest.approx(round(each), abs=0.001) for each in after)
    assert len(after) >= 19
    assert weighed.rig.links.reconnects == {"balance": 1}


@pytest.mark.parametrize("after_ms", [0, 1, 3, 6])
def test_a_cable_that_is_pulled_in_the_middle_of_an_answer_costs_that_reading_only(
    tmp_path: Path, after_ms: int
) -> None:
    weighed = Weighed(tmp_path)
    weighed.unplug(5.0 + after_ms / 1000.0, 0.5)
    weighed.sample(20.0)
    record = weighed.record()
    assert len(record.weighings["balance"].asked_ns) >= 17
    assert len(_named(record, "link_reopened")) == 1
    assert _named(record, "reading_failed") == []


def test_a_balance_that_stays_away_longer_than_tolerated_ends_the_run_and_says_why(tmp_path: Path) -> None:
    weighed = Weighed(tmp_path)
    weighed.unplug(10.0)
    began_ns = weighed.rig.now_ns
    with pytest.raises(TransportError, match=r"no valid reading for 6\d s; the last answer: .* went away \(unplugged"):
        weighed.sample(600.0)
    assert 70.0 <= (weighed.rig.now_ns - began_ns) / SECOND_NS < 73.0


def test_a_balance_that_is_away_when_a_step_ends_does_not_delay_the_pump(tmp_path: Path) -> None:
    weighed = Weighed(tmp_path)
    weighed.unplug(5.0, 20.0)
    assert weighed.sample(10.0) == weighed.rig.now_ns
    weighed.sample(30.0)
    assert weighed.sampler.latest is not None
    assert weighed.rig.links.reconnects == {"balance": 1}


def test_a_stop_is_honoured_while_a_balance_is_away(tmp_path: Path) -> None:
    weighed = Weighed(tmp_path)
    weighed.unplug(5.0)
    weighed.at(8.5, lambda: weighed.stop.ask("SIGINT"))
    began_ns = weighed.rig.now_ns
    with pytest.raises(RunAborted, match="SIGINT"):
        weighed.sample(100.0)
    assert (weighed.rig.now_ns - began_ns) / SECOND_NS < 10.0


def test_another_balance_that_is_plugged_in_instead_ends_the_run(tmp_path: Path) -> None:
    weighed = Weighed(tmp_path)
    other = SimulatedBench(start_local=START, parameters=replace(EXACT, balance_serial="B000900002"))
    weighed.unplug(5.0, 5.0, other)
    with pytest.raises(DeviceChanged, match="B000900002; expected B000900001"):
        weighed.sample(100.0)
    assert _named(weighed.record(), "link_reopened") == []


def test_a_balance_that_comes_back_mute_is_asked_again_until_it_answers(tmp_path: Path) -> None:
    weighed = Weighed(tmp_path, "balance.silent=on@10s+20s")
    weighed.unplug(5.0, 8.0)
    weighed.sample(60.0)
    record = weighed.record()
    assert len(_named(record, "link_reopened")) == 1
    assert record.weighings["balance"].asked_ns[-1] > weighed.rig.now_ns - 2 * SECOND_NS


def test_every_loss_is_counted(tmp_path: Path) -> None:
    weighed = Weighed(tmp_path)
    for number in range(3):
        weighed.unplug(10.0 + 20.0 * number, 5.0)
    weighed.sample(80.0)
    assert weighed.rig.links.reconnects == {"balance": 3}
    assert [event.data["attempts"] > 3 for event in _named(weighed.record(), "link_reopened")] == [True] * 3


def test_a_balance_that_is_lost_before_its_first_reading_is_not_waited_for(tmp_path: Path) -> None:
    weighed = Weighed(tmp_path)
    fresh = Sampler(weighed.rig.links, weighed.balance, weighed.writer, weighed.stop, 60.0, weighed.rig.scale)
    weighed.rig.links.unplug("balance")
    with pytest.raises(TransportError, match="no valid reading"):
        fresh.weigh()


def test_a_balance_without_a_link_that_can_be_opened_ends_the_run_at_once(tmp_path: Path) -> None:
    weighed = Weighed(tmp_path)
    fixed = Sampler(weighed.rig.links, weighed.balance, weighed.writer, weighed.stop, 60.0)
    weighed.rig.links.unplug("balance")
    with pytest.raises(LinkLost):
        fixed.weigh()
