"""The conformance suite against a sensor of the air of a bench with ports: reading it is all that is ever done."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from rig.config import BenchConfig
from rig.conformance.environment import AT_REST, AirBench, check_environment
from rig.conformance.report import LeftOut, Rows
from rig.plugins.air_bench import air_address, air_settings
from rig.plugins.registry import Found, open_environment
from rig.transport.serial_links import SerialLinks

NO_SCENE: Final = "nobody sets this scene on a bench with ports"


def air_rows(
    found: Found,
    config: BenchConfig,
    free: Callable[[BenchConfig], AbstractContextManager[None]],
    linked: Callable[[BenchConfig], AbstractContextManager[SerialLinks]],
) -> Rows:
    """Carry out what needs no scene, on the first sensor of the bench that ``found`` drives."""
    sensor = next(each for each in config.environment.sensors if each.protocol == found.spec.name)
    with free(config), linked(config) as links:
        link = links.open(f"air {sensor.name}", sensor.where, air_settings(sensor, config))
        driver = open_environment(found, links, link, air_address(sensor))

        def scene(situation: str) -> AirBench | LeftOut:
            if situation not in AT_REST:
                return LeftOut(NO_SCENE)
            return AirBench(driver, links, link, measures=frozenset(each.value for each in found.spec.capabilities))

        yield from check_environment(scene, found.spec.capabilities)
