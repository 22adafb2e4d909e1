"""Heavy libraries, loaded when the first report is drawn and not when the rig starts."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def late(name: str) -> Any:
    """Return the module ``name``, importing it now if this is its first use (matplotlib alone takes about a second)."""
    return import_module(name)
