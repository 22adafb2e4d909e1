"""``rig guardian``: the guardian of a bench as a service."""

from __future__ import annotations

import argparse

from rig.config import load_bench
from rig.errors import ConfigError
from rig.guardian.owned import IdleLines
from rig.guardian.server import guard_bench
from rig.runner.watch import line_plans


def execute(options: argparse.Namespace) -> int:
    """Guard a bench until stopped."""
    config = load_bench(options.bench)
    if config.simulated:
        raise ConfigError("a simulated bench needs no guardian", where=f"bench {config.name}")
    guardian = config.guardian
    lines = IdleLines(line_plans(config), guardian.gpio)
    return guard_bench(config.name, guardian.run_dir, lasting=True, watchdog=guardian.watchdog, idle_lines=lines)
