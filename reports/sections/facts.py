"""Any stored object as label and value pairs, so that nothing a bench or tool recorded is left out of the report."""

from __future__ import annotations

from typing import Any

from reports.formatting import UNKNOWN, general, with_unit

SUFFIXES = {
    "_u_per_h": "U/h",
    "_mg_per_h": "mg/h",
    "_mhz": "MHz",
    "_hpa": "hPa",
    "_cm3": "cm³",
    "_mm": "mm",
    "_mg": "mg",
    "_ul": "µL",
    "_pct": "%",
    "_ppm": "ppm",
    "_hz": "Hz",
    "_ns": "ns",
    "_ms": "ms",
    "_s": "s",
    "_h": "h",
    "_c": "°C",
    "_v": "V",
    "_u": "U",
    "_g": "g",
}
ACRONYMS = {
    "id": "ID",
    "utc": "UTC",
    "os": "OS",
    "sha256": "SHA-256",
    "usb": "USB",
    "url": "URL",
    "api": "API",
    "cpu": "CPU",
}


def facts(
    source: dict[str, Any], *, skip: frozenset[str] = frozenset(), prefix: str = ""
) -> tuple[tuple[str, str], ...]:
    """Return every entry of ``source`` as (label, value), nested objects flattened; empty ones are left out."""
    found: list[tuple[str, str]] = []
    for key, value in source.items():
        if key in skip or value is None or value in ("", [], {}):
            continue
        if isinstance(value, dict):
            found.extend(facts(value, prefix=f"{prefix}{key} "))
            continue
        label, unit = label_of(f"{prefix}{key}")
        found.append((label, value_text(value, unit)))
    return tuple(found)


def label_of(key: str) -> tuple[str, str]:
    """Return the words and the unit that a key such as ``inner_diameter_mm`` holds."""
    for suffix, unit in SUFFIXES.items():
        if key.endswith(suffix) and len(key) > len(suffix):
            key, found = key.removesuffix(suffix), unit
            break
    else:
        found = ""
    standard = key.startswith("u_") or " u_" in key
    words = key.replace(" u_", " ").removeprefix("u_").replace("_", " ").replace("-", "-").split()
    shown = " ".join(ACRONYMS.get(word, word) for word in words)
    label = shown[:1].upper() + shown[1:]
    return (f"{label}, standard uncertainty" if standard else label), found


def value_text(value: Any, unit: str = "") -> str:
    """Return any stored value as text."""
    if value is None:
        return UNKNOWN
    if isinstance(value, list):
        return ", ".join(value_text(item, unit) for item in value)
    if isinstance(value, dict):
        return "; ".join(f"{label} {shown}" for label, shown in facts(value))
    return with_unit(_plain_text(value), unit) if not isinstance(value, str) else value


def _plain_text(value: float | bool) -> str:
    """Return a number or a truth value as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return general(value, 6) if isinstance(value, float) else str(value)
