"""The one place where pytest looks for options; the wiring itself is in `fixtures`."""

import pytest

pytest_plugins = ["fixtures.scenario_files", "fixtures.bench"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the rig's options."""
    group = parser.getgroup("rig")
    group.addoption("--bench", default="simulated", metavar="NAME|FILE", help="bench that scenarios run on")
    group.addoption("--out", default=None, metavar="DIR", help="where run folders go")
    group.addoption("--fault", action="append", default=[], metavar="NAME=VALUE", help="faults of a simulated bench")
