"""A bench by name, by path or from text; and the JSON Schema of a bench file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from rig.config.checks import check_bench, check_drivers
from rig.config.declared import BenchConfig
from rig.errors import ConfigError
from rig.paths import benches_dir, names_in
from rig.profiles.strict import Origin, nearest, parse_toml, read_table, read_toml, table_schema

DEFAULT_BENCH = "simulated"


def load_bench(name_or_path: str | Path = DEFAULT_BENCH) -> BenchConfig:
    """Return a bench by the name of a shipped description or by the path of a TOML file.

    Raises `ConfigError` naming the file, the line and the nearest valid key, or the nearest bench.
    """
    path = _find(name_or_path)
    data, text = read_toml(path)
    bench = _bench(data, text, str(name_or_path) if path == Path(name_or_path) else path.name)
    check_drivers(bench)
    return bench


def parse_bench(text: str, name: str = "bench.toml") -> BenchConfig:
    """Return a bench from TOML text; ``name`` stands in messages."""
    return _bench(parse_toml(text, name), text, name)


def bench_schema() -> dict[str, Any]:
    """Return the JSON Schema of a bench file."""
    schema = table_schema(BenchConfig)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Bench of the insulin-pump rig",
        **schema,
    }


def _bench(data: dict[str, Any], text: str, name: str) -> BenchConfig:
    origin = Origin(name, text)
    bench = replace(read_table(BenchConfig, data, origin), source_name=name, source_text=text)
    check_bench(bench, origin)
    return bench


def _find(name_or_path: str | Path) -> Path:
    """Return the file of a bench: a path that exists, else a name among the shipped ones."""
    text = str(name_or_path)
    path = Path(name_or_path)
    if path.suffix == ".toml" or len(path.parts) > 1:
        if path.is_file():
            return path
        raise ConfigError("no such bench file", where=text)
    names = names_in(benches_dir(), ".toml")
    if text in names:
        return benches_dir() / f"{text}.toml"
    near = nearest(text, names)
    raise ConfigError(
        f"unknown bench '{text}'", expected=f"a file, or one of {', '.join(names)}", hint=near and f"'{near}'"
    )
