"""Benches for the suites of supplies and meters: a driver that was found by name before a scene, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

from rig.conformance import meter, supply
from rig.conformance.meter import RANGES_A, MeterBench, check_meter
from rig.conformance.report import LeftOut, Row, Rows, not_shown
from rig.conformance.supply import SupplyBench, check_supply
from rig.plugins.electrical_roles import Protects
from rig.plugins.registry import Found, open_meter, open_supply
from rig.plugins.spec import Address, Capability, Scene
from rig.transport.links import Link
from rig.transport.virtual import VirtualLinks

SITUATIONS: Final = {"supply": supply.SITUATIONS, "meter": meter.SITUATIONS}
Connect = Callable[[Found, Scene], tuple[VirtualLinks, Link, Callable[[], None]]]
SDM_RANGE: Final = {"SDM3055": RANGES_A[1]}


def check_electrical(
    found: Found, stage: Callable[[str], Scene | None], can: frozenset[Capability], connect: Connect, unset: LeftOut
) -> Rows:
    """Carry out the suite of a supply or a meter, ``stage`` setting the scenes and ``connect`` wiring them."""

    def make_supply(situation: str) -> SupplyBench | LeftOut:
        scene = stage(situation)
        if scene is None:
            return unset
        links, link, finish = connect(found, scene)
        driver = open_supply(found, links, link, Address(scene.serial))
        protects = cast("Protects", driver) if Capability.PROTECTS in can else None
        return SupplyBench(
            driver, protects, links, link, scene.model, scene.serial, finish, lambda: links.unplug(link.name)
        )

    def make_meter(situation: str) -> MeterBench | LeftOut:
        scene = stage(situation)
        if scene is None:
            return unset
        links, link, finish = connect(found, scene)
        driver = open_meter(found, links, link, Address(scene.serial))
        range_a = SDM_RANGE.get(scene.model, RANGES_A[0])
        return MeterBench(driver, links, link, scene.model, scene.serial, range_a, finish)

    return check_supply(make_supply, can) if found.spec.role == "supply" else check_meter(make_meter, can)


def electrical_unshown(role: str, rows: list[Row], can: frozenset[Capability]) -> list[str]:
    """Return the essential situations of a supply or a meter that no row shows as ok."""
    if role == "supply":
        return not_shown(supply.CHECKS, rows, can)
    return not_shown(meter.CHECKS, rows, can)
