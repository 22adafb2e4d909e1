"""The reader of weighing logs: whole blocks at a time while all is well, line by line where it is not (design 5.3)."""

from __future__ import annotations

import hashlib
import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from rig.analysis.series import extreme_differences
from rig.errors import UsageError
from rig.metrology.checks import FloatArray
from rig.profiles.strict import printable
from rig.weighing_log.layout import Place, read_header
from rig.weighing_log.quotes import without_quotes
from rig.weighing_log.rows import Grammar, Quantity, careful_rows
from rig.weighing_log.scale import changed_unit

REQUIRED = ("time_s", "mass_mg")
OPTIONAL = ("temperature_c", "humidity_pct", "pressure_hpa", "stable")
QUANTITIES = {
    "time_s": Quantity("s", -1e11, 1e11, "seconds, not milliseconds or nanoseconds"),
    "mass_mg": Quantity("mg", -1e8, 1e8),
    "temperature_c": Quantity("C", -20.0, 60.0, "degrees Celsius"),
    "humidity_pct": Quantity("% relative humidity", 0.0, 100.0, "percent, 0 to 100"),
    "pressure_hpa": Quantity("hPa", 300.0, 1200.0, "hPa, not Pa or kPa"),
    "stable": Quantity("", 0.0, 1.0),
}
BLOCK_BYTES = 1 << 20
LONGEST_LINE = 1 << 24  # bytes without an end of line: no log
_COMMENT = re.compile(r"(?m)^[ \t]*#[^\n]*\n")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, eq=False)
class WeighingLog:
    """A weighing log; arrays of shape (n,), n >= 2, ``times_s`` strictly increasing, None where a column is absent."""

    file: str
    sha256: str
    times_s: FloatArray
    masses_mg: FloatArray
    temperature_c: FloatArray | None = None
    humidity_pct: FloatArray | None = None
    pressure_hpa: FloatArray | None = None
    stable: FloatArray | None = None
    ignored: tuple[str, ...] = ()


def read_log(file: str) -> WeighingLog:
    """Return the log in ``file``; ``UsageError`` names line, column, what was found and what was expected.

    UTF-8 with or without a byte-order mark, LF or CRLF, header line, comma, dot decimals; lines that begin with ``#``
    and blank lines are skipped, columns that nobody knows are ignored. Read in pieces: memory is that of the numbers.
    """
    place = Place(file)
    table, grammar, digest = read_table(file, REQUIRED, OPTIONAL, QUANTITIES)
    if table.shape[0] < 2:
        raise UsageError(f"{table.shape[0]} rows of data", where=file, expected="at least 2")
    columns = {name: np.ascontiguousarray(table[:, i]) for i, name in enumerate(grammar.layout.columns)}
    _one_unit(columns["mass_mg"], file, place)
    humidity = columns.get("humidity_pct")
    if humidity is not None and 0.0 < float(humidity.max()) <= 1.0:
        raise UsageError(
            f"no value above {float(humidity.max()):g}: a fraction?",
            where=place.at(column="humidity_pct"),
            expected="percent relative humidity",
        )
    return WeighingLog(
        file=file,
        sha256=digest,
        times_s=columns["time_s"],
        masses_mg=columns["mass_mg"],
        temperature_c=columns.get("temperature_c"),
        humidity_pct=humidity,
        pressure_hpa=columns.get("pressure_hpa"),
        stable=columns.get("stable"),
        ignored=grammar.layout.ignored,
    )


def read_table(
    file: str, required: tuple[str, ...], optional: tuple[str, ...], quantities: dict[str, Quantity]
) -> tuple[FloatArray, Grammar, str]:
    """Return the known columns of a CSV file as an array of shape (n, k), how it was read, and its SHA-256.

    The first of ``required`` strictly increases. ``UsageError`` for whatever is wrong with the file.
    """
    digest = hashlib.sha256()
    place = Place(file)
    grammar: Grammar | None = None
    parts: list[FloatArray] = []
    line, row, previous = 1, 1, -math.inf
    with _opened(file) as stream:
        for block in _blocks(stream, place):
            digest.update(block)
            data, start = block, line
            if grammar is None:
                found = _split_header(block, place, line)
                line += block.count(b"\n")
                if found is None:
                    continue
                header, number, data = found
                layout = read_header(header, required, optional, place, number)
                grammar = Grammar(layout, quantities, required[0], place)
                start = number + 1
            else:
                line += block.count(b"\n")
            part = _fast(data, grammar, previous)
            if part is None:
                part = _careful(data, grammar, start, row, previous)
            if part.shape[0]:
                previous = float(part[-1, 0])
                row += part.shape[0]
                parts.append(part)
    if grammar is None:
        raise UsageError("the file is empty", where=file, expected=f"a header line such as '{','.join(required)}'")
    table = np.concatenate(parts) if parts else np.empty((0, len(grammar.layout.columns)))
    return table, grammar, digest.hexdigest()


def _opened(file: str) -> BinaryIO:
    """Return the file opened for reading; ``UsageError`` says why it cannot be."""
    try:
        return Path(file).open("rb")
    except IsADirectoryError:
        raise UsageError("this is a folder", where=file, expected="a CSV file") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(f"cannot be read: {reason}", where=printable(file), expected="a CSV file") from None


def _blocks(stream: BinaryIO, place: Place) -> Iterator[bytes]:
    """Yield whole lines, about a megabyte at a time; the last line gets its end if it has none."""
    rest = stream.read(len(_BOM)).removeprefix(_BOM)
    if rest[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise UsageError("the file is UTF-16", where=place.file, expected="UTF-8", hint="save it as 'CSV UTF-8'")
    while chunk := stream.read(BLOCK_BYTES):
        cut = chunk.rfind(b"\n") + 1
        if cut:
            yield rest + chunk[:cut]
            rest = chunk[cut:]
        else:
            rest += chunk
        if len(rest) > LONGEST_LINE:
            raise UsageError(f"a line of more than {LONGEST_LINE} bytes", where=place.file, expected="a CSV file")
    if rest:
        yield rest if rest.endswith(b"\n") else rest + b"\n"


def _split_header(block: bytes, place: Place, line: int) -> tuple[str, int, bytes] | None:
    """Return the header, its line number and what comes after it; None when only comments and blanks are there."""
    position = 0
    while position < len(block):
        end = block.index(b"\n", position)
        text = _decoded(block[position:end], place, line).removesuffix("\r")
        position = end + 1
        if text.strip() and not text.lstrip(" \t").startswith("#"):
            return text, line, block[position:]
        line += 1
    return None


def _decoded(data: bytes, place: Place, first_line: int) -> str:
    """Return ``data`` as text; ``UsageError`` names the line that is not UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        number = first_line + data.count(b"\n", 0, error.start)
        raise UsageError(
            f"the byte 0x{data[error.start]:02x} is not UTF-8",
            where=place.at(number),
            expected="a text file in UTF-8",
            hint="save it as 'CSV UTF-8'",
        ) from None


def _fast(block: bytes, grammar: Grammar, previous: float) -> FloatArray | None:
    """Return the rows of a block that holds nothing unusual, in the order of the layout's columns, else None."""
    layout = grammar.layout
    plain = block.replace(b"\r\n", b"\n") if b"\r" in block else block
    if b"\r" in plain:
        return None
    try:
        text = plain.decode("utf-8")
        if "#" in text:
            text = _COMMENT.sub("", text)
        fields: bytes | None = text.encode("utf-8")
        if '"' in text:
            fields = without_quotes(text.encode("utf-8"))
            text = "" if fields is None else fields.decode("utf-8")
        if fields is None or not _regular(fields, layout.count):
            return None
        table = np.loadtxt(io.StringIO(text), delimiter=",", comments=None, usecols=layout.indexes, ndmin=2)
    except ValueError:  # a field that is no number, or bytes that are no text
        return None
    return table if _believable(table, grammar, previous) else None


def _regular(block: bytes, count: int) -> bool:
    """Return whether every line holds ``count`` fields, by its commas alone; False for an empty block."""
    signs = np.frombuffer(block, dtype=np.uint8)
    signs = signs[(signs == ord(",")) | (signs == ord("\n"))]
    if not signs.size or signs.size % count:
        return False
    lines = signs.reshape(-1, count)
    return bool((lines[:, -1] == ord("\n")).all() and (lines[:, :-1] == ord(",")).all())


def _believable(table: FloatArray, grammar: Grammar, previous: float) -> bool:
    """Return whether time increases and every value is within its column's bounds (NaN and infinity are not)."""
    for position, name in enumerate(grammar.layout.columns):
        column = table[:, position]
        quantity = grammar.quantities[name]
        if not (column.min() >= quantity.lowest and column.max() <= quantity.highest):
            return False
        if not quantity.unit and not ((column == 0.0) | (column == 1.0)).all():
            return False
        if name == grammar.increasing and not (column[0] > previous and _increases(column)):
            return False
    return True


def _increases(column: FloatArray) -> bool:
    """Return whether each value is above the one before."""
    return column.size < 2 or extreme_differences(column, 1)[0] > 0.0


def _careful(data: bytes, grammar: Grammar, line: int, row: int, previous: float) -> FloatArray:
    """Return the rows of a block read line by line, or raise what is wrong with it."""
    text = _decoded(data, grammar.place, line)
    rows = careful_rows(text, grammar, line, row, previous)
    return np.array([item.values for item in rows], dtype=np.float64).reshape(-1, len(grammar.layout.columns))


def _one_unit(masses_mg: FloatArray, file: str, place: Place) -> None:
    """Refuse a log whose masses change their unit on the way."""
    index = changed_unit(masses_mg)
    if index is not None:
        before, after = float(masses_mg[index - 1]), float(masses_mg[index])
        raise UsageError(
            f"the mass goes from {before:.10g} to {after:.10g}, and its steps with it: the unit changes on the way",
            where=place.at(line_of_row(file, index + 1), index + 1, "mass_mg"),
            expected="mg in every row",
        )


def line_of_row(file: str, row: int) -> int:
    """Return the line of a data row, both from 1; 0 where the file cannot be read a second time."""
    path = Path(file)
    if not path.is_file():
        return 0
    with path.open("rb") as stream:
        seen = -1  # the header comes first
        for number, line in enumerate(stream, start=1):
            if line.strip() and not line.removeprefix(_BOM).lstrip(b" \t").startswith(b"#"):
                seen += 1
                if seen == row:
                    return number
    return 0
