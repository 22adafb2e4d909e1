"""The published JSON Schema of bench files, generated from the same declaration that the reader reads by."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rig.config.load import bench_schema

SCHEMA_FILE = Path(__file__).with_name("bench.schema.json")


def schema_text() -> str:
    """Return the content of ``bench.schema.json``."""
    return json.dumps(bench_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
