"""``rig check --driver``: the public conformance suite against one driver."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

from rig.cli.run import bench_from
from rig.config import BenchConfig
from rig.conformance.report import Outcome, Row, Rows, conforms
from rig.conformance.scenes import check_played, left_unshown, ways_of
from rig.doctor.findings import FIT, UNFIT
from rig.driver_names import GROUPS, driver_names, is_known
from rig.errors import ConfigError, RigError, UnsafeBench, UsageError
from rig.plugins.provenance import described
from rig.plugins.registry import Found, find_driver
from rig.profiles.strict import nearest

if TYPE_CHECKING:
    from rig.doctor.conform import Examination

Missing = Callable[[dict[str, list[Row]]], list[str]]


def execute(options: argparse.Namespace) -> int:
    """Print a line for each check, or all of them as JSON; return 0 for a driver that conforms, 4, or 5 (unsafe)."""
    found = find_driver(_role(options.driver), options.driver, "--driver")
    options.seed = None
    bench = None if options.simulated or options.bench is None else bench_from(options)
    if bench is None or bench.simulated:
        _refuse_real_options(options)
        return _report(options, found, *_played(found), must_show=True)
    from rig.doctor.conform import examine_real  # noqa: PLC0415 - a simulated device needs no ports

    _refuse_other_driver(found, bench)
    examination = examine_real(found, bench, bench.pump_profile(), delivers=options.delivers)
    broke_off = ""
    try:
        ways = {f"bench {bench.name}": examination.rows}
        code = _report(options, found, ways, lambda read: _missing(found, read, examination), must_show=False)
    except RigError as error:
        if examination.safe.confirmed:
            raise
        broke_off = f"{error}; "
    if not examination.safe.confirmed:
        raise UnsafeBench(
            f"{broke_off}SAFE STATE NOT CONFIRMED: {examination.safe.by}",
            where=f"bench {bench.name}",
            hint="go to the bench and stop the pump",
        )
    return code


def _role(name: str) -> str:
    roles = [role for role, group in GROUPS.items() if is_known(group, name)]
    if len(roles) == 1:
        return roles[0]
    if roles:
        raise ConfigError(f"'{name}' is the name of drivers of a {' and of a '.join(roles)}", where="--driver")
    names = [each for group in GROUPS.values() for each in driver_names(group)]
    raise ConfigError(
        f"there is no driver '{name}'",
        where="--driver",
        expected=f"one of {', '.join(names)}",
        hint=nearest(name, names) or "install the package that brings it",
    )


def _played(found: Found) -> tuple[dict[str, Rows], Missing]:
    """Return the rows of each way, and who says what is missing: every model that is played, with the transcripts."""
    transcripts, simulated = ways_of(found)
    if not transcripts and not simulated:
        raise UsageError(
            f"driver '{found.spec.name}' has neither simulator nor transcripts",
            where="--driver",
            expected="a bench with ports",
            hint=f"rig check --driver {found.spec.name} --bench FILE",
        )

    def missing(read: dict[str, list[Row]]) -> list[str]:
        written = [row for way in transcripts for row in read[way.name]]
        if not simulated:
            return left_unshown(found, written)
        return [
            f"{situation} ({way.model})" if way.model else situation
            for way in simulated
            for situation in left_unshown(found, [*written, *read[way.name]], way.model)
        ]

    return {way.name: check_played(found, way.stage, way.model) for way in (*transcripts, *simulated)}, missing


def _missing(found: Found, read: dict[str, list[Row]], examination: Examination) -> list[str]:
    return left_unshown(found, [row for rows in read.values() for row in rows], examination.model)


def _refuse_real_options(options: argparse.Namespace) -> None:
    if options.delivers:
        raise UsageError("it is for a bench with ports", where="--delivers", hint="name one with --bench")
    if options.simulated and options.bench is not None:
        raise UsageError("it needs no bench", where="--simulated", expected="either --simulated or --bench")


def _refuse_other_driver(found: Found, bench: BenchConfig) -> None:
    """Refuse to speak to a device with another driver than its bench file names: a guardian would use that one."""
    spec = found.spec
    if spec.role == "flow_source":
        if spec.name not in {each.protocol for each in bench.flow_sources}:
            raise ConfigError(
                f"no flow source of it speaks '{spec.name}'",
                where=f"bench {bench.name}",
                expected="one in flow_sources",
            )
        return
    if spec.role == "environment":
        if spec.name not in {each.protocol for each in bench.environment.sensors}:
            raise ConfigError(
                f"no sensor of the air of it is a '{spec.name}'",
                where=f"bench {bench.name}",
                expected="one in environment.sensors",
            )
        return
    key, named = ("pump.link", bench.pump.link) if spec.role == "pump" else ("balance.protocol", bench.balance.protocol)
    if named != spec.name:
        raise ConfigError(
            f"{key} is '{named}'", where=f"bench {bench.name}", expected=f"'{spec.name}', to check that driver"
        )


def _report(
    options: argparse.Namespace, found: Found, ways: dict[str, Rows], missing_of: Missing, *, must_show: bool
) -> int:
    read: dict[str, list[Row]] = {}
    say = (lambda _text: None) if options.json else _say
    say(f"driver {found.spec.name} ({found.spec.role}) of {found.distribution} {found.version}".rstrip() + "\n")
    for way, rows in ways.items():
        say(f"{way}\n")
        read[way] = []
        with closing(rows):  # a pump is stopped then, whatever broke off
            for row in rows:
                read[way].append(row)
                say(f"  {row}\n")
    everything = [row for rows in read.values() for row in rows]
    missing = missing_of(read)
    good = conforms(everything) and not (missing and must_show)  # a bench with ports cannot set every scene
    if options.json:
        _say(json.dumps(_document(found, read, missing, good=good), indent=2) + "\n")
    if missing:
        say(f"not shown, and needed: {', '.join(missing)}\n")
    count = {outcome: sum(row.outcome is outcome for row in everything) for outcome in Outcome}
    verdict = "does not conform" if not good else "conforms as far as it was asked" if missing else "conforms"
    summary = f"{count[Outcome.FAILED]} FAILED, {count[Outcome.LEFT_OUT]} left out, {count[Outcome.OK]} ok"
    say(f"driver {found.spec.name} {verdict}: {summary}\n")
    return FIT if good else UNFIT


def _document(found: Found, read: dict[str, list[Row]], missing: list[str], *, good: bool) -> dict[str, Any]:
    checks = [
        {
            "with": way,
            "situation": row.situation,
            "sentence": row.sentence,
            "outcome": row.outcome.value,
            "why": row.why,
        }
        for way, rows in read.items()
        for row in rows
    ]
    return {"schema": 1, "driver": described(found), "conforms": good, "not_shown": missing, "checks": checks}


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
