"""Every balance of the twin against the byte vectors of its protocol's page."""

from __future__ import annotations

from typing import Any

import pytest

from rig.errors import UsageError
from rig.sim.balances.menu import Menu
from rig.sim.balances.models import MODELS, PROTOCOLS, balance_model
from tests.sim.balance_kit import FAULT_OF_STATE, Scale
from tests.transcripts.balance_notation import FILES, Exchange, every_exchange


def scale_of(exchange: Exchange) -> Scale:
    faults = FAULT_OF_STATE[exchange.state]
    if exchange.unit != "g":
        faults += (f"balance.unit={exchange.unit}",)
    menu: dict[str, Any] = exchange.menu
    return Scale(
        exchange.protocol,
        menu=Menu(**menu),
        faults=faults,
        shows_mg=exchange.shows_mg,
        resolution_mg=exchange.resolution_mg,
    )


@pytest.mark.parametrize("exchange", every_exchange(), ids=lambda each: f"{each.protocol}: {each.what}")
def test_each_exchange_comes_to_the_byte(exchange: Exchange) -> None:
    scale = scale_of(exchange)
    if exchange.ask:
        scale.hear()
        scale.link.write(exchange.ask)
    wanted = b"".join(exchange.say)
    if exchange.after_s > 1.0 and exchange.say:
        assert scale.hear(exchange.after_s - 1.0) == b"".join(exchange.say[:-1])
        assert scale.hear(2.0) == exchange.say[-1]
        return
    heard = scale.hear(exchange.after_s)
    if exchange.more:
        assert heard.startswith(wanted)
        assert set(heard[len(wanted) :].splitlines(keepends=True)) <= {exchange.say[-1]}
        assert scale.hear(1.0).count(exchange.say[-1]) >= 4
    else:
        assert heard == wanted


def test_every_protocol_has_vectors_and_every_model_a_protocol() -> None:
    assert set(FILES) == set(PROTOCOLS) == {each.protocol for each in MODELS}
    assert len({(each.protocol, each.name) for each in MODELS}) == len(MODELS)


def test_an_unknown_protocol_or_model_is_refused_with_what_there_is() -> None:
    with pytest.raises(UsageError, match=r"no balance that speaks 'xbpi'; expected mt-sics or sbi or and"):
        balance_model("xbpi")
    with pytest.raises(UsageError, match=r"no sbi balance 'kib'; expected entris-ii or mse or cp or wza"):
        balance_model("sbi", "kib")
