"""A balance set otherwise than its bench file says: one line of `rig check` and of `rig run`, and exit code 4."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rig.bench import Bench, _assemble
from rig.cli.main import main
from rig.clock import VirtualClock
from rig.paths import benches_dir
from rig.sim.bench import SimulatedBench
from rig.transport.virtual import SimulatedDevice, VirtualLinks
from tests.doctor.test_wrong_devices import SCENARIO
from tests.doctor.wrong_devices import BALANCE_NS_PER_BYTE, STICK_NS_PER_BYTE, Talker


class Case(NamedTuple):
    """A bench file's protocol and mode, what is at the port, and what must be said."""

    protocol: str
    told: tuple[str, ...]
    mode: str = "poll"
    model: str = ""
    faults: tuple[str, ...] = ()
    other: Talker | None = None
    speaks: str = ""  # where that is another protocol than the bench file's


def pounds() -> Talker:
    """Return an A&D balance whose unit is the pound."""
    return Talker(lambda asked: {b"Q\r\n": b"ST,+00.02722 lb\r\n", b"?SN\r\n": b"SN,6A7609446 \r\n"}.get(asked, b""))


def at_another_baud() -> Talker:
    """Return what 9600 baud reads of a balance that sends with 2400: few bytes, and none of them text."""
    return Talker(lambda asked: bytes((0xF8, 0x00, 0x80, 0xFE, 0x00, 0x78)) if asked else b"")


CASES: dict[str, Case] = {
    "polled, but it sends by itself": Case("sbi", ("lines come unasked", 'mode = "stream"'), model="wza"),
    "to stream, but it waits to be asked": Case(
        "sbi", ("nothing comes by itself", 'mode = "poll"'), mode="stream", model="entris-ii"
    ),
    "KERN to stream, but it waits": Case("kern", ("nothing comes by itself", 'mode = "poll"'), mode="stream"),
    "kilograms": Case("mt-sics", ("answers in 'kg'", "set the unit"), faults=("balance.unit=kg",)),
    "kilograms, A&D": Case("and", ("answers in 'kg'", "set the unit"), faults=("balance.unit=kg",)),
    "pounds": Case("and", ("answers in 'lb'", "set the unit"), other=pounds()),
    "parity": Case("and", ("top bit set", "`line` in [balance]"), faults=("balance.eighth_bit=on",)),
    "parity, SBI": Case("sbi", ("top bit set", "`line` in [balance]"), faults=("balance.eighth_bit=on",)),
    "baud rate": Case("and", ("check power, cable",), other=at_another_baud()),
    "SBI where MT-SICS was meant": Case("mt-sics", ("no complete answer to @",), speaks="sbi", model="entris-ii"),
}


def opened(case: Case) -> Any:
    """Return what opens a bench with that balance."""

    def bench(config: Any, profile: Any, *_: object) -> Bench:
        twin = SimulatedBench(
            model=profile.model,
            serial=config.pump.serials[0],
            start_local=datetime(2025, 3, 9, 14),
            resolution_mg=config.balance.resolution_mg,
            balance=case.speaks or case.protocol,
            balance_name=case.model,
            faults=case.faults,
        )
        links = VirtualLinks(VirtualClock())
        device: SimulatedDevice = case.other or twin.balance
        stick = links.connect("pump", twin.pump_stick, STICK_NS_PER_BYTE)
        return _assemble(config, links.clock, links, stick, links.connect("balance", device, BALANCE_NS_PER_BYTE))

    return bench


def written(case: Case, folder: Path) -> Path:
    text = (benches_dir() / "simulated.toml").read_text("utf-8")
    path = folder / "bench.toml"
    path.write_text(text.replace('protocol = "mt-sics"', f'protocol = "{case.protocol}"\nmode = "{case.mode}"'))
    return path


@pytest.mark.parametrize("name", CASES)
def test_check_and_run_say_so_in_one_line_and_end_with_four(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = CASES[name]
    monkeypatch.setattr("rig.engine.open_bench", opened(case))
    monkeypatch.setattr("rig.doctor.devices.open_bench", opened(case))
    bench = written(case, tmp_path)
    assert main(["check", "--bench", str(bench)]) == 4
    lines = capsys.readouterr().out.splitlines()
    (line,) = [each for each in lines if each.startswith("FAIL")]
    assert line.startswith("FAIL  balance: ")
    assert all(each in line for each in case.told), line
    scenario = tmp_path / "short.yaml"
    scenario.write_text(SCENARIO)
    where = ["--bench", str(bench), "--out", str(tmp_path / "runs")]
    assert main(["run", str(scenario), *where, "--no-report", "--quiet"]) == 4
    said = capsys.readouterr()
    told = [each for each in (said.out + said.err).splitlines() if all(part in each for part in case.told)]
    assert len(told) == 1, said
    (folder,) = [each for each in (tmp_path / "runs").iterdir() if each.is_dir()]
    assert json.loads((folder / "result.json").read_text())["outcome"] == "INVALID"
    assert "Traceback" not in said.err


@pytest.mark.parametrize("model", ["entris-ii", "cp"])
def test_lines_of_16_and_of_22_characters_are_read_alike(
    model: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = Case("sbi", (), model=model)
    monkeypatch.setattr("rig.doctor.devices.open_bench", opened(case))
    main(["check", "--bench", str(written(case, tmp_path))])
    lines = capsys.readouterr().out.splitlines()
    told = [each for each in lines if each.startswith("warn  balance:")]
    assert len(told) == 1
    assert "answers, and does not say whether it tracks its zero" in told[0]  # which SBI cannot tell
