"""``rig check`` from the command line."""

import json
from pathlib import Path

import pytest

from rig.cli.main import main
from rig.paths import benches_dir


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_simulated_bench_is_fit_and_nothing_is_left_behind(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ok    bench file: ")
    assert all(line.split()[0] in {"ok", "warn"} for line in lines[: lines.index("")])
    assert lines[-1].startswith("bench simulated is fit: 0 FAIL, ")
    assert list(Path().iterdir()) == []


def test_an_unfit_bench_ends_with_four_and_says_so_in_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = (benches_dir() / "pi-example.toml").read_text("utf-8")
    (tmp_path / "bench.toml").write_text(f'{text}\n[guardian]\nrun_dir = "{tmp_path}"\n', "utf-8")
    assert main(["check", "--bench", "bench.toml", "--json"]) == 4
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["bench"], document["fit"]) == (1, "pi-example", False)
    failed = {item["item"] for item in document["items"] if item["level"] == "FAIL"}
    assert {"pump port", "balance port"} <= failed


def test_a_bad_bench_file_ends_with_two(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text('name = "b"\nkimd = "simulated"\n')
    assert main(["check", "--bench", "b.toml"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("days", ["0", "-1", "nan"])
def test_days_that_are_none_end_with_two(capsys: pytest.CaptureFixture[str], days: str) -> None:
    assert main(["check", "--days", days]) == 2
    assert "--days" in capsys.readouterr().err


def test_a_disk_too_small_for_the_days_asked_for_is_unfit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--days", "1e9"]) == 4
    assert "FAIL  disk space" in capsys.readouterr().out
