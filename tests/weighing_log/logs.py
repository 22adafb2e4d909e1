"""Logs made for the tests, and the command line called in this process."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from rig.cli.main import main

PLAIN = ("--buoyancy", "none", "--density", "1000 kg/m^3")  # 1 U is 10 mg


def write(path: Path, rows: Iterable[Sequence[float]], header: str = "time_s,mass_mg") -> str:
    path.write_text("\n".join([header, *(",".join(repr(value) for value in row) for row in rows)]) + "\n")
    return str(path)


def steady(errors_pct: Sequence[float], *, rate_u_per_h: float = 1.0, interval_s: float = 900.0) -> list[list[float]]:
    """Rows of a log whose intervals are wrong by these errors, at 10 mg per U."""
    mass = 0.0
    rows = [[0.0, 0.0]]
    for index, error in enumerate(errors_pct, start=1):
        mass += rate_u_per_h * interval_s / 3600.0 * 10.0 * (1.0 + error / 100.0)
        rows.append([index * interval_s, mass])
    return rows


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, Any]:
    """Return the JSON that ``rig analyse`` prints."""
    assert main(["analyse", *arguments, "--json"]) == code, capsys.readouterr().err
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the one line with which ``rig analyse`` refuses."""
    assert main(["analyse", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("rig: ")
    return captured.err.removeprefix("rig: ").rstrip("\n")
