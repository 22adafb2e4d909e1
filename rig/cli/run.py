"""``rig run``: the main job."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rig.cli.find import find_scenarios
from rig.cli.progress import ProgressView, duration
from rig.cli.user import this_user
from rig.config import BenchConfig, Simulation, load_bench
from rig.config.operator_air import FLAGS as AIR_FLAGS
from rig.config.operator_air import with_operator_air
from rig.driver_names import PUMPS, is_known
from rig.engine import Finished, Prepared, prepare, run_scenario
from rig.errors import ConfigError, RigError
from rig.runner.folder import find_runs
from rig.runner.stop import StopRequest, interrupt_by_signals
from rig.scenario.model import Scenario

DEFAULT_SCENARIO = "standard"
UNSAFE = 5


def execute(options: argparse.Namespace) -> int:
    """Run, or plan, every scenario named; return the exit code of design 5.1."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    interrupt_by_signals()
    config = bench_from(options)
    # All files are read, and refused, before the first run moves anything.
    scenarios = find_scenarios(options.scenarios or [DEFAULT_SCENARIO])
    prepared = [prepare(scenario, config) for scenario in scenarios]
    if options.dry_run:
        for each in prepared:
            sys.stdout.write(plan_text(each))
        return 0
    parent = Path(options.out or config.runs_dir or "runs")
    tell_of_unfinished(parent)
    stop = StopRequest()
    codes = []
    for scenario in scenarios:
        try:
            codes.append(_run_one(scenario, config, parent, options, stop))
        except RigError as error:
            if options.debug:
                raise
            sys.stderr.write(f"rig: {error}\n")
            codes.append(error.exit_code)
        if stop.count or UNSAFE in codes:
            break  # nothing more is started on a pump that may still be running
    from rig.verdict import worst_exit_code  # noqa: PLC0415 - numpy, see rig.engine

    return worst_exit_code(codes)


def tell_of_unfinished(parent: Path) -> None:
    """Say on stderr which runs broke off and wait for a decision: whoever starts the next one should know."""
    for run in find_runs(parent):
        if run.state == "interrupted":
            sys.stderr.write(
                f"rig: run {run.run_id} was interrupted ({run.end_reason}); its evidence is kept: "
                f"rig runs resume {run.folder}, or rig runs void {run.folder} --why TEXT\n"
            )


def _run_one(
    scenario: Scenario, config: BenchConfig, parent: Path, options: argparse.Namespace, stop: StopRequest
) -> int:
    view = ProgressView()
    watch = (lambda _progress: None) if options.quiet else view
    try:
        finished = run_scenario(
            scenario,
            config,
            parent,
            faults=options.fault,
            observer=watch,
            stop=stop,
            accept_unsynchronised=options.unsynchronised_clock,
        )
    finally:
        view.end()
    return finish(finished, report=not options.no_report)


def finish(finished: Finished, *, report: bool) -> int:
    """Report on a run that has ended; return its exit code."""
    from rig.verdict import exit_code  # noqa: PLC0415 - numpy, see rig.engine

    if finished.ended.reason != "completed":
        sys.stderr.write(f"rig: the run ended early ({finished.ended.reason}): {finished.ended.detail}\n")
    if report:
        _report(finished)
    _print_summary(finished)
    return exit_code(finished.result, safe_confirmed=finished.ended.safe.confirmed)


def _report(finished: Finished) -> None:
    # matplotlib and typst: seconds of import that a run must not pay for before it began.
    from reports.write import write_report  # noqa: PLC0415
    from rig.judging.store import publish  # noqa: PLC0415

    write_report(finished.judgement)
    publish(finished.folder, finished.judgement)


def _print_summary(finished: Finished) -> None:
    from rig.cli.summary import print_summary  # noqa: PLC0415 - after the run

    print_summary(finished.result)
    if not finished.ended.safe.confirmed:
        sys.stdout.write(f"SAFE STATE NOT CONFIRMED: go to the bench and stop the pump ({finished.ended.safe.by})\n")
    report = finished.folder / "report.html"
    sys.stdout.write(f"run folder: {finished.folder}\n")
    if report.exists():
        sys.stdout.write(f"report:     {report}\n")


def bench_from(options: argparse.Namespace) -> BenchConfig:
    """Return the bench that the command line names, with what it overrides."""
    config = with_operator_air(
        seeded(load_bench(options.bench), options.seed),
        {key: getattr(options, key, None) for key in AIR_FLAGS},
        this_user(),
    )
    if options.devices is None:
        return config
    if config.simulated:
        raise ConfigError(
            "--devices needs a bench with ports", where=f"bench {config.name}", hint="--bench pty-example"
        )
    devices, speed, epoch_ns = read_devices(Path(options.devices), ("pump", "balance"))
    simulation = config.simulation or Simulation()
    return replace(
        air_of(config, devices),
        pump=replace(config.pump, port=devices["pump"]["port"], link=devices["pump"].get("link", config.pump.link)),
        balance=replace(config.balance, port=devices["balance"]["port"]),
        simulation=replace(simulation, speed=speed, epoch_ns=epoch_ns),
    )


def air_of(config: BenchConfig, devices: dict[str, dict[str, Any]]) -> BenchConfig:
    """Return the bench with the port of its sensor of the air, where one is served."""
    if "air" not in devices:
        return config
    sensors = config.environment.sensors
    if len(sensors) != 1:
        raise ConfigError(
            f"a sensor of the air is served, and the bench names {len(sensors)}",
            where=f"bench {config.name}",
            expected="one of [[environment.sensors]]",
        )
    port = str(devices["air"]["port"])
    return replace(config, environment=replace(config.environment, sensors=(replace(sensors[0], port=port),)))


def seeded(config: BenchConfig, seed: int | None) -> BenchConfig:
    """Return the bench with another seed, where one is given."""
    simulation = config.simulation or Simulation()
    if seed is None:
        return replace(config, simulation=simulation)
    if not 0 <= seed < 2**32:
        raise ConfigError(f"no such seed: {seed}", where="--seed", expected=f"0 to {2**32 - 1}")
    if not config.simulated:
        raise ConfigError("--seed is for simulated benches only", where=f"bench {config.name}")
    return replace(config, simulation=replace(simulation, seed=seed))


def read_devices(path: Path, needed: Sequence[str]) -> tuple[dict[str, dict[str, Any]], float, int]:
    """Return the JSON lines of ``rig simulate`` by device, and the speed and epoch that all of them share."""
    found: dict[str, dict[str, Any]] = {}
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            device = json.loads(line)
            if not {"device", "port", "speed", "epoch_ns"} <= device.keys():
                raise ConfigError("not a line of 'rig simulate'", where=f"{path}:{number}")
            if not is_known(PUMPS, device.get("link", "cc111x")):
                raise ConfigError(f"unknown link '{device['link']}'", where=f"{path}:{number}")
            found[device["device"]] = device
    except (OSError, ValueError, AttributeError) as error:
        raise ConfigError(
            f"cannot be read ({error})", where=str(path), expected="the lines of 'rig simulate'"
        ) from error
    missing = set(needed) - found.keys()
    if missing:
        raise ConfigError(f"no {' and '.join(sorted(missing))} in it", where=str(path), hint="rig simulate bench --pty")
    # At speed 1 rig time is link time, whatever the epoch.
    speeds = {(each["speed"], each["epoch_ns"] if each["speed"] != 1 else 0) for each in found.values()}
    if len(speeds) != 1:
        raise ConfigError("the devices run on different clocks", where=str(path))
    speed, epoch_ns = speeds.pop()
    return found, float(speed), int(epoch_ns)


def plan_text(prepared: Prepared) -> str:
    """Return what a run would do: steps, volumes, reservoir and vessel forecast, end."""
    plan, scenario = prepared.plan, prepared.scenario
    lines = [
        f"{scenario.id}: {scenario.title}",
        f"bench {prepared.config.name}, pump {prepared.profile.title}",
        f"{'':4}{'from':>10} {'to':>10} {'SET / U':>10}  step (times from the first delivery)",
    ]
    lines += [
        f"{step.index + 1:3d} {duration(step.start_s):>10} {duration(step.end_s):>10} "
        f"{step.expected_u:10.3f}  {step.text}"
        for step in plan.steps
    ]
    lines += [
        f"in all {plan.total_u:.3f} U = {plan.volume_ul / 1000:.3f} mL = {plan.mass_mg / 1000:.3f} g into the vessel",
        f"vessel: room for {prepared.config.vessel.capacity_ul / 1000:g} mL",
        f"reservoir: {plan.reservoir_need_u:.1f} U needed of {prepared.profile.reservoir_u:g} U",
        f"duration {duration(plan.duration_s)}, planned end {plan.end_local.isoformat(sep=' ', timespec='minutes')}",
        f"checks: {', '.join(check.id for check in scenario.checks) or 'none'}",
        "nothing was touched",
    ]
    return "\n".join(lines) + "\n"
