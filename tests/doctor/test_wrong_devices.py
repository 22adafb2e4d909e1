"""A pump out of range, a stick with another firmware, a port that is something else: one line, and exit code 4."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from rig.cli.main import main
from rig.paths import benches_dir
from rig.sim.bench import SimulatedBench
from rig.transport.virtual import SimulatedDevice
from tests.doctor.wrong_devices import Talker, bench_with, echo, gps, stick_of

Device = Callable[[], SimulatedDevice]
SCENARIO = (
    "schema: 1\nid: short\ntitle: short\npump: {families: [22, 23]}\nsampling: {balance: 10 s}\n"
    "steps:\n  - basal: {rate: 4 U/h, for: 2 min}\nchecks: []\n"
)
CLOSER = "put the stick close to the pump"
PORT = "check the port in the bench file"


def silent() -> SimulatedDevice:
    return Talker(lambda _: b"")


def garbage() -> SimulatedDevice:
    return Talker(lambda _: b"\xff\x80\x13garbage\0")


def balance() -> SimulatedDevice:
    return SimulatedBench(start_local=datetime(2025, 3, 9, 14)).balance


CASES: dict[str, tuple[str, Device | None, tuple[str, ...], str, str]] = {
    "pump out of range": ("cc111x", None, ("pump.asleep=on",), "pump 900123", CLOSER),
    "pump on another frequency": ("cc111x", None, ("pump.frequency=868.35MHz",), "pump 900123", CLOSER),
    "stick of the 2.x line": (
        "cc111x", lambda: stick_of(b"subg_rfspy 2.2"), (), "speaks another dialect", "flash subg_rfspy 0.9"
    ),
    "stick with another firmware": ("cc111x", lambda: stick_of(b"MMCommander 4"), (), "subg_rfspy 0.9", PORT),
    "stick that says garbage": ("cc111x", garbage, (), "4F 4B 00", PORT),
    "nothing at the port": ("cc111x", silent, (), "no radio stick answers", "check plug, port and firmware"),
    "cable with its wires joined": ("cc111x", echo, (), "4F 4B 00", PORT),
    "balance": ("cc111x", balance, (), "4F 4B 00", PORT),
    "GPS receiver": ("cc111x", gps, (), "4F 4B 00", PORT),
    "pump out of range of a CareLink stick": ("carelink", None, ("pump.asleep=on",), "pump 900123", CLOSER),
    "nothing at the CareLink's port": ("carelink", silent, (), "pump on", "port"),
    "GPS receiver at the CareLink's port": ("carelink", gps, (), "GPGGA", "check the port"),
    "radio stick at the CareLink's port": ("carelink", lambda: stick_of(b"subg_rfspy 0.9"), (), "pump on", "port"),
}  # fmt: skip


@pytest.fixture(params=CASES, ids=lambda name: name.replace(" ", "-").replace("'", ""))
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Path, str, str]:
    link, device, faults, *told = CASES[request.param]

    def opened(config: Any, profile: Any, *_: object) -> Any:
        return bench_with(config, profile, device() if device is not None else None, *faults)

    monkeypatch.setattr("rig.engine.open_bench", opened)
    monkeypatch.setattr("rig.doctor.devices.open_bench", opened)
    bench = tmp_path / "bench.toml"
    bench.write_text((benches_dir() / "simulated.toml").read_text().replace('"cc111x"', f'"{link}"'))
    return bench, told[0], told[1]


def test_the_doctor_says_so_in_one_line_and_ends_with_four(
    case: tuple[Path, str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    bench, *told = case
    assert main(["check", "--bench", str(bench)]) == 4
    lines = capsys.readouterr().out.splitlines()
    (line,) = [each for each in lines if each.startswith("FAIL")]
    assert line.startswith("FAIL  pump: ")
    assert all(each in line for each in told), line
    assert any(each.startswith("ok    balance") for each in lines)


def test_a_run_ends_with_four_in_one_line_and_nothing_was_commanded(
    case: tuple[Path, str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = tmp_path / "short.yaml"
    scenario.write_text(SCENARIO)
    bench, *told = case
    where = ["--bench", str(bench), "--out", str(tmp_path / "runs")]
    assert main(["run", str(scenario), *where, "--no-report", "--quiet"]) == 4
    said = capsys.readouterr()
    lines = [each for each in (said.out + said.err).splitlines() if all(part in each for part in told)]
    assert len(lines) == 1, said
    (folder,) = [each for each in (tmp_path / "runs").iterdir() if each.is_dir()]
    result = json.loads((folder / "result.json").read_text())
    assert (result["end_reason"], result["outcome"]) == ("bench_fault", "INVALID")
    assert "Traceback" not in said.err
