"""The reader: what it takes, and one line for each thing that it refuses."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rig.errors import UsageError
from rig.weighing_log import read
from rig.weighing_log.read import read_log
from tests.weighing_log.logs import refusal

HEADER = "time_s,mass_mg\n"
GOOD = "".join(f"{60 * i},{i * 0.166:.3f}\n" for i in range(20))


def read_text(text: str | bytes, tmp_path: Path) -> read.WeighingLog:
    path = tmp_path / "log.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_log(str(path))


def test_a_log_may_have_a_byte_order_mark_crlf_comments_blanks_and_columns_nobody_knows(tmp_path: Path) -> None:
    text = (
        "\ufeff# bench 3\r\n\r\nnote, temperature_c ,mass_mg,time_s,humidity_pct,pressure_hpa,stable\r\n"
        "a,20.5,1.25,10,50,1000,1\r\n  # a bump\r\nß #1,20.7,1.5,11.5,51,1001,0\r\n\r\n"
    )
    log = read_text(text, tmp_path)
    assert log.times_s.tolist() == [10.0, 11.5]
    assert log.masses_mg.tolist() == [1.25, 1.5]
    assert log.temperature_c is not None
    assert log.temperature_c.tolist() == [20.5, 20.7]
    assert log.stable is not None
    assert log.stable.tolist() == [1.0, 0.0]
    assert log.ignored == ("note",)


def test_a_log_may_lack_its_last_line_end_and_may_quote_its_fields(tmp_path: Path) -> None:
    log = read_text('"time_s","mass_mg","why"\n0,"1","a, b"\n5,2,', tmp_path)
    assert log.masses_mg.tolist() == [1.0, 2.0]


def test_any_origin_and_any_increasing_time_will_do(tmp_path: Path) -> None:
    log = read_text(HEADER + "-5,7\n1e1,-8.5\n+1700000000.25,.5\n", tmp_path)
    assert log.times_s.tolist() == [-5.0, 10.0, 1700000000.25]
    assert log.masses_mg.tolist() == [7.0, -8.5, 0.5]


QUOTED = "time_s,note,mass_mg\n" + "".join(f'{i}, "so ""far"", {i}","{i / 4}"\n' for i in range(500))


def test_quoted_fields_are_read_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("read line by line")

    monkeypatch.setattr(read, "_careful", never)
    log = read_text(QUOTED, tmp_path)
    assert log.times_s.tolist() == list(range(500))
    assert log.masses_mg.tolist() == [i / 4 for i in range(500)]


pieces = st.sampled_from(['"', '""', ",", " ", "1", "2", ".5", "a", "\t", "#", "\n", "ß", "\r\n"])
fields = st.one_of(
    st.sampled_from(["%s", '"%s"', ' "%s"', '  "%s"', '"%s" ', '"%s"""', '" %s "', '"%s"1', '"%s,"']),
    st.lists(pieces, max_size=4).map("".join).map(lambda text: text.replace("%", "")),
)


@given(st.lists(st.tuples(fields, fields, fields), min_size=2, max_size=4))
def test_blocks_with_quotes_are_read_or_refused_as_line_by_line(rows: list[tuple[str, str, str]]) -> None:
    text = "time_s,note,mass_mg\n" + "".join(
        ",".join(field.replace("%s", str(index)) for field in row) + "\n" for index, row in enumerate(rows)
    )
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        found = [_outcome(text, Path(folder))]
        patch.setattr(read, "_fast", lambda *_: None)
        found.append(_outcome(text, Path(folder)))
    assert found[0] == found[1]


def _outcome(text: str, folder: Path) -> object:
    try:
        log = read_text(text, folder)
    except UsageError as error:
        return str(error)
    return log.times_s.tolist(), log.masses_mg.tolist()


REFUSED = {
    "text in a number": (
        HEADER + "0,0\n60,abc\n",
        "line 3 (data row 2), column mass_mg",
        "'abc' is not a number",
        "mg",
    ),
    "two headers": (HEADER + GOOD + HEADER + GOOD, "line 22 (data row 21)", "second header", "one header"),
    "another header": (HEADER + GOOD + "time_s,mass_g\n", "line 22", "second header", "one header"),
    "decimal commas": (HEADER + "0,0\n60,0,166\n", "line 3 (data row 2)", "decimal commas", "dot for decimals"),
    "semicolons in the header": ("time_s;mass_mg\n0;0,1\n", "line 1", "decimal commas", "dot for decimals"),
    "semicolons in a row": (HEADER + "0;0\n", "line 2", "decimal commas", "dot for decimals"),
    "a quoted decimal comma": (HEADER + '0,0\n60,"0,166"\n', "column mass_mg", "decimal comma", "mg"),
    "tabs": ("time_s\tmass_mg\n0\t1\n", "line 1", "tabs", "commas"),
    "nan": (HEADER + "0,0\nnan,1\n", "line 3 (data row 2), column time_s", "'nan' is not a finite number", "s"),
    "infinity": (HEADER + "0,-inf\n", "line 2 (data row 1), column mass_mg", "finite", "mg"),
    "a number beyond floats": (HEADER + "0,1e400\n", "column mass_mg", "1e400", "mg"),
    "an underscore": (HEADER + "0,0\n1_000,3\n", "column time_s", "'1_000' is not a number", "s"),
    "hexadecimal": (HEADER + "0,0\n0x10,3\n", "column time_s", "'0x10' is not a number", "s"),
    "a unit in a value": (HEADER + "0,0\n60,12.3 g\n", "line 3", "carries a unit, 'g'", "mg"),
    "the right unit in a value": (HEADER + "0,0\n60,12.3mg\n", "line 3", "carries a unit, 'mg'", "mg"),
    "mass in g": ("time_s,mass_g\n0,0\n", "line 1", "'mass_mg' is missing; 'mass_g' is there", "milligrams"),
    "time in ms": ("time_ms,mass_mg\n0,0\n", "line 1", "'time_ms' is there", "seconds"),
    "a change from mg to g": (
        HEADER + "".join(f"{i},{i * (1.66 if i < 50 else 0.00166):.5f}\n" for i in range(100)),
        "line 52 (data row 51), column mass_mg",
        "the unit changes on the way",
        "mg in every row",
    ),
    "a change from g to mg": (
        "# comment\n" + HEADER + "".join(f"{i},{i * (1.66 if i > 50 else 0.00166):.5f}\n" for i in range(100)),
        "line 54 (data row 52), column mass_mg",
        "the unit changes on the way",
        "mg in every row",
    ),
    "time backwards": (HEADER + "0,0\n60,1\n50.5,2\n", "line 4", "backwards: 50.5 s after 60 s", "strictly increasing"),
    "time standing": (HEADER + "0,0\n60,1\n60,2\n", "line 4", "time stands still: 60 s twice", "strictly increasing"),
    "a missing column": ("time_s,x\n0,1\n", "line 1", "'mass_mg' is missing", "milligrams"),
    "no header": ("0,0\n60,1\n", "line 1", "no header", "time_s,mass_mg"),
    "an empty file": ("", "log.csv", "empty", "time_s,mass_mg"),
    "only comments": ("# a\n\n", "log.csv", "empty", "time_s,mass_mg"),
    "a header alone": (HEADER, "log.csv", "0 rows", "at least 2"),
    "a single row": (HEADER + "0,0\n", "log.csv", "1 rows", "at least 2"),
    "a column twice": ("time_s,mass_mg,mass_mg\n0,0,0\n", "line 1", "'mass_mg' is named 2 times", "one column"),
    "an empty field": (HEADER + "0,0\n60,\n", "line 3 (data row 2), column mass_mg", "empty", "mg"),
    "too few fields": (HEADER + "0,0\n60\n", "line 3", "1 field;", "2, one for each name"),
    "a comma at the end": (HEADER + "0,0,\n", "line 2", "3 fields", "no comma at the end"),
    "endless digits": (HEADER + f"0,0\n60,{'1' * 200_000}^\n", "line 3", "is not a number", "mg"),
    "an open quote": (HEADER + '0,0\n60,"1\n', "line 3", "quote", "2, one for each name"),
    "stable 2": ("time_s,mass_mg,stable\n0,0,1\n60,1,2\n", "line 3", "column stable: 2", "0 or 1"),
    "stable yes": ("time_s,mass_mg,stable\n0,0,yes\n", "column stable", "'yes'", "0 or 1"),
    "kelvin": ("time_s,mass_mg,temperature_c\n0,0,293.1\n", "column temperature_c", "293.1", "Celsius"),
    "pascal": ("time_s,mass_mg,pressure_hpa\n0,0,101325\n", "column pressure_hpa", "101325", "hPa, not Pa"),
    "humidity above 100": ("time_s,mass_mg,humidity_pct\n0,0,101\n", "column humidity_pct", "101", "0 to 100"),
    "a fraction of humidity": (
        "time_s,mass_mg,humidity_pct\n0,0,0.5\n9,1,0.5\n",
        "humidity_pct",
        "fraction",
        "percent",
    ),
    "milliseconds since 1970": (HEADER + "1700000000000,1\n", "column time_s", "1700000000000", "not milliseconds"),
    "CR alone": ("time_s,mass_mg\r0,0\r", "line 1", "CR alone", "LF or CRLF"),
    "CR inside a line": (HEADER + "0,0\r60,1\n", "line 2", "control character", "LF or CRLF"),
    "a byte of zero": (HEADER + "0,1\x002\n", "line 2", "control character", "LF or CRLF"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_one_line_with_place_finding_and_expectation(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, *parts = REFUSED[name]
    path = tmp_path / "log.csv"
    path.write_text(text, newline="")
    line = refusal(capsys, str(path), "--basal", "1.0 U/h")
    assert line.startswith(str(path))
    assert "; expected " in line
    for part in parts:
        assert part in line, line


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (b"time_s,mass_mg\n0,0\n60,1\n# \xb5g\n", ("line 4", "0xb5 is not UTF-8", "UTF-8")),
        ((HEADER + GOOD).encode("utf-16"), ("UTF-16", "UTF-8")),
        (bytes(range(256)) * 9, ("expected",)),
    ],
)
def test_a_file_that_is_no_utf_8_is_refused(data: bytes, parts: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_text(data, tmp_path)
    assert all(part in str(caught.value) for part in parts)


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "this is a folder" in refusal(capsys, str(tmp_path), "--basal", "1.0 U/h")
    assert "No such file" in refusal(capsys, str(tmp_path / "none.csv"), "--basal", "1.0 U/h")


def test_a_line_without_an_end_is_refused_before_memory_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "BLOCK_BYTES", 64)
    monkeypatch.setattr(read, "LONGEST_LINE", 256)
    with pytest.raises(UsageError, match="a line of more than 256 bytes"):
        read_text(HEADER + "0" * 1000, tmp_path)


@pytest.mark.parametrize(
    "rows",
    [
        [(0, 0.01), (60, 0.009), (120, 9.98), (180, 9.981), (240, 9.979)],  # a bolus of 1 U from a baseline of 10 ug
        [(0, 124.6), (60, 124.61), (120, 124.6), (180, 0.124), (240, 0.126), (300, 0.125)],  # tared
        [(0, 0.0), (60, 0.166), (120, 0.332), (180, 0.498)],
    ],
)
def test_a_bolus_and_a_tared_balance_are_no_change_of_unit(rows: list[tuple[float, float]], tmp_path: Path) -> None:
    log = read_text(HEADER + "".join(f"{t},{m}\n" for t, m in rows), tmp_path)
    assert log.masses_mg.tolist() == [m for _, m in rows]


ODD = '|nan|inf|1_0|0x1|1e400|1e5| 7 |5.|abc|1,5|"3"|"3|#|\t2|1 g|time_s|２|\xa04|1d5|\u20095|-|1\r|\x0b1|;|1;2|\x1c3'
TOKENS = st.one_of(
    st.floats(-1e6, 1e6, allow_nan=False).map(repr), st.integers(-9, 99).map(str), st.sampled_from(ODD.split("|"))
)
LINES = st.one_of(
    st.lists(TOKENS, min_size=1, max_size=4).map(",".join),
    st.sampled_from(["", "# 1,2", "  # x", " ", "time_s,mass_mg,stable", "#,5,6"]),
)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Draw a log with mostly good rows, increasing times and now and then something else."""
    header = draw(st.sampled_from(["time_s,mass_mg", "x,mass_mg,time_s", "time_s,mass_mg,humidity_pct"]))
    width = header.count(",") + 1
    at, lines = 0.0, [header]
    for _ in range(draw(st.integers(0, 12))):
        if draw(st.integers(0, 9)) == 0:
            lines.append(draw(LINES))
            continue
        at += draw(st.sampled_from([0.1, 1.0, 60.0]))
        mass = repr(draw(st.floats(0, 100)))
        lines.append(",".join([f"{at:.1f}", mass, "50"][:width] if header[0] == "t" else ["n", mass, f"{at:.1f}"]))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return (end.join(lines) + draw(st.sampled_from(["", end]))).encode()


def outcome(data: bytes) -> tuple[str, object]:
    """Return what the reader makes of ``data``: its numbers, or its message."""
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(data)
        file.flush()
        try:
            table, _, _ = read.read_table(file.name, read.REQUIRED, read.OPTIONAL, read.QUANTITIES)
        except UsageError as error:
            return "refused", str(error).replace(file.name, "")
        return "read", table.tolist()


@given(files())
@example(b"x,mass_mg,time_s\n#,5,6\n1,2,7\n1,3,8\n")
@example(b"time_s,mass_mg\n0,\xc2\xa04\n1,\x1c3\n")
def test_the_fast_way_and_the_careful_way_agree_whatever_the_blocks(data: bytes) -> None:
    whole = outcome(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read, "BLOCK_BYTES", 16)
        assert outcome(data) == whole
        patch.setattr(read, "_fast", lambda *_: None)
        assert outcome(data) == whole


TEXTS = st.text(max_size=80).map(lambda text: (HEADER + text).encode("utf-8", "replace"))


@given(st.one_of(st.binary(max_size=200), files(), TEXTS))
def test_no_file_gives_a_traceback_and_every_refusal_is_one_line(data: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(data)
        file.flush()
        try:
            log = read_log(file.name)
        except UsageError as error:
            message = str(error)
        else:
            message = file.name
            assert log.times_s.size == log.masses_mg.size >= 2
            assert np.isfinite(log.masses_mg).all()
            assert (np.diff(log.times_s) > 0.0).all()
    assert message.count(file.name) == 1
    assert "\n" not in message
