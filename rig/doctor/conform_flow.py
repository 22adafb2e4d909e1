"""The conformance suite against the flow source of a bench with ports: what moves nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from rig.bench import flow_address, flow_settings
from rig.config import BenchConfig
from rig.conformance.flow_source import AT_REST, DELIVERING, FlowBench, check_flow_source
from rig.conformance.report import LeftOut, Rows
from rig.plugins.registry import Found, open_flow_source
from rig.transport.serial_links import SerialLinks

NO_SCENE: Final = "nobody sets this scene on a bench with ports"
MOVES: Final = "it moves the pump: rig qualify does, with the guardian standing by"


def flow_source_rows(
    found: Found,
    config: BenchConfig,
    free: Callable[[BenchConfig], AbstractContextManager[None]],
    linked: Callable[[BenchConfig], AbstractContextManager[SerialLinks]],
) -> Rows:
    """Carry out what moves nothing, on the first flow source of the bench that ``found`` drives."""
    source = next(each for each in config.flow_sources if each.protocol == found.spec.name)
    with free(config), linked(config) as links:
        link = links.open(f"flow source {source.name}", source.port, flow_settings(source))
        driver = open_flow_source(found, links, link, flow_address(source))
        diameter_mm = source.diameter_mm or driver.settings().diameter_mm.amount

        def scene(situation: str) -> FlowBench | LeftOut:
            if situation not in AT_REST:
                return LeftOut(MOVES if situation in DELIVERING else NO_SCENE)
            return FlowBench(driver, links, link, source.model, diameter_mm)

        yield from check_flow_source(scene, found.spec.capabilities)
