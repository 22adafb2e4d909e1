"""The main job, end to end on the simulated bench: scenario, bytes, record, judgement, exit code."""

import json
from pathlib import Path

import pytest

from rig.cli.main import main
from rig.record.reader import read_run
from rig.runner.folder import find_runs


def _run(tmp_path: Path, *arguments: str) -> tuple[int, Path]:
    code = main(["run", "--quiet", "--no-report", "--out", str(tmp_path), *arguments])
    (run,) = find_runs(tmp_path)
    return code, run.folder


def _outcomes(folder: Path) -> dict[str, str]:
    result = json.loads((folder / "result.json").read_text())
    return {check["id"]: check["outcome"] for check in result["checks"]}


def _outlet_u(folder: Path) -> float:
    ledger = json.loads((folder / "sealed" / "ledger.json").read_text())
    return float(ledger["totals"]["outlet_u"])


@pytest.mark.parametrize("bench", ["simulated", "simulated-522"])
def test_a_conforming_pump_passes_the_quick_scenario_on_either_family(tmp_path: Path, bench: str) -> None:
    code, folder = _run(tmp_path, "quick", "--bench", bench)
    assert code == 0
    result = json.loads((folder / "result.json").read_text())
    assert result["outcome"] == "PASS"
    assert result["evidence"] == "simulated"
    assert read_run(folder).damage == ()


def test_a_pump_that_conforms_by_its_ledger_passes_the_24_hour_basal(tmp_path: Path) -> None:
    code, folder = _run(tmp_path, "basal_24h")
    assert _outcomes(folder)["basal-mean"] == "PASS"
    assert code == 0
    assert _outlet_u(folder) == pytest.approx(49.0, rel=0.05)


def test_a_pump_that_delivers_8_percent_short_fails_the_24_hour_basal(tmp_path: Path) -> None:
    code, folder = _run(tmp_path, "basal_24h", "--fault", "pump.gain=-8%")
    assert _outcomes(folder)["basal-mean"] == "FAIL"
    assert code == 1


def test_identical_seeds_give_identical_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    texts = []
    for name, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        _, folder = _run(tmp_path / name, "quick", "--seed", seed)
        columns = read_run(folder).weighings["balance"]
        texts.append((columns.answered_ns.tobytes(), columns.mass_mg.tobytes()))
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


def test_a_wrong_pump_is_refused_and_nothing_is_delivered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = (Path("fixtures/benches/simulated.toml").read_text()).replace("sim-723", "sim-722")
    file = tmp_path / "other.toml"
    file.write_text(bench)
    assert main(["run", "quick", "--bench", str(file), "--out", str(tmp_path / "runs"), "--no-report"]) in (0, 4)
    capsys.readouterr()
