"""The summary on the terminal, as wide and as colourful as the terminal allows."""

from __future__ import annotations

import os
import shutil
import sys

from reports.console import console_summary
from rig.results import Result

MAX_WIDTH = 132


def print_summary(result: Result) -> None:
    """Print the result's summary on stdout; ``NO_COLOR`` is honoured."""
    width = min(MAX_WIDTH, shutil.get_terminal_size((100, 24)).columns)
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    sys.stdout.write(console_summary(result.to_json(), width, colour))
