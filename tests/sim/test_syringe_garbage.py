"""Whatever bytes arrive at a syringe pump: no crash, not a drop, and the next command is understood."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rig.sim.syringe.parameters import SyringeParameters
from tests.sim.syringe_kit import SyringeRig
from tests.transcripts.syringe_notation import safe_packet

NEW_ERA_WORDS = st.one_of(
    st.sampled_from([b"0", b"DIA", b"RAT", b"VOL", b"DIR", b"DIS", b"VER", b"PHN", b"FUN", b"STP", b"CLD", b"INF"]),
    st.sampled_from([b"14.43", b"500.0UH", b"\r", b" ", b"*", b"\x02", b"\x03", b"\x02\x08"]),
    st.sampled_from([safe_packet("0VER"), safe_packet("0")]),
)
HARVARD_WORDS = st.one_of(
    st.sampled_from([b"irate", b"wrate", b"diam", b"tvolume", b"ctvolume", b"status", b"ver", b"lim", b"metrics"]),
    st.sampled_from([b"5", b"u/m", b"12", b"0", b":", b"\r", b"\n", b" ", b"@", b"\xff"]),
    st.sampled_from([b"ttime", b"stp", b"crate", b"svol", b"force", b"echo"]),
)


def chunks(words: st.SearchStrategy[bytes]) -> st.SearchStrategy[list[bytes]]:
    return st.lists(st.one_of(st.binary(max_size=40), st.lists(words, max_size=6).map(b"".join)), max_size=10)


@settings(max_examples=150, deadline=None)
@given(chunks(NEW_ERA_WORDS))
@example([b"\x02\xff"])
@example([b"x" * 300])
def test_a_basic_new_era_pump_survives_anything_and_answers_the_next_command(pieces: list[bytes]) -> None:
    rig = SyringeRig()
    for piece in pieces:
        rig.tell(piece, 0.05)
    rig.wait(0.6)
    rig.tell(b"\r")
    assert rig.say("0", "0")[-1] == "00S"
    assert rig.book.displaced_ul(0, rig.now_ns) == 0.0


@settings(max_examples=150, deadline=None)
@given(chunks(NEW_ERA_WORDS))
@example([b"\x02\x09\x02\x08"])
def test_a_safe_new_era_pump_survives_anything_and_answers_the_next_packet(pieces: list[bytes]) -> None:
    rig = SyringeRig()
    rig.say("0", "0SAF255")
    for piece in pieces:
        for answer in rig.tell(piece, 0.05).split(b"\x03\x02"):
            assert answer == b"" or b"00S" in answer
    rig.wait(0.6)
    assert rig.tell(safe_packet("0")) == safe_packet("00S")
    assert rig.book.displaced_ul(0, rig.now_ns) == 0.0


@settings(max_examples=150, deadline=None)
@given(chunks(HARVARD_WORDS), st.sampled_from(["harvard-11", "phd-ultra"]), st.sampled_from([0, 12]))
def test_a_harvard_pump_survives_anything_and_answers_the_next_command(
    pieces: list[bytes], model: str, address: int
) -> None:
    rig = SyringeRig(model, address=address)
    for piece in pieces:
        rig.tell(piece, 0.05)
    rig.tell(b"\r")
    assert rig.say("")[0].endswith(f"\n{address or ''}:")
    assert rig.book.displaced_ul(0, rig.now_ns) == 0.0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 12), max_size=8))
def test_however_a_packet_is_cut_it_is_understood(cuts: list[int]) -> None:
    rig = SyringeRig()
    rig.say("0")
    data, heard = safe_packet("0SAF20") + safe_packet("0VER"), b""
    for cut in [*cuts, len(data)]:
        piece, data = data[:cut], data[cut:]
        heard += rig.tell(piece, 0.03)
    assert heard == safe_packet("00S") + safe_packet("00SNE1000V3.928")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(["ne-1000", "harvard-11"]))
def test_the_same_seed_gives_the_same_bytes(seed: int, model: str) -> None:
    def session() -> list[tuple[str, str, int, bytes]]:
        faults = ("syringe.corrupt=20%", "syringe.drop=20%", "syringe.stall=on@40s+1s")
        rig = SyringeRig(model, seed=seed, faults=faults)
        rig.say(*["0", "0RUN", "irun", "0DIS", "status"] * 4)
        rig.at(50.0)
        rig.weigh()
        return rig.traffic

    assert session() == session()


DEEDS = st.lists(
    st.tuples(
        st.sampled_from(["0RUN", "0STP", "0DIRREV", "0VOL2.5", "0VOL0", "0RAT90.00MH", "0RAT900.0UH", "0PUR", "0"]),
        st.floats(0.0, 30.0),
    ),
    max_size=15,
)


@settings(max_examples=50, deadline=None)
@given(DEEDS, st.integers(0, 1000))
def test_whatever_it_is_told_what_it_counts_is_what_was_commanded_and_nearly_what_came_out(
    deeds: list[tuple[str, float]], seed: int
) -> None:
    p = SyringeParameters()
    rig = SyringeRig(seed=seed, syringe=p)
    rig.say("0", "0VOLUL")
    for text, seconds in deeds:
        assert rig.say(text, seconds=seconds) != [""] or seconds < 0.1
    rig.say("0STP", "0STP")
    rig.wait(100.0)
    drive, totals = rig.pump.drive, rig.book.totals(rig.now_ns)
    assert totals["commanded_ul"] == pytest.approx(drive.infused_ul - drive.withdrawn_ul, abs=1e-6)
    assert totals["outlet_ul"] == pytest.approx(totals["displaced_ul"], abs=1e-6)
    # Bore, lead and pulsation of what was turned; play, backlash and slips.
    moved_ul = drive.infused_ul + drive.withdrawn_ul
    loose_ul = (p.seating_um + p.backlash_um + 20.0 * p.slip_um) * 1e-3 * drive.area_mm2
    assert abs(totals["displaced_ul"] - totals["commanded_ul"]) <= 0.015 * moved_ul + loose_ul
