"""The balance's bytes, read again."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.audit.findings import Audit
from rig.audit.reparse import reparse
from rig.readings import Weighing
from rig.record.reader import read_segment
from rig.record.writer import RecordWriter

MS = 1_000_000


def _weight(text: str = "12.3456", state: str = "S") -> bytes:
    return f"S {state} {text:>10} g\r\n".encode()


class _Run:
    """A record made by hand."""

    def __init__(self, folder: Path, **header: object) -> None:
        self.folder = folder
        (folder / "evidence").mkdir()
        self.file = folder / "evidence" / "record-001.log.gz"
        self.writer = RecordWriter(self.file, {"run_id": "x", "clock": {"speed": 1.0}, **header})

    def ask(self, at_ms: int, *chunks: bytes, delay_ms: int = 30) -> None:
        self.writer.tap("balance", ">", at_ms * MS, b"SI\r\n")
        for chunk in chunks:
            at_ms += delay_ms
            self.writer.tap("balance", "<", at_ms * MS, chunk)

    def reading(self, asked_ms: int, answered_ms: int, mass_mg: float = 12345.6, *, stable: bool = True) -> None:
        self.writer.weighing("balance", Weighing(asked_ms * MS, answered_ms * MS, mass_mg, 0.1, stable, ""))

    def reparse(self) -> list[str]:
        self.writer.close({"reason": "completed"})
        audit = Audit("x", self.folder)
        reparse(self.folder, {1: read_segment(self.file)}, audit)
        return [each.what for each in audit.findings]


def test_a_balance_of_another_make_is_read_by_its_own_codec(tmp_path: Path) -> None:
    run = _Run(tmp_path, balance={"protocol": "sbi", "mode": "poll"})
    for at_ms, line in ((0, b"+  12.3456 g  \r\n"), (1000, b"+  12.3457    \r\n")):
        run.writer.tap("balance", ">", at_ms * MS, b"\x1bP\r\n")
        run.writer.tap("balance", "<", (at_ms + 30) * MS, line)
    run.reading(0, 30)
    run.reading(1000, 1030, 12345.7, stable=False)  # without a unit: that of the line before
    assert run.reparse() == []


@pytest.mark.parametrize(("mass_mg", "faults"), [(12345.7, 0), (12345.8, 1)])
def test_a_reading_of_a_stream_follows_from_a_line_and_lines_between_are_not_missed(
    tmp_path: Path, mass_mg: float, faults: int
) -> None:
    run = _Run(tmp_path, balance={"protocol": "and", "mode": "stream"})
    for number in range(20):
        run.writer.tap("balance", "<", (100 * number + 50) * MS, b"ST,+012.3456  g\r\nUS,+012.3457  g\r\n")
    run.reading(0, 50)
    run.reading(900, 1050, mass_mg, stable=False)
    assert len(run.reparse()) == faults


def test_a_protocol_that_nobody_here_reads_is_a_fault(tmp_path: Path) -> None:
    assert _Run(tmp_path, balance={"protocol": "x"}).reparse() == ["no codec here reads a balance of protocol 'x'"]


@pytest.fixture
def run(tmp_path: Path) -> _Run:
    return _Run(tmp_path)


def test_a_reading_follows_from_its_bytes_in_any_chunks_after_key_presses(run: _Run) -> None:
    run.ask(0, b"K C 4\r\nS S    12", b".3456 g\r\n")
    run.reading(0, 60)
    run.ask(1000, _weight(state="D"))
    run.reading(1000, 1030, stable=False)
    assert run.reparse() == []


@pytest.mark.parametrize(
    ("mass_mg", "stable", "answered_ms"), [(12345.7, True, 30), (12345.6, False, 30), (12345.6, True, 31)]
)
def test_a_reading_that_differs_from_its_bytes_is_named(
    run: _Run, mass_mg: float, stable: bool, answered_ms: int
) -> None:
    run.ask(0, _weight())
    run.reading(0, answered_ms, mass_mg, stable=stable)
    run.ask(1000, _weight())
    run.reading(1000, 1030)
    assert run.reparse()


def test_a_reply_without_its_reading_is_named_when_weighing_went_on(run: _Run) -> None:
    run.ask(0, _weight())
    run.ask(1000, _weight())
    run.reading(1000, 1030)
    assert run.reparse() == ["the reply '12.3456 g' at 30000000 ns has no reading beside it"]


def test_the_last_reply_may_have_been_cut_off_from_its_reading(run: _Run) -> None:
    run.ask(0, _weight())
    assert run.reparse() == []


def test_the_one_weight_that_opening_the_balance_takes_is_no_reading(run: _Run) -> None:
    run.writer.tap("balance", ">", 0, b"@\r\n")
    run.ask(100, b"S I\r\n")
    run.ask(200, _weight())
    run.ask(1000, _weight())
    run.ask(2000, _weight())
    run.reading(2000, 2030)
    assert run.reparse() == ["the reply '12.3456 g' at 1030000000 ns has no reading beside it"]


def test_a_late_reply_a_refusal_and_a_garbled_one_are_no_readings(run: _Run) -> None:
    run.ask(0, _weight(), delay_ms=1500)
    run.ask(2000, b"S +\r\n")
    run.ask(3000, b"S S 12.3456 g\r\n")
    run.ask(4000, _weight())
    run.reading(4000, 4030)
    assert run.reparse() == []


def test_a_reading_without_bytes_is_named(run: _Run) -> None:
    run.ask(0, _weight())
    run.reading(0, 30)
    run.reading(500, 530)
    assert run.reparse() == ["the reading of 12345.6 mg at 530000000 ns follows from no bytes"]


@pytest.mark.parametrize(("asked_ms", "words"), [(1001, "asked for after it was"), (999, ""), (29, "asked for before")])
def test_a_reading_was_asked_for_between_the_bytes_before_and_its_request(run: _Run, asked_ms: int, words: str) -> None:
    run.ask(0, _weight())
    run.reading(0, 30)
    run.ask(1000, _weight())
    run.reading(asked_ms, 1030)
    faults = run.reparse()
    assert [words in fault for fault in faults] == ([True] if words else [])


def test_what_differs_is_said(run: _Run) -> None:
    run.ask(0, _weight())
    run.reading(0, 30, stable=False)
    was, is_now = (f"12345.6 mg in steps of 0.1 mg, {word}" for word in ("not stable", "stable"))
    assert run.reparse() == [f"the reading at 30000000 ns says {was}, its bytes say {is_now}"]


def test_bytes_that_a_plug_in_read_are_not_called_proven(tmp_path: Path) -> None:
    driver = {"name": "plug", "role": "balance", "distribution": "plug-dist", "version": "2.1"}
    run = _Run(tmp_path, third_party_drivers=[driver])
    run.ask(0, _weight())
    run.reading(0, 30)
    assert run.reparse() == ["plug-in plug of plug-dist 2.1 read the balance: nobody here can read its bytes again"]


def test_a_plug_in_for_the_pump_does_not_keep_the_balances_bytes_from_being_read(tmp_path: Path) -> None:
    run = _Run(tmp_path, third_party_drivers=[{"name": "acme-1", "role": "pump"}])
    run.ask(0, _weight())
    run.reading(0, 30, mass_mg=1.0)
    assert len(run.reparse()) == 1
