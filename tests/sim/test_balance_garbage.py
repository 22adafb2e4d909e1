"""Whatever bytes arrive at a balance: no crash, and it answers afterwards."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from rig.sim.balances.models import MODELS, BalanceModel
from tests.sim.balance_kit import Scale

WORDS = st.sampled_from(
    b"SI\r\n|S\r\n|SIR\r\n|@\r\n|T\r\n|Z\r\n|C3\r\n|\x1bP|\x1bT\r\n|\x1bx1_|\x1bk|"
    b"Q\r\n|R\r\n|OFF\r\n|PT:1.5  g\r\n|?ID\r\n|C\r\n|CAL\r\n|"
    b"IP\r|SP\r\n|CP\r\n|0P\r\n|SLP\r\n|2P\r\n|1.5T\r\n|IC\r\n|"
    b"w|s|t|C1\r\n|C0\r\n|OT\r\n|UT 1.5\r\n|FIS 5\r\n|PC\r\n".split(b"|")
)
ASK = {"mt-sics": b"@\r\n", "kern-kcp": b"@\r\n", "sbi": b"\x1bP", "and": b"ON\r\n", "ohaus": b"ON\r\n", "kern": b"w"}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(MODELS), st.lists(st.one_of(WORDS, st.binary(max_size=40)), max_size=10))
def test_any_bytes_are_survived_and_the_balance_answers_afterwards(model: BalanceModel, chunks: list[bytes]) -> None:
    scale = Scale(model.protocol, model=model.name)
    for chunk in chunks:
        scale.ask(chunk, 0.3)
    scale.hear(130.0)  # every wait and every adjustment has ended
    scale.ask(b"\r\n")
    assert scale.ask(ASK.get(model.protocol, b"NB\r\n"), 1.0) + scale.ask(b"Q\r\nIP\r\nNB\r\n", 1.0)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(MODELS), st.lists(st.integers(1, 5), max_size=20))
def test_a_command_comes_in_any_pieces(model: BalanceModel, sizes: list[int]) -> None:
    request = {"sbi": b"\x1bkP_", "kern": b"w", "ohaus": b"IP\r\n"}.get(model.protocol, b"SI\r\n")
    if model.menu.autoprint:
        return
    whole = Scale(model.protocol, model=model.name)
    whole.hear()
    pieces = Scale(model.protocol, model=model.name)
    pieces.hear()
    heard, rest = b"", request
    for size in [*sizes, len(request)]:
        if rest:
            heard += pieces.ask(rest[:size], 0.02)
            rest = rest[size:]
    assert heard + pieces.hear() == whole.ask(request)
