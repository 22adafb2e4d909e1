"""Reading a data file of pumps (format 2): shared figures, one table for each pump, and the sources of all."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, TypeVar

from rig.errors import ConfigError
from rig.profiles.claims import NO_CLAIM, Claim
from rig.profiles.figures import UNKNOWN, Figure, Source
from rig.profiles.marks import CONFIRMED, DECIDING, DECLARED, SOURCED, letters
from rig.profiles.strict import Integer, MapOf, Nested, Origin, nearest, read_table, table_schema
from rig.profiles.tables import PumpFacts

FORMAT = 2
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _File:
    format: Annotated[int, Integer(FORMAT, FORMAT), "2: the layout of this file"]
    sources: Annotated[Mapping[str, Source], MapOf(Nested(Source)), "documents, code and studies, by key"]
    pumps: Annotated[Mapping[str, PumpFacts], MapOf(Nested(PumpFacts), shortest=1), "the pumps, by id"]
    shared: Annotated[PumpFacts, Nested(PumpFacts), "what all pumps of the file have in common"] = field(
        default=PumpFacts()
    )


def read_facts(data: dict[str, Any], origin: Origin) -> dict[str, PumpFacts]:
    """Return the pumps of one data file by id, each with what it takes over from others of the file.

    Raises `ConfigError` for an unknown key, a figure without mark or source, a mark that its sources do not bear out,
    a limit that nobody confirmed, and a pump that takes after itself.
    """
    file = read_table(_File, data, origin)
    place = origin.child("pumps")
    for key, pump in file.pumps.items():
        _check_provenance(key, pump, file.sources, place.child(key))
    _check_provenance("", file.shared, file.sources, origin.child("shared"))
    return {key: _whole(key, file, place.child(key)) for key in file.pumps}


def profiles_schema() -> dict[str, Any]:
    """Return the JSON Schema of a data file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Pump profiles of the insulin-pump rig",
        **table_schema(_File),
    }


def marked(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield whatever in ``value`` carries a mark (figures, claims, rows), each with the keys that lead to it.

    Unknown figures are left out; what contradicts a figure comes after it.
    """
    if isinstance(value, tuple):
        for item in value:
            yield from marked(item, path)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        if hasattr(value, "mark"):
            if value is not UNKNOWN and value is not NO_CLAIM:
                yield path, value
                yield from marked(getattr(value, "also", ()), (*path, "also"))
            return
        for item in dataclasses.fields(value):
            if item.name != "sources":
                yield from marked(getattr(value, item.name), (*path, item.name))


def unknown_keys(pump: PumpFacts) -> tuple[str, ...]:
    """Return the keys of all figures that nobody knows, such as ``bolus.start_delay_s``."""
    tables = [(item.name, getattr(pump, item.name)) for item in dataclasses.fields(pump)]
    found = [name for name, value in tables if isinstance(value, Figure) and not value.known]
    for name, table in tables:
        if dataclasses.is_dataclass(table) and not isinstance(table, type | Figure):
            inner = [(item.name, getattr(table, item.name)) for item in dataclasses.fields(table)]
            found += [f"{name}.{key}" for key, value in inner if isinstance(value, Figure) and not value.known]
    return tuple(found)


def _check_provenance(pump_id: str, pump: PumpFacts, sources: Mapping[str, Source], origin: Origin) -> None:
    for path, item in marked(pump):
        place = origin
        for key in path:
            place = place.child(key)
        for key in item.source:
            if key not in sources:
                near = nearest(key, sources)
                hint = near and f"'{near}'"
                raise ConfigError(f"unknown source '{key}'", where=str(place), expected="a key of [sources]", hint=hint)
        borne_out = {sources[key].mark for key in item.source}
        if borne_out != {letter for letter in letters(item.mark) if letter in SOURCED}:
            raise ConfigError(
                f"the mark '{item.mark}' and its sources {', '.join(item.source) or '(none)'} do not go together",
                where=str(place),
                expected="for each of M, C, P and W a source of that kind, and no other source",
            )
        if isinstance(item, Claim):
            _check_claim(pump_id, item, str(place))


def _check_claim(pump_id: str, claim: Claim, where: str) -> None:
    """Refuse a limit that nobody stands for: it would look like a claim."""
    if claim.mark == CONFIRMED:
        raise ConfigError(
            "a claim is confirmed for one pump, not for a model",
            where=where,
            expected="[pump.claims.basal] or [pump.claims.bolus] in the bench file",
        )
    if claim.mark == DECLARED and not pump_id.startswith("sim-"):
        raise ConfigError("only a sim-* profile has a claim declared for the twin", where=where, expected="'M' or 'G'")
    limits = (claim.limit_pct, claim.small_below_u, claim.small_limit_u)
    if claim.mark not in DECIDING and limits != (None, None, None):
        raise ConfigError(
            f"a claim marked '{claim.mark}' cannot be a limit",
            where=where,
            expected="said_pct, or the maker's document and the mark 'M'",
        )


def _whole(key: str, file: _File, origin: Origin, seen: tuple[str, ...] = ()) -> PumpFacts:
    """Return one pump with what it takes over: from the pump it takes after, else from the shared table."""
    own = file.pumps[key]
    if key in seen:
        raise ConfigError(f"{key} takes after itself", where=str(origin.child("like")), expected="another pump")
    if own.like and own.like not in file.pumps:
        near = nearest(own.like, file.pumps)
        raise ConfigError(
            f"no pump '{own.like}' in this file", where=str(origin.child("like")), expected="a pump", hint=near
        )
    base = _whole(own.like, file, origin, (*seen, key)) if own.like else file.shared
    whole: PumpFacts = replace(_merged(base, own), id=key, sources=tuple(file.sources.items()))
    if not whole.title or not whole.maker:
        raise ConfigError("a pump without title or maker", where=str(origin), expected="both")
    return whole


def _merged(base: T, own: T) -> T:
    """Return ``own`` with what it leaves out taken from ``base``; a figure or list is taken whole."""
    values = {}
    for item in dataclasses.fields(own):  # type: ignore[arg-type]
        mine, theirs = getattr(own, item.name), getattr(base, item.name)
        if isinstance(mine, Figure | Claim):
            values[item.name] = theirs if mine is UNKNOWN or mine is NO_CLAIM else mine
        elif dataclasses.is_dataclass(mine):
            values[item.name] = _merged(theirs, mine)
        else:
            values[item.name] = theirs if mine in ("", (), -1) else mine
    return type(own)(**values)
