"""``rig check``: the bench doctor."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys

from rig.cli.run import bench_from
from rig.config import DEFAULT_BENCH
from rig.doctor.examine import Computer, examine
from rig.doctor.findings import Finding, Level, exit_code, to_json
from rig.doctor.table import LEAST, table_text
from rig.doctor.table import to_json as devices_json
from rig.errors import UsageError


def execute(options: argparse.Namespace) -> int:
    """Print a line for each item, or all of them as JSON; return 0 for a fit bench, 4 for one that is not."""
    if options.driver is not None:
        from rig.cli.check_driver import execute as check_driver  # noqa: PLC0415 - no bench is examined

        return check_driver(options)
    for given, name in ((options.simulated, "--simulated"), (options.delivers, "--delivers")):
        if given:
            raise UsageError("it needs a driver", where=name, expected="--driver NAME")
    options.bench = options.bench or DEFAULT_BENCH
    if not options.days > 0:
        raise UsageError(f"no such number of days: {options.days:g}", where="--days", expected="more than 0")
    options.seed = None
    config = bench_from(options)
    findings: list[Finding] = []
    for finding in examine(config, Computer(), options.days):
        findings.append(finding)
        if not options.json:
            sys.stdout.write(f"{finding}\n")
            sys.stdout.flush()  # waking a pump takes half a minute: what is known stands there meanwhile
    if options.json:
        document = {**to_json(config.name, findings), "devices": devices_json(findings)}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        wide = sys.stdout.isatty()
        width = shutil.get_terminal_size((LEAST, 24)).columns if wide else None
        colour = wide and not os.environ.get("NO_COLOR")
        sys.stdout.write(f"\n{table_text(findings, width, colour=colour)}\n")
        sys.stdout.write(_summary(config.name, findings))
    return exit_code(findings)


def _summary(bench: str, findings: list[Finding]) -> str:
    count = {level: sum(each.level is level for each in findings) for level in Level}
    verdict = "not fit" if count[Level.FAIL] else "fit"
    return f"bench {bench} is {verdict}: {count[Level.FAIL]} FAIL, {count[Level.WARN]} warn, {count[Level.OK]} ok\n"
