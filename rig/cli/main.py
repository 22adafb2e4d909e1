"""The ``rig`` command: parses arguments, calls one command, and turns known errors into one line and an exit code.

Each command lives in a module of its own that is imported only when it is called, so that ``rig --help`` stays light.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

EXIT_CODES = """\
exit codes, in order of precedence:
  5    safe state not confirmed: go to the bench
  130  interrupted by a signal, bench safe
  2    usage or configuration error, nothing moved
  1    at least one valid FAIL
  4    INVALID: bench fault
  3    INCONCLUSIVE, or nothing decided
  0    at least one PASS, the rest PASS or REPORT_ONLY
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of every command."""
    parser = argparse.ArgumentParser(
        prog="rig",
        description="Verifies insulin pumps: runs scenarios, weighs what arrives, judges it.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--debug", action="store_true", help="show a traceback on errors")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_run(commands)
    _add_simulate(commands)
    _add_runs(commands)
    _add_guardian(commands)
    _add_check(commands)
    _add_qualify(commands)
    _add_audit(commands)
    _add_analyse(commands)
    report = _command(commands, "report", "rig.cli.report", "render HTML and PDF again from a stored judgement")
    report.add_argument("run", help="a run folder or run id")
    report.add_argument(
        "--runs-dir", "--out", dest="runs_dir", default="runs", help="where a run id is looked for (default: ./runs)"
    )
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, module: str, text: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(module=module)
    parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return parser


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = _command(commands, "run", "rig.cli.run", "run scenarios, judge them, write their reports")
    run.add_argument(
        "scenarios",
        nargs="*",
        metavar="SCENARIO",
        help="a scenario file or the name of a shipped one (default: standard, the basal and bolus verification)",
    )
    run.add_argument("--bench", default="simulated", metavar="NAME|FILE", help="bench file (default: simulated)")
    run.add_argument("--out", metavar="DIR", help="where run folders go (default: the bench's runs_dir, else ./runs)")
    run.add_argument("--dry-run", action="store_true", help="show programme, volumes, forecasts and end; touch nothing")
    run.add_argument(
        "--fault", action="append", default=[], metavar="NAME=VALUE[@START[+DURATION]]", help="simulated benches only"
    )
    run.add_argument("--seed", type=int, help="seed of the simulated bench (default: the bench file's)")
    run.add_argument(
        "--devices",
        metavar="FILE",
        help="lines printed by 'rig simulate': take ports, speed and epoch from them instead of the bench file",
    )
    _air_options(run)
    _run_options(run)


def _air_options(parser: argparse.ArgumentParser) -> None:
    """Add the air as the operator reads it; a sensor of the bench goes before it."""
    for flag, key, unit in (
        ("--temperature", "temperature_c", "C"),
        ("--humidity", "humidity_pct", "%"),
        ("--pressure", "pressure_hpa", "hPa"),
    ):
        text = f"{flag[2:]} at the balance as you read it now, in place of the bench file's"
        parser.add_argument(flag, dest=key, type=float, metavar=unit.replace("%", "PCT"), help=text)


def _add_qualify(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    qualify = _command(
        commands, "qualify", "rig.cli.qualify", "qualify the bench itself, with a certificate: 0 fit, 4 not"
    )
    qualify.add_argument(
        "scenario",
        nargs="?",
        default="qualify",
        metavar="SCENARIO",
        help="a qualification of your own (default: the shipped one, scenarios/qualify.yaml)",
    )
    qualify.add_argument(
        "--bench", default="simulated-syringe", metavar="NAME|FILE", help="bench file (default: simulated-syringe)"
    )
    qualify.add_argument("--out", metavar="DIR", help="where run folders go (default: the bench's, else ./runs)")
    qualify.add_argument("--operator", action="store_true", help="somebody is there to put a weight on the pan")
    qualify.add_argument("--dry-run", action="store_true", help="show steps, volumes and end; touch nothing")
    qualify.add_argument(
        "--fault", action="append", default=[], metavar="NAME=VALUE[@START[+DURATION]]", help="simulated benches only"
    )
    qualify.add_argument("--seed", type=int, help="seed of the simulated bench (default: the bench file's)")
    qualify.add_argument(
        "--devices",
        metavar="FILE",
        help="lines printed by 'rig simulate syringe-bench': take ports and clock from them",
    )
    _run_options(qualify)


def _add_simulate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    simulate = _command(
        commands, "simulate", "rig.cli.simulate", "serve the twin's devices, byte for byte, to any client"
    )
    simulate.add_argument(
        "device",
        nargs="?",
        choices=["pump", "balance", "bench", "air", "air-bench", "supply", "meter", "syringe", "syringe-bench"],
        help="what to serve",
    )
    simulate.add_argument(
        "--model",
        help="pump model, such as 515, 522, 723 or 554 (default: 723), or a published pump such as jahn-revel; "
        "syringe pump: ne-1000, ne-500, harvard-11 or phd-ultra (default: ne-1000); balance or air alone: as "
        "--balance-model or --air; "
        "supply: e36312a, dp832, dp711, spd3303x, spd1168x or scpi (default: e36312a); meter: 34461a or sdm3055 "
        "(default: 34461a)",
    )
    simulate.add_argument(
        "--link", default="cc111x", choices=["cc111x", "carelink"], help="radio stick in front of it (default: cc111x)"
    )
    simulate.add_argument("--serial", default="900123", help="pump serial number, 900000 to 900999")
    simulate.add_argument(
        "--protocol", default="mt-sics", metavar="NAME", help="what the balance speaks (default: mt-sics), such as sbi"
    )
    simulate.add_argument(
        "--balance-model", default="", metavar="NAME", help="model of the balance, such as cp for sbi"
    )
    simulate.add_argument(
        "--air", default="ptu300", metavar="NAME", help="sensor of the air: ptu300, scpi-air, bme280, bmp280 or sht4x"
    )
    way = simulate.add_mutually_exclusive_group()
    way.add_argument("--pty", action="store_true", help="serve on pseudo-terminals (the default)")
    way.add_argument(
        "--tcp",
        metavar="HOST:PORT",
        help="serve on raw TCP, as a serial server does: a port per device, from PORT on",
    )
    simulate.add_argument("--supply", metavar="MODEL", help="on a bench: power the pump from such a supply, too")
    simulate.add_argument("--meter", metavar="MODEL", help="on a bench: put such a meter into the pump's supply, too")
    simulate.add_argument("--pace", action="store_true", help="bytes take their time, as the port is set")
    simulate.add_argument("--speed", type=float, default=1.0, help="rig seconds in a second (default: 1)")
    simulate.add_argument("--seed", type=int, default=1)
    simulate.add_argument("--fault", action="append", default=[], metavar="NAME=VALUE[@START[+DURATION]]")
    simulate.add_argument("--ledger", metavar="FILE", help="write the sealed ledger of what was delivered at the end")
    simulate.add_argument(
        "--ports",
        metavar="DIR",
        help="keep stable names such as DIR/pump and DIR/balance for the ports, and print those",
    )
    simulate.add_argument(
        "--epoch-ns", type=int, metavar="N", help="common epoch of a simulator that ran before, as it was printed"
    )
    simulate.add_argument(
        "--gpio", metavar="DIR", help="folder of the lines, as in [guardian] gpio = folder:DIR of the bench file"
    )
    simulate.add_argument(
        "--valve",
        action="append",
        default=[],
        metavar="clamp=PIN|divert=PIN[:low]",
        help="a valve of the plant that follows a line of --gpio; it acts at high, or at low",
    )
    simulate.add_argument("--list-faults", action="store_true", help="name every fault, and end")


def _add_analyse(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from rig.cli.log_options import add_options  # noqa: PLC0415 - light, like every import here

    analyse = _command(
        commands, "analyse", "rig.cli.analyse", "judge stored runs again, or analyse anybody's weighing logs"
    )
    analyse.add_argument("run", nargs="+", metavar="RUN|LOG.csv", help="run folders or run ids, or weighing logs")
    analyse.add_argument("--json", action="store_true", help="print the result as JSON on stdout")
    analyse.add_argument(
        "--together", action="store_true", help="after judging several runs, print the table over their pumps"
    )
    analyse.add_argument(
        "--runs-dir", "--out", dest="runs_dir", default="runs", help="where a run id is looked for (default: ./runs)"
    )
    add_options(analyse)


def _add_runs(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    runs = _command(commands, "runs", "rig.cli.runs", "list runs, interrupted ones included; resume or void them")
    _runs_dir(runs)
    deeds = runs.add_subparsers(metavar="resume|void|acknowledge")
    resume = deeds.add_parser("resume", help="go on with a run that broke off or was stopped")
    resume.add_argument("run", help="a run folder or run id")
    resume.add_argument("--bench", metavar="NAME|FILE", help="bench file instead of the run's own, for changed ports")
    resume.add_argument("--devices", metavar="FILE", help="lines printed by 'rig simulate'")
    resume.add_argument("--why", default="", help="why, on record")
    resume.add_argument("--other-version", action="store_true", help="go on with another version of the rig")
    _run_options(resume)
    void = deeds.add_parser("void", help="say that a run does not count; nothing is deleted")
    void.add_argument("run", help="a run folder or run id")
    void.add_argument("--why", required=True, help="why, on record")
    acknowledge = deeds.add_parser("acknowledge", help="say that a person has looked after a bench left unsafe")
    acknowledge.add_argument("--bench", required=True, metavar="NAME|FILE")
    acknowledge.add_argument("--why", required=True, help="what was found and done, on record")
    for deed, name in ((resume, "resume"), (void, "void"), (acknowledge, "acknowledge")):
        deed.set_defaults(deed=name)
        deed.add_argument("--who", default="", help="who says so (default: the user of this computer)")
        deed.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        _runs_dir(deed, default=argparse.SUPPRESS)


def _runs_dir(parser: argparse.ArgumentParser, default: str = "runs") -> None:
    parser.add_argument(
        "--runs-dir", "--out", dest="runs_dir", default=default, help="where runs are looked for (default: ./runs)"
    )


def _run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-report", action="store_true", help="judge, but render no HTML and PDF")
    parser.add_argument("--quiet", action="store_true", help="no progress, only the summary")
    parser.add_argument(
        "--unsynchronised-clock",
        action="store_true",
        help="run on hardware although this machine's clock is not synchronised; said on every page",
    )


def _add_guardian(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    guardian = _command(
        commands, "guardian", "rig.cli.guardian", "guard a bench, run after run (a service; rig run starts one itself)"
    )
    guardian.add_argument("--bench", required=True, metavar="NAME|FILE")


def _add_check(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    check = _command(commands, "check", "rig.cli.check", "say whether a bench is fit for a run; nothing moves")
    check.add_argument("--bench", metavar="NAME|FILE", help="bench file (default: simulated)")
    check.add_argument("--devices", metavar="FILE", help="lines printed by 'rig simulate': take the ports from them")
    check.add_argument("--days", type=float, default=14.0, help="days of records that the disk must hold (default: 14)")
    check.add_argument("--json", action="store_true", help="print the findings as JSON")
    check.add_argument("--driver", metavar="NAME", help="run the conformance suite against a driver instead")
    check.add_argument("--simulated", action="store_true", help="with --driver: its own simulator (the default)")
    check.add_argument(
        "--delivers", action="store_true", help="with --driver and --bench: also what makes the pump deliver"
    )


def _add_audit(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    audit = _command(commands, "audit", "rig.cli.audit", "prove that stored runs are complete and unaltered")
    audit.add_argument(
        "runs",
        nargs="*",
        metavar="RUN|FOLDER",
        help="run folders, run ids or folders of runs (default: all of --bench)",
    )
    audit.add_argument(
        "--bench", metavar="NAME|FILE", help="a bench whose ledger must name every run, or the ledger file itself"
    )
    audit.add_argument("--reparse", action="store_true", help="read the balance's bytes again and compare")
    audit.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="PUBLIC.pem",
        help="the newest judgement must be signed, and with no other keys than these (may be repeated)",
    )
    audit.add_argument("--json", action="store_true", help="print the findings as JSON")
    sign = _command(commands, "sign", "rig.cli.sign", "sign the newest judgement of a run with an Ed25519 key")
    sign.add_argument("run", nargs="?", metavar="RUN", help="a run folder or run id")
    sign.add_argument("--key", metavar="PRIVATE.pem", help="the signer's private key")
    sign.add_argument("--name", help="who signs")
    sign.add_argument("--meaning", choices=["tested", "reviewed", "approved"], help="what the signature means")
    sign.add_argument("--why", default="", metavar="TEXT", help="a remark that is signed, too")
    sign.add_argument("--new-key", metavar="FILE.pem", help="make a key pair, FILE.pem and FILE.pub.pem, and end")
    for command in (audit, sign):
        command.add_argument(
            "--runs-dir", "--out", dest="runs_dir", default="runs", help="where a run id is looked for"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    from rig.cli.log_options import joined  # noqa: PLC0415 - light, like every import here

    options = build_parser().parse_args(joined(sys.argv[1:] if arguments is None else arguments))
    from rig.errors import RigError  # noqa: PLC0415 - not needed for --help

    try:
        code: int = getattr(importlib.import_module(options.module), getattr(options, "deed", "execute"))(options)
    except RigError as error:
        if options.debug:
            raise
        sys.stderr.write(f"rig: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("rig: interrupted\n")
        return 130
    except BrokenPipeError:
        # Whoever read our output left; there is nobody to tell.
        sys.stderr.close()
        return 141
    except OSError as error:
        if options.debug:
            raise
        sys.stderr.write(f"rig: {error}; try: check the path, the disk and your rights\n")
        return 2
    except Exception as error:
        if options.debug:
            raise
        sys.stderr.write(f"rig: unexpected {type(error).__name__}: {error}; try: the same with --debug\n")
        return 4
    return code
