"""Take parts of a stored document as they are, tolerating what is absent: a report never fails on a missing part."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reports.formatting import as_number


def mapping(value: Any) -> dict[str, Any]:
    """Return ``value`` when it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def rows(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list; a single object counts as a list of one."""
    if isinstance(value, dict):
        return [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """Return ``value`` as text; nothing for None."""
    if value is None:
        return ""
    return value if isinstance(value, str) else str(value)


def texts(value: Any) -> list[str]:
    """Return the entries of a list as text."""
    return [text(item) for item in value] if isinstance(value, list) else []


def numbers(value: Any) -> list[float]:
    """Return a series with not-a-number where an entry is unknown; empty when there is no series."""
    if not isinstance(value, list):
        return []
    found = (as_number(item) for item in value)
    return [float("nan") if item is None else item for item in found]


def series(source: Any, *names: str) -> tuple[list[float], ...]:
    """Return several series of one object, cut to the shortest that exists; an absent one comes back empty."""
    held = [numbers(mapping(source).get(name)) for name in names]
    length = min((len(item) for item in held if item), default=0)
    return tuple(item[:length] for item in held)


def first(source: dict[str, Any], names: Iterable[str]) -> Any:
    """Return the first value that is not None among ``names``."""
    return next((source[name] for name in names if source.get(name) is not None), None)
