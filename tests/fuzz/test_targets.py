"""Every decoder, without the fuzzer: its seeds, and random changes of them, pass the same checks."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rig.wire.minimed import packets
from tests.fuzz import seeds
from tests.fuzz.independent import crc8, crc16, from_line_code, xmodem
from tests.fuzz.targets import TARGETS, Check, Target

QUICK = ("minimed", "carelink", "balance", "syringe")
SEEDS = {name: [b"", *target.seeds()] for name, target in TARGETS.items()}
DIFFICULT = ("bench-file", "scenario", "profile-data", "driver-cc111x", "driver-carelink")  # milliseconds each


def check_of(target: Target) -> Check:
    return target.load()


@pytest.mark.parametrize("name", TARGETS)
def test_what_the_transcripts_hold_passes_the_checks_of_the_fuzz_script(name: str) -> None:
    check, found = check_of(TARGETS[name]), SEEDS[name]
    for seed in found[:: max(1, len(found) // 12)]:
        check(seed)


@st.composite
def changed(draw: st.DrawFn, found: list[bytes], largest: int) -> bytes:
    """Draw a seed with a piece replaced, or bytes without any seed."""
    seed = draw(st.sampled_from(found))
    start = draw(st.integers(0, len(seed)))
    return (seed[:start] + draw(st.binary(max_size=12)) + seed[start + draw(st.integers(0, 12)) :])[:largest]


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_are_read_as_they_stand_or_refused_as_documented(name: str) -> None:
    target = TARGETS[name]
    check = check_of(target)
    examples = 2 if name in DIFFICULT else 40 if target.family in QUICK else 6

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(changed(SEEDS[name], target.largest))
    def read_or_refused(data: bytes) -> None:
        check(data)

    read_or_refused()


def test_each_target_has_seeds_and_a_name_of_its_own() -> None:
    assert all(len(found) > 1 for found in SEEDS.values())
    assert len({target.where for target in TARGETS.values()}) == len(TARGETS)


def test_the_independent_checksums_have_their_catalogue_values() -> None:
    assert (crc8(b"123456789"), crc16(b"123456789"), xmodem(b"123456789")) == (0xEA, 0x29B1, 0x31C3)
    assert from_line_code(next(seeds.coded())) == next(seeds.radio())


class Agreeable(int):
    """A checksum that no checksum differs from."""

    def __ne__(self, _other: object) -> bool:
        return False

    __hash__ = int.__hash__


def test_a_decoder_that_lets_a_wrong_checksum_pass_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packets, "crc8", lambda _data: Agreeable(0))
    with pytest.raises(AssertionError):
        check_of(TARGETS["packets"])(next(seeds.radio())[:-1] + b"\x00")
