"""The tables of the bolus calculator, from their published packets."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.errors import MalformedReply
from rig.wire.minimed import wizard
from rig.wire.minimed.packets import Opcode, Packet, parse_packet
from tests.transcripts.notation import expand, packet


def of(name: str) -> Packet:
    return parse_packet(packet(name))


def built(opcode: Opcode, content: str) -> Packet:
    return Packet("512847", opcode, expand(content).ljust(65, b"\0"))


def test_carb_ratios_of_the_old_family_are_read() -> None:
    assert wizard.parse_carb_ratios(of("carb ratios old: 12 g/U, from 09:00 10")) == [(0, 12.0, True), (18, 10.0, True)]


def test_carb_ratios_of_the_new_family_are_read() -> None:
    ratios = wizard.parse_carb_ratios(of("carb ratios new: 12.0, from 09:00 10.5"))
    assert ratios == [(0, 12.0, True), (18, 10.5, True)]


def test_carb_ratios_in_exchanges_have_scales_of_their_own() -> None:
    assert wizard.parse_carb_ratios(built(Opcode.CARB_RATIOS, "11 02 00 0F")) == [(0, 1.5, False)]
    assert wizard.parse_carb_ratios(built(Opcode.CARB_RATIOS, "19 02 00 00 05 DC")) == [(0, 1.5, False)]


def test_a_sensitivity_above_255_is_read() -> None:
    found = wizard.parse_sensitivities(of("sensitivities 50, from 22:00 300"))
    assert found == [(0, 50.0, True), (44, 300.0, True)]


def test_a_target_range_is_read() -> None:
    assert wizard.parse_targets(of("targets 100-120")) == [(0, 100.0, 120.0, True)]


def test_family_12_has_a_single_value_for_both_ends_of_its_target() -> None:
    assert wizard.parse_targets(built(Opcode.TARGETS_12, "11 02 00 37 10 3C")) == [
        (0, 5.5, 5.5, False),
        (16, 6.0, 6.0, False),
    ]


@pytest.mark.parametrize("content", ["11 03 00 0C", "05 01 00 0C", "11 01 05 0C"])
def test_what_is_no_table_is_refused(content: str) -> None:
    with pytest.raises(MalformedReply):
        wizard.parse_carb_ratios(built(Opcode.CARB_RATIOS, content))


@given(st.binary(min_size=65, max_size=65))
def test_whatever_a_pump_answers_is_read_or_refused(body: bytes) -> None:
    for opcode, parse in (
        (Opcode.CARB_RATIOS, wizard.parse_carb_ratios),
        (Opcode.SENSITIVITIES, wizard.parse_sensitivities),
        (Opcode.TARGETS, wizard.parse_targets),
        (Opcode.TARGETS_12, wizard.parse_targets),
    ):
        with suppress(MalformedReply):
            starts = [entry[0] for entry in parse(Packet("512847", opcode, body))]
            assert starts == sorted(set(starts))
