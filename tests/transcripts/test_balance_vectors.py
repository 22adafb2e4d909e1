"""The balance transcripts themselves: bytes and text agree, and every line has its protocol's length."""

from __future__ import annotations

import pytest

from tests.transcripts.balance_notation import FILES, every_exchange, lines

STATES = {"stable", "moving", "overload", "underload", "busy", "asleep", "error"}
LENGTHS = {"sbi": {16, 22}, "and": {17}, "kern": {15, 18}, "radwag": {21}}


@pytest.mark.parametrize("protocol", FILES)
def test_the_bytes_of_a_line_are_its_text_and_its_end(protocol: str) -> None:
    held = lines(protocol)
    for entry in (*held["weight"], *held["no_weight"]):
        if "hex" in entry:
            assert bytes.fromhex(entry["hex"]) == entry["text"].encode("latin-1") + b"\r\n", entry


@pytest.mark.parametrize("protocol", LENGTHS)
def test_every_weight_has_the_length_of_its_protocol(protocol: str) -> None:
    for entry in lines(protocol)["weight"]:
        assert len(entry["text"]) + 2 in LENGTHS[protocol], entry


@pytest.mark.parametrize("protocol", FILES)
def test_no_line_is_both_a_weight_and_malformed(protocol: str) -> None:
    held = lines(protocol)
    weights = {entry["text"] for entry in (*held["weight"], *held["no_weight"])}
    assert not weights & set(held["malformed"]["texts"])


def test_every_protocol_shows_every_state_and_says_where_it_comes_from() -> None:
    found: dict[str, set[str]] = {}
    for each in every_exchange():
        assert each.section, each.what
        assert each.state in STATES
        found.setdefault(each.protocol, set()).add(each.state)
    for protocol, states in found.items():
        assert states >= STATES - {"error"}, protocol
    assert {protocol for protocol, states in found.items() if "error" not in states} <= {"kern-kcp"}
