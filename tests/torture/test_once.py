"""A small version of the exactly-once campaign: the whole one is ``python -m tests.torture.once``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from rig.drivers.minimed.settling import settled
from rig.drivers.minimed.way import PumpWay, Settled
from rig.instruments import Acceptance
from rig.paths import checkout
from rig.runner.therapy import Therapy
from rig.transport.links import Links
from tests.torture.once import KINDS, cases_of
from tests.torture.once_bench import LINKS, MODELS, Case, play
from tests.torture.once_exchanges import EXCHANGES

SEED = 5
OF_EACH = {"single": 1, "pair": 2, "kill": 1, "kill+": 1, "storm": 1}
HOLE = ("drop:sent:3", "duplicate:heard:2")  # the parameters are lost, and the first half's ACK comes twice


@pytest.mark.parametrize("exchange", list(EXCHANGES))
@pytest.mark.parametrize("link", LINKS)
def test_a_command_is_carried_out_once_or_not_at_all_and_the_journal_says_which(link: str, exchange: str) -> None:
    for number, kind in enumerate(KINDS):
        model = MODELS[(number + len(exchange)) % len(MODELS)]
        cases = list(cases_of(model, link, exchange, kind, 6, SEED))
        step = max(1, len(cases) // OF_EACH[kind])
        for case in cases[step // 2 :: step][: OF_EACH[kind]]:
            found = play(case)
            assert found.wrong == [], case.text


def holes(link: str) -> list[Case]:
    """Return cases of the hole; how late the echo is differs from one to the next."""
    return [Case(model, link, "bolus", faults) for model in MODELS for faults in (HOLE, HOLE[::-1])]


@pytest.mark.parametrize("link", LINKS)
def test_an_acknowledgement_heard_twice_does_not_pass_for_that_of_parameters_which_were_lost(link: str) -> None:
    for case in holes(link):
        found = play(case)
        assert (found.verdict, found.wrong) == ("not carried out", [])


@pytest.mark.parametrize("link", LINKS)
def test_the_campaign_finds_a_driver_that_believes_an_acknowledgement(
    link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def believe(_way: PumpWay, _links: Links, outcome: Settled, _shows: Callable[[], bool]) -> Acceptance:
        return settled(outcome)

    monkeypatch.setattr("rig.drivers.minimed.pump.confirmed", believe)
    wrong = [why for case in holes(link) for why in play(case).wrong]
    assert "the journal says carried out, the plant [] U" in wrong


def test_the_campaign_finds_a_bolus_that_is_told_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    exchange = EXCHANGES["bolus"]

    def twice(therapy: Therapy) -> None:
        exchange.tell(therapy)
        therapy.suspend()
        therapy.resume()
        exchange.tell(therapy)

    monkeypatch.setitem(EXCHANGES, "bolus", replace(exchange, tell=twice))
    (wrong,) = play(Case("723", "cc111x", "bolus")).wrong
    assert wrong.startswith("the journal says carried out, the plant [")


def test_the_page_of_the_campaign_names_every_exchange_and_kind() -> None:
    page = (checkout() / "docs/reference/exactly-once.md").read_text()
    named = set(re.findall(r"^\| `([a-z_+]+)`", page, re.MULTILINE))
    assert named == set(EXCHANGES) | set(KINDS)
