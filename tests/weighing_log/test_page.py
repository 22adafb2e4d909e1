"""The page about weighing logs names every option, key and column, and its budget works as it stands there."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

import pytest

from rig.cli.log_options import OPTIONS
from rig.paths import checkout
from rig.profiles.strict import Nested
from rig.weighing_log.budget_file import LogBudget
from rig.weighing_log.liquids import LIQUIDS
from rig.weighing_log.read import OPTIONAL, REQUIRED
from tests.weighing_log.logs import steady, told, write
from tests.weighing_log.test_bolus import bolus_log

PAGE = (checkout() / "docs/reference/weighing-log.md").read_text(encoding="utf-8")


def budget_keys() -> set[str]:
    """Return every key that a budget file may have."""
    found = set()
    for name, hint in get_type_hints(LogBudget, include_extras=True).items():
        found.add(name)
        kind = hint.__metadata__[0]
        if isinstance(kind, Nested):
            found |= {item.name for item in fields(kind.table)}
    return found


def test_every_option_column_liquid_and_budget_key_stands_on_the_page() -> None:
    for name in (*REQUIRED, *OPTIONAL, *LIQUIDS, *(budget_keys() - {"source"})):
        assert re.search(rf"`(\[)?{name}(\])?`", PAGE), name
    for option in OPTIONS:
        assert f"`--{option.replace('_', '-')}" in PAGE or f" --{option.replace('_', '-')} " in PAGE, option


def test_every_key_of_the_documents_stands_on_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write(tmp_path / "log.csv", steady([0.0] * 4))
    boluses, events = bolus_log(tmp_path, [1.0], 1.0, name="bolus.csv")
    for document in (
        told(capsys, log, "--basal", "1.0 U/h"),
        told(capsys, boluses, "--bolus", "1 U", "--events", events),
    ):
        for key in (*document, *document.get("windows_1h", {}), *document["log"]):
            if not key.startswith("within_") and key != "events":
                assert f"`{key}`" in PAGE, key


def test_the_budget_on_the_page_works_as_it_stands_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert printed
    budget = tmp_path / "budget.toml"
    budget.write_text(printed[1])
    log = write(tmp_path / "log.csv", steady([0.0] * 4))
    found = told(capsys, log, "--basal", "1.0 U/h", "--budget", str(budget))
    assert len(found["budget"]) == 12
