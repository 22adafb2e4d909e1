"""The door: light, and clear about what is wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

from rig.cli.main import build_parser, main

HEAVY = ("numpy", "scipy", "matplotlib", "jinja2", "typst", "yaml", "serial", "asyncio", "pydantic", "rich", "pytest")


def _imported_by(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*[m for m in {HEAVY!r} if m in sys.modules])"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_help_imports_nothing_heavy() -> None:
    assert _imported_by("from rig.cli.main import build_parser\nbuild_parser().format_help()") == set()


def test_the_pytest_wiring_imports_nothing_heavy_until_a_scenario_runs() -> None:
    assert _imported_by("import fixtures.scenario_files, fixtures.bench, fixtures.options") <= {"pytest", "asyncio"}


def test_every_command_of_the_parser_has_its_module() -> None:
    parser = build_parser()
    text = parser.format_help()
    for command in ("run", "check", "simulate", "runs", "analyse", "report", "audit", "sign"):
        assert f"    {command}" in text


def test_an_unknown_bench_is_one_line_that_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "quick", "--bench", "simulatd", "--dry-run"]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "simulated" in captured.err


def test_an_unknown_scenario_is_one_line_that_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "basal_24", "--dry-run"]) == 2
    assert "basal_24h" in capsys.readouterr().err


def test_a_dry_run_tells_volumes_and_end_and_touches_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.chdir(str(tmp_path))
    assert main(["run", "basal_24h", "--dry-run"]) == 0
    text = capsys.readouterr().out
    assert "49.000" in text
    assert "reservoir" in text
    assert "planned end" in text
    assert "nothing was touched" in text
    assert list(__import__("pathlib").Path().iterdir()) == []


def test_a_python_scenario_is_refused_in_words(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "scenario.py"
    file.write_text("raise SystemExit(0)\n")
    assert main(["run", str(file), "--dry-run"]) == 2
    assert "no scenarios written in Python" in capsys.readouterr().err


def test_an_unexpected_error_is_one_line_and_never_the_exit_code_of_a_fail(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_name: object) -> None:
        raise KeyError("a defect")

    monkeypatch.setattr("rig.cli.run.load_bench", broken)
    assert main(["run", "quick"]) == 4
    assert capsys.readouterr().err == "rig: unexpected KeyError: 'a defect'; try: the same with --debug\n"
