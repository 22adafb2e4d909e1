"""The kernel's own word on lines, without owning them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rig.gpio.line_info import header_chip, line_info


def test_a_line_tells_who_has_it_and_which_way_it_goes(world: Any) -> None:
    chip = header_chip(Path("/dev"))
    assert chip is not None
    before = line_info(chip, 17)
    assert (before.name, before.used) == ("GPIO17", False)
    world.gpio.setup(17, world.gpio.OUT, initial=1)
    held = line_info(chip, 17)
    assert (held.used, held.is_output, held.consumer) == (True, True, "lg")
    assert world.level(17) == 1  # and looking moved nothing
    world.gpio.cleanup(17)
    assert not line_info(chip, 17).used


def test_a_line_that_is_not_there_is_an_error() -> None:
    chip = header_chip(Path("/dev"))
    assert chip is not None
    with pytest.raises(OSError, match="Invalid argument"):
        line_info(chip, 99)
