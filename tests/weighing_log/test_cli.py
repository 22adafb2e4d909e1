"""Several logs, runs beside logs, text and figures."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from rig.cli.main import main
from tests.weighing_log.logs import PLAIN, refusal, steady, told, write
from tests.weighing_log.test_bolus import bolus_log
from tests.weighing_log.test_budget import EX_13, budget_file


def test_several_logs_give_layout_a_over_pumps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs = [
        write(tmp_path / f"{name}.csv", steady([error] * 28)) for name, error in (("a", 2.0), ("b", -4.0), ("c", 1.0))
    ]
    found = told(capsys, *logs, "--basal", "1.0 U/h", *PLAIN)
    assert [item["file"] for item in found["logs"]] == logs
    assert found["logs"][1]["overall_error_pct"] == pytest.approx(-4.0)
    over = found["over_pumps"]
    assert [(column["at_h"], column["count"], column["requested_u"]) for column in over["cumulative"]] == [
        (1.0, 3, 1.0),
        (6.0, 3, 6.0),
    ]
    six = over["cumulative"][1]
    assert (six["median_u"], six["min_u"], six["max_u"]) == (
        pytest.approx(6.06),
        pytest.approx(5.76),
        pytest.approx(6.12),
    )
    assert over["tolerance_interval"]["n"] == 3


def test_an_invalid_log_does_not_count_as_a_pump(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = write(tmp_path / "good.csv", steady([0.0] * 8))
    bad = write(tmp_path / "bad.csv", [row for row in steady([9.0] * 8) if row[0] != 900.0])
    over = told(capsys, good, bad, "--basal", "1.0 U/h", *PLAIN, code=4)["over_pumps"]
    assert over["count"] == 1
    assert over["cumulative"][0]["max_u"] == pytest.approx(1.0)
    assert over["tolerance_interval"] is None
    assert over["notes"] == [f"INVALID and left out: {bad}"]
    assert main(["analyse", bad, bad.replace("bad", "./bad"), "--basal", "1 U/h"]) == 2
    assert "the same log" in capsys.readouterr().err


def test_boluses_of_several_pumps_are_pooled_beside_the_means_of_the_pumps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, events = bolus_log(tmp_path, [1.0, 1.02], 1.0, name="one.csv")
    two, others = bolus_log(tmp_path, [0.9, 0.98, 1.0], 1.0, name="two.csv")
    found = told(capsys, one, two, "--bolus", "1 U", "--events", events, "--events", others, *PLAIN)["over_pumps"]
    assert [pump["mean_error_pct"] for pump in found["per_pump"]] == pytest.approx([1.0, -4.0])
    assert found["pooled"]["count"] == 5
    assert found["pooled"]["mean_error_pct"] == pytest.approx(-2.0)
    interval = found["tolerance_interval"]
    assert (interval["n"], interval["of"]) == (2, "mean errors of the pumps")
    assert interval["lower_pct"] < -4.0 < 1.0 < interval["upper_pct"]
    shared = told(capsys, one, two, "--bolus", "1 U", "--events", events, *PLAIN)
    assert [len(item["boluses"]) for item in shared["logs"]] == [2, 2]
    words = "3 events files for 2 log(s)"
    assert words in refusal(capsys, one, two, "--bolus", "1 U", *["--events", events] * 3)


def test_runs_and_logs_do_not_mix_and_a_run_takes_no_options_of_a_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write(tmp_path / "log.csv", steady([0.0]))
    run = tmp_path / "run"
    (run / "evidence").mkdir(parents=True)
    assert "in one call" in refusal(capsys, log, str(run), "--basal", "1 U/h")
    assert "--basal, --liquid with a stored run" in refusal(capsys, str(run), "--basal", "1 U/h", "--liquid", "water")
    assert "no run" in refusal(capsys, str(tmp_path / "nothing"))
    assert "cannot be read" in refusal(capsys, str(tmp_path / "nothing.csv"), "--basal", "1 U/h")


def test_the_text_says_what_was_found_and_what_was_assumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write(tmp_path / "log.csv", steady([2.0] * 8))
    assert main(["analyse", log, "--basal", "1.0 U/h", "--budget", budget_file(tmp_path, EX_13)]) == 0
    text = capsys.readouterr().out
    for words in (
        "overall error  +2.291 % +- 0.440 % (k = 2)",
        "delivered      2.0458 U of 2.0000 U",
        "window min  windows",
        "one-hour windows  n = 2",
        "20.00 C (assumed), 50.00 %RH (assumed), 1013.25 hPa (assumed)",
        "no liquid stated, water assumed",
        "uncertainty budget",
        "REPORT ONLY: a weighing log names no limit",
    ):
        assert words in text, words
    broken = write(tmp_path / "broken.csv", [row for row in steady([0.0] * 8) if row[0] != 900.0])
    assert main(["analyse", log, broken, "--basal", "1.0 U/h"]) == 4
    text = capsys.readouterr().out
    assert "INVALID: 1 gap(s) in the analysis" in text
    assert "uncertainty not stated" in text
    assert "cumulative (layout A)" in text


def test_the_text_of_boluses_has_their_bins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, events = bolus_log(tmp_path, [1.0, 1.07], 1.0)
    assert main(["analyse", log, "--bolus", "1.0 U", "--events", events, *PLAIN]) == 0
    text = capsys.readouterr().out
    assert "bins (layout C)" in text
    assert "105 to 110        1     50.0" in text
    assert "none: volume = mass/density" in text


def test_figures_are_written_as_svg_and_png(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from matplotlib import image  # noqa: PLC0415 - only this test draws

    log = write(tmp_path / "log.csv", steady([float(i % 3) for i in range(16)]))
    folder = tmp_path / "deep" / "figures"
    assert main(["analyse", log, "--basal", "1.0 U/h", "--figures", str(folder)]) == 0
    names = sorted(path.name for path in folder.iterdir())
    drawn = ("cumulative", "startup", "trumpet", "windows-1h")
    assert names == [f"{name}{suffix}" for name in drawn for suffix in (".png", ".svg")]
    pixels = image.imread(io.BytesIO((folder / "trumpet.png").read_bytes()))
    assert pixels.shape[0] > 300
    assert pixels.min() < 0.3
    assert pixels.max() > 0.9
    assert capsys.readouterr().err.count("wrote ") == 8
    (tmp_path / "file").write_text("")
    assert "--figures" in refusal(capsys, log, "--basal", "1 U/h", "--figures", str(tmp_path / "file" / "x"))
