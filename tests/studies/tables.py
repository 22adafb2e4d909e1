"""The published tables of `tests/data/published`, and what a study's percentages are computed from."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Any

from rig.paths import checkout

PUBLISHED = checkout() / "tests/data/published"


@dataclass(frozen=True, slots=True)
class OutsideRows:
    """One pump of a study that counts doses and windows outside limits; percentages, limits in percent."""

    single_limits: tuple[float, ...]
    window_doses: tuple[int, ...]
    window_limit: float
    single_pct: tuple[float, ...]
    windows_pct: tuple[float, ...]

    @property
    def observed(self) -> tuple[float, ...]:
        """Return singles, then windows."""
        return (*self.single_pct, *self.windows_pct)

    @property
    def names(self) -> tuple[str, ...]:
        """Return what each row counts."""
        singles = [f"single ±{limit:g} %" for limit in self.single_limits]
        windows = [f"{doses} doses ±{self.window_limit:g} %" for doses in self.window_doses]
        return (*singles, *windows)


def load(name: str) -> dict[str, Any]:
    """Return a file of published figures: 'labels' or 'studies'."""
    return tomllib.loads((PUBLISHED / f"{name}.toml").read_text())


def label(pump: str) -> dict[str, Any]:
    """Return the label of a pump."""
    found: dict[str, Any] = next(entry for entry in load("labels")["label"] if entry["pump"] == pump)
    return found


def jahn_rows(pump: str, dose_u: float) -> OutsideRows:
    """Return a pump's rows of Jahn 2013; ``dose_u`` says how many doses a window of 0.5 U/h holds."""
    study = load("studies")["jahn"]
    outside = study["outside_pct"][pump]
    return OutsideRows(
        single_limits=tuple(study["single_limits_pct"]),
        window_doses=tuple(round(hours * study["rate_u_per_h"] / dose_u) for hours in study["window_hours"]),
        window_limit=study["window_limit_pct"],
        single_pct=tuple(outside["single"]),
        windows_pct=tuple(outside["windows"]),
    )


def bowen_rows(pump: str) -> OutsideRows:
    """Return a pump's rows of Bowen and Allender 2016."""
    study = load("studies")["bowen"]
    outside = study["outside_pct"][pump]
    return OutsideRows(
        single_limits=tuple(study["single_limits_pct"]),
        window_doses=tuple(study["window_pulses"]),
        window_limit=study["window_limit_pct"],
        single_pct=tuple(outside["single"]),
        windows_pct=tuple(outside["windows"]),
    )
