"""The table of simulated balances names every model as the code has it."""

from __future__ import annotations

from rig.paths import checkout
from rig.sim.balances.models import MODELS


def test_every_simulated_balance_stands_on_its_page() -> None:
    text = (checkout() / "docs/how-to/run-on-pseudo-terminals.md").read_text()
    for each in MODELS:
        assert f"| `{each.name}` | {each.about} | {each.line} |" in text
        assert f"| `{each.protocol}` |" in text
