"""Finds drivers by name, through entry points, when they are asked for; refuses what cannot be one, in one line.

The whole of a plug-in is the code of whoever installed it: it runs in this process with all its rights. What is refused
here is a mistake, not an attack.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from rig.driver_names import DISTRIBUTION, GROUPS, SHIPPED, driver_names
from rig.errors import ConfigError
from rig.plugins.air import AirSensor
from rig.plugins.electrical_roles import MeterDriver, SupplyDriver
from rig.plugins.roles import FlowSourceDriver
from rig.plugins.spec import API, Address, BalanceDriver, DriverSpec, PumpDriver
from rig.profiles.strict import nearest
from rig.transport.links import Link, Links


@dataclass(frozen=True, slots=True)
class Found:
    """A driver and where it came from; ``target`` is ``module:attribute``, ``distribution`` its name and version."""

    spec: DriverSpec
    target: str
    distribution: str
    version: str

    @property
    def third_party(self) -> bool:
        """Say whether it is not one of the rig's own."""
        return self.target not in SHIPPED[GROUPS[self.spec.role]].values()


@dataclass(frozen=True, slots=True)
class _Offer:
    """Somebody's promise of a driver, not yet loaded."""

    target: str
    distribution: str
    version: str

    def __str__(self) -> str:
        """Name the distribution for messages."""
        return f"{self.distribution} {self.version}".strip()


def find_driver(role: str, name: str, where: str = "") -> Found:
    """Return the driver ``name`` for ``role`` (a key of `GROUPS`); it is loaded now, and once in a process.

    Raises `ConfigError` at ``where`` for an unknown name (with the nearest, and all that were found), two plug-ins of
    one name, another API, and what is no `DriverSpec` or cannot be loaded.
    """
    try:
        return _find(role, name)
    except ConfigError as error:
        if not where:
            raise
        raise ConfigError(error.what, where=where, expected=error.expected, hint=error.hint) from error


def open_pump(found: Found, links: Links, link: Link, address: Address) -> PumpDriver:
    """Return the driver of one pump; nothing is sent. Raises `ConfigError` where it lacks what it says it can do."""
    return cast("PumpDriver", _opened(found, "pump", links, link, address))


def open_balance(found: Found, links: Links, link: Link, address: Address) -> BalanceDriver:
    """Return the driver of one balance; nothing is sent. Raises `ConfigError` as `open_pump` does."""
    return cast("BalanceDriver", _opened(found, "balance", links, link, address))


def open_supply(found: Found, links: Links, link: Link, address: Address) -> SupplyDriver:
    """Return the driver of one output of a supply; nothing is sent. Raises `ConfigError` as `open_pump` does."""
    return cast("SupplyDriver", _opened(found, "supply", links, link, address))


def open_meter(found: Found, links: Links, link: Link, address: Address) -> MeterDriver:
    """Return the driver of one meter; nothing is sent. Raises `ConfigError` as `open_pump` does."""
    return cast("MeterDriver", _opened(found, "meter", links, link, address))


def open_flow_source(found: Found, links: Links, link: Link, address: Address) -> FlowSourceDriver:
    """Return the driver of one flow source; nothing is sent. Raises `ConfigError` as `open_pump` does."""
    return cast("FlowSourceDriver", _opened(found, "flow_source", links, link, address))


def open_environment(found: Found, links: Links, link: Link, address: Address) -> AirSensor:
    """Return the driver of one sensor of the air; nothing is sent. Raises `ConfigError` as `open_pump` does."""
    return cast("AirSensor", _opened(found, "environment", links, link, address))


def resolve(reference: str, what: str) -> Any:
    """Return the object behind ``module:attribute``; whatever its import raises becomes one line."""
    module, _, attribute = reference.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"{what} cannot be loaded ({type(error).__name__}: {error})",
            where=reference,
            hint="install what it needs, or ask whoever wrote it",
        ) from error


@cache
def _find(role: str, name: str) -> Found:
    group = GROUPS[role]
    offers = _offers(group, name)
    if not offers:
        names = driver_names(group)
        near = nearest(name, names)
        raise ConfigError(f"there is no {role} driver '{name}'", expected=f"one of {', '.join(names)}", hint=near)
    if len(offers) > 1:
        raise ConfigError(
            f"two drivers have the name '{name}': {' and '.join(str(each) for each in offers)}",
            expected="each name once",
            hint="remove one of the distributions",
        )
    offer = offers[0]
    spec = _specification(offer, role, name)
    return Found(spec, offer.target, offer.distribution, offer.version)


def _offers(group: str, name: str) -> list[_Offer]:
    """Return who offers this name: the rig itself, and every other distribution."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - as in driver_names

    shipped = SHIPPED[group].get(name)
    offers = {} if shipped is None else {(shipped, ""): _Offer(shipped, DISTRIBUTION, "")}
    for point in entry_points(group=group, name=name):
        if point.value == shipped:
            continue  # the rig's own, as it was installed
        owner = ("unknown", "") if point.dist is None else (point.dist.name, point.dist.version)
        offers[(point.value, owner[0])] = _Offer(point.value, *owner)
    return list(offers.values())


def _specification(offer: _Offer, role: str, name: str) -> DriverSpec:
    what = f"driver '{name}' of {offer}"
    spec = resolve(offer.target, what)
    if not isinstance(spec, DriverSpec):
        raise ConfigError(
            f"{what} is no driver but {_kind(spec)}", where=offer.target, expected="a rig.plugins.DriverSpec"
        )
    if spec.api != API:
        raise ConfigError(
            f"{what} is written for driver API {spec.api!r}",
            where=offer.target,
            expected=f"API {API}",
            hint="install the version of it that goes with this rig",
        )
    for field, found, wanted in (("name", spec.name, name), ("role", spec.role, role)):
        if found != wanted:
            raise ConfigError(f"{what} calls itself {field} '{found}'", where=offer.target, expected=f"'{wanted}'")
    return spec


def _opened(found: Found, role: str, links: Links, link: Link, address: Address) -> object:
    driver = found.spec.open(links, link, address)
    missing = [name for name in found.spec.methods() if not hasattr(type(driver), name) and not hasattr(driver, name)]
    if missing:
        raise ConfigError(
            f"driver '{found.spec.name}' lacks {', '.join(missing)}",
            where=found.target,
            expected=f"what a {role} with its capabilities has",
            hint=f"rig check --driver {found.spec.name}",
        )
    return driver


def _kind(found: object) -> str:
    return f"a {type(found).__name__}"
