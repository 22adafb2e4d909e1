"""What a pump model can do and claims to do, read from data files; every figure carries its provenance mark.

Only a claim that is the maker's, confirmed by a named person with document and date, or declared for the twin may
decide a check; without one the check is REPORT_ONLY. A pump that no driver talks to is data only: it can be looked
up, and no bench can name it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from rig.driver_names import PROFILES
from rig.errors import ConfigError
from rig.profiles.bands import SpeedBand, StepBand
from rig.profiles.claims import Claim, OcclusionClaim
from rig.profiles.data_file import read_facts
from rig.profiles.former import read_former
from rig.profiles.profile import PumpProfile, profile_of
from rig.profiles.strict import Origin, nearest, parse_toml, read_toml
from rig.profiles.tables import HISTORY_KINDS, PumpFacts

__all__ = [
    "HISTORY_KINDS",
    "Claim",
    "OcclusionClaim",
    "PumpFacts",
    "PumpProfile",
    "SpeedBand",
    "StepBand",
    "data_files",
    "load_facts",
    "load_profile",
    "parse_profiles",
    "plug_in_files",
    "profile_ids",
    "profile_text",
    "pump_ids",
    "read_profiles",
]
_HEADING = re.compile(r"^\[pumps\.([a-z0-9-]+)\]", re.MULTILINE)  # finds a pump's file without reading them all


def pump_ids() -> tuple[str, ...]:
    """Return the ids of all shipped pumps, those that are data only included, sorted."""
    return tuple(sorted(_index()))


def profile_ids() -> tuple[str, ...]:
    """Return the ids of all shipped pumps that a bench can name, sorted."""
    return tuple(key for key in pump_ids() if not load_facts(key).data_only)


def load_facts(pump_id: str) -> PumpFacts:
    """Return all that is known of a pump, shipped or a plug-in's; raises `ConfigError` naming the nearest one."""
    return _file(_file_of(pump_id, _index()))[pump_id]


def load_profile(profile_id: str) -> PumpProfile:
    """Return the profile of this id, shipped or a plug-in's, for a run.

    Raises `ConfigError`: an unknown id names the nearest one, one that is data only says so.
    """
    _file_of(profile_id, profile_ids())
    return _profile(profile_id)


def parse_profiles(text: str, name: str) -> dict[str, PumpProfile]:
    """Return the profiles of one data file's text, by id; ``name`` stands in messages."""
    return read_profiles(parse_toml(text, name), Origin(name, text))


def read_profiles(data: dict[str, Any], origin: Origin) -> dict[str, PumpProfile]:
    """Return the profiles of one data file in either layout; pumps that are data only are left out."""
    if "format" not in data:
        return read_former(data, origin)
    facts = read_facts(data, origin)
    return {key: profile_of(pump) for key, pump in facts.items() if not pump.data_only}


def profile_text(profile_id: str) -> str:
    """Return the text of the data file that describes a pump, as it is kept with a run's evidence."""
    return _file_of(profile_id, _index()).read_text(encoding="utf-8")


def data_files() -> tuple[Path, ...]:
    """Return the shipped data files, sorted."""
    return tuple(sorted((Path(__file__).resolve().parent / "data").glob("*.toml")))


def _unknown(pump_id: str, known: Any) -> ConfigError:
    near = nearest(pump_id, known)
    return ConfigError(
        f"unknown pump profile '{pump_id}'",
        expected=f"one of {', '.join(sorted(known))}",
        hint=near and f"'{near}'",
    )


def _file_of(pump_id: str, known: Iterable[str]) -> Path:
    """Return the data file of a pump: a shipped one, else a plug-in's; ``known`` are named when there is none."""
    path = _index().get(pump_id)
    if path is not None:
        return path
    plug_ins = plug_in_files()
    if pump_id not in plug_ins:
        raise _unknown(pump_id, [*known, *plug_ins])
    return plug_ins[pump_id]


def plug_in_files() -> dict[str, Path]:
    """Return the data files of installed plug-ins by the ids of their pumps, those with a shipped id left out.

    They stand in the package that an entry point of the group ``rig.profiles`` names; no code of it is run for this,
    unless it lies inside another package. Raises `ConfigError` when two plug-ins describe pumps of one id.
    """
    from importlib.metadata import entry_points  # noqa: PLC0415 - only an id that is not shipped pays for the search
    from importlib.util import find_spec  # noqa: PLC0415

    found: dict[str, Path] = {}
    for package in sorted({point.value for point in entry_points(group=PROFILES)}):
        spec = find_spec(package)
        for folder in spec.submodule_search_locations or () if spec is not None else ():
            for path in sorted(Path(folder).glob("*.toml")):
                for key in _HEADING.findall(path.read_text(encoding="utf-8")):
                    if key in found:
                        raise ConfigError(f"two plug-ins describe a pump '{key}'", where=f"{found[key]}, {path}")
                    found[key] = path
    return {key: path for key, path in found.items() if key not in _index()}


@cache
def _index() -> dict[str, Path]:
    return {key: path for path in data_files() for key in _HEADING.findall(path.read_text(encoding="utf-8"))}


@cache
def _file(path: Path) -> dict[str, PumpFacts]:
    data, text = read_toml(path)
    return read_facts(data, Origin(path.name, text))


@cache
def _profile(profile_id: str) -> PumpProfile:
    facts = load_facts(profile_id)
    if facts.data_only:
        raise ConfigError(
            f"profile '{profile_id}' is data only: the rig has no driver for this pump ({facts.title})",
            expected=f"a pump with a driver: one of {', '.join(profile_ids())}",
        )
    return profile_of(facts)
