"""The plain words of docs/reference/detection.md, from words.md beside this file."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path


@cache
def words() -> dict[str, str]:
    """Return each part by its name."""
    text = (Path(__file__).parent / "words.md").read_text(encoding="utf-8")
    parts = re.split(r"^<!-- (\w+) -->\n", text, flags=re.MULTILINE)[1:]
    return {name: part.strip() + "\n" for name, part in zip(parts[::2], parts[1::2], strict=True)}
