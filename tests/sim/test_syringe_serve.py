"""A syringe pump behind a real pseudo-terminal; real time, but nothing sleeps."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rig.cli.main import main
from rig.errors import UsageError
from rig.sim.serve import Wiring, serve
from tests.sim.test_serve import Served, talk


def test_a_syringe_pump_and_the_balance_under_it_answer_and_its_flow_is_in_the_ledger(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.json"
    served = Served(
        devices=("syringe", "balance"), model="harvard-11", wiring=Wiring(speed=100.0), sealed_ledger=ledger
    )
    try:
        assert [(line["device"], line["model"]) for line in served.lines] == [
            ("syringe", "harvard-11"),
            ("balance", "SIM220"),
        ]
        pump = os.open(served.port("syringe"), os.O_RDWR | os.O_NOCTTY)
        assert talk(pump, b"ver\r", b":") == b"\n 11 Elite 3.0.4\r\n:"
        assert talk(pump, b"irate 10 m/m\r", b":") == b"\n:"
        assert talk(pump, b"tvolume 500 u\r", b":") == b"\n:"
        assert talk(pump, b"irun\r", b"T*") == b"\n>\nT*"  # 3 s of rig time later, unasked
        os.close(pump)
    finally:
        served.stop()
    syringe = json.loads(ledger.read_text())["syringe"]
    assert syringe["commanded_ul"] == pytest.approx(500.0, abs=1e-6)
    assert syringe["displaced_ul"] == pytest.approx(500.0, rel=0.015)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"devices": ("syringe",), "model": "723"}, "no syringe pump '723'"),
        ({"devices": ("pump",), "model": "ne-1000"}, "no pump model 'ne-1000'"),
        ({"faults": ("syringe.gain=1%",)}, "no syringe pump to act on"),
    ],
)
def test_what_cannot_be_served_is_refused_before_anything_opens(options: dict[str, object], message: str) -> None:
    announced: list[str] = []
    with pytest.raises(UsageError, match=message):
        serve(announce=announced.append, stop=lambda: True, **options)  # type: ignore[arg-type]
    assert announced == []


def test_a_run_without_a_syringe_pump_refuses_its_faults(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["run", "quick", "--fault", "syringe.gain=-2%", "--out", str(tmp_path)]) == 2
    assert "'syringe.gain=-2%' has no syringe pump to act on" in capsys.readouterr().err


def test_the_command_names_what_it_can_serve_and_the_models_it_knows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--pty"]) == 2
    assert "syringe or syringe-bench" in capsys.readouterr().err
    assert main(["simulate", "syringe", "--model", "pump-33"]) == 2
    assert "ne-1000 or ne-500 or harvard-11 or phd-ultra" in capsys.readouterr().err
