"""``rig qualify``: is this bench fit? Blank, creep, known flows and amounts, known mass, and a certificate."""

from __future__ import annotations

import argparse
import logging
import sys
from dataclasses import replace
from pathlib import Path

from rig.cli.progress import ProgressView, duration
from rig.cli.run import finish, read_devices, seeded, tell_of_unfinished
from rig.config import BenchConfig, Simulation, load_bench
from rig.engine import Prepared, prepare, run_scenario
from rig.errors import ConfigError, UsageError
from rig.runner.operator import Terminal
from rig.runner.stop import interrupt_by_signals
from rig.scenario.parse import load_scenario

FIT, NOT_FIT = 0, 4
KEPT = (5, 130, 2)  # exit codes that say something else than whether the bench is fit


def execute(options: argparse.Namespace) -> int:
    """Run, or plan, a qualification; return 0 for a bench that is fit, 4 for one that is not (design 5.1)."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    interrupt_by_signals()
    config = _bench(options)
    scenario = load_scenario(options.scenario)
    if not scenario.qualifies:
        raise UsageError(
            f"scenario {scenario.id} asks a pump, not the bench",
            where=scenario.source_name or scenario.id,
            expected="steps such as blank, flow, dispense or known_mass",
            hint="rig run",
        )
    prepared = prepare(scenario, config)
    if options.dry_run:
        sys.stdout.write(plan_text(prepared))
        return FIT
    if options.operator and not config.simulated and not sys.stdin.isatty():
        raise UsageError("nobody is at this terminal", where="--operator", expected="a terminal that a person can use")
    parent = Path(options.out or config.runs_dir or "runs")
    tell_of_unfinished(parent)
    view = ProgressView()
    try:
        finished = run_scenario(
            scenario,
            config,
            parent,
            faults=options.fault,
            observer=(lambda _progress: None) if options.quiet else view,
            accept_unsynchronised=options.unsynchronised_clock,
            operator=Terminal() if options.operator else None,
        )
    finally:
        view.end()
    code = finish(finished, report=not options.no_report)
    fit = code == FIT
    if code not in KEPT:
        sys.stdout.write(f"bench {config.name} is {'fit' if fit else 'NOT fit'}\n")
    return code if code in KEPT else FIT if fit else NOT_FIT


def _bench(options: argparse.Namespace) -> BenchConfig:
    """Return the bench that the command line names, with what it overrides."""
    config = seeded(load_bench(options.bench), options.seed)
    if options.devices is None:
        return config
    if config.simulated:
        raise ConfigError("--devices needs a bench with ports", where=f"bench {config.name}")
    devices, speed, epoch_ns = read_devices(Path(options.devices), ("balance", "syringe"))
    if len(config.flow_sources) != 1:
        raise ConfigError("--devices names one syringe pump", where=f"bench {config.name}", expected="one of it")
    simulation = replace(config.simulation or Simulation(), speed=speed, epoch_ns=epoch_ns)
    source = replace(config.flow_sources[0], port=devices["syringe"]["port"])
    balance = replace(config.balance, port=devices["balance"]["port"])
    return replace(config, balance=balance, flow_sources=(source,), simulation=simulation)


def plan_text(prepared: Prepared) -> str:
    """Return what a qualification would do: steps, volumes, vessel, end."""
    plan, scenario, config = prepared.plan, prepared.scenario, prepared.config
    lines = [
        f"{scenario.id}: {scenario.title}",
        f"bench {config.name}, flow source: {', '.join(each.name for each in config.flow_sources) or 'none'}",
        f"{'':4}{'from':>10} {'to':>10} {'uL':>10}  step",
    ]
    lines += [
        f"{step.index + 1:3d} {duration(step.start_s):>10} {duration(step.end_s):>10} "
        f"{step.expected_u * 10.0:10.3f}  {step.text}"
        for step in plan.steps
    ]
    room_ml = config.vessel.capacity_ul / 1000
    lines += [
        f"in all {plan.volume_ul / 1000:.3f} mL into the vessel, which has room for {room_ml:g} mL",
        f"duration {duration(plan.duration_s)}, planned end {plan.end_local.isoformat(sep=' ', timespec='minutes')}",
        f"checks: {', '.join(check.id for check in scenario.checks) or 'none'}",
        "nothing was touched",
    ]
    return "\n".join(lines) + "\n"
