"""``rig simulate``: the twin's devices on pseudo-terminals or TCP, for anyone's client."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from rig.errors import UsageError
from rig.runner.stop import SIGNALS
from rig.sim.faults import list_faults
from rig.sim.serve import Wiring, serve

MOST_PORT = 65_535
SERVED = {
    "pump": ("pump",),
    "balance": ("balance",),
    "bench": ("pump", "balance"),
    "air": ("air",),
    "air-bench": ("pump", "balance", "air"),
    "supply": ("supply",),
    "meter": ("meter",),
    "syringe": ("syringe",),
    "syringe-bench": ("syringe", "balance"),
}
ON_BENCHES = ("bench", "air-bench", "syringe-bench")
WITH_OWN_MODEL = ("balance", "air", "supply", "meter")  # alone, --model is theirs


def execute(options: argparse.Namespace) -> int:
    """Serve until interrupted; or list the faults."""
    if options.list_faults:
        for fault in list_faults():
            sys.stdout.write(f"{fault.name:28} {fault.unit:10} {fault.doc}\n")
        return 0
    if options.device is None:
        raise UsageError(
            "what is to be simulated?",
            expected=", ".join([*SERVED][:-1]) + f" or {[*SERVED][-1]}",
            hint="rig simulate bench --pty",
        )
    stopped: list[int] = []
    for number in SIGNALS:
        signal.signal(number, lambda received, _frame: stopped.append(received))
    devices, instruments = _instruments(options)
    alone = options.device == "balance"
    serve(
        devices=devices,
        model=None if options.device in WITH_OWN_MODEL else options.model,
        serial=options.serial,
        seed=options.seed,
        faults=options.fault,
        sealed_ledger=Path(options.ledger) if options.ledger else None,
        wiring=Wiring(
            options.speed,
            options.epoch_ns,
            Path(options.ports).absolute() if options.ports else None,
            options.link,
            Path(options.gpio) if options.gpio else None,
            options.valve,
            _address(options.tcp) if options.tcp else None,
            options.pace,
            options.protocol,
            options.balance_model or (options.model if alone and options.model else ""),
            air=options.model if options.device == "air" and options.model else options.air,
            **instruments,
        ),
        announce=_announce,
        stop=lambda: bool(stopped),
    )
    return 0


def _instruments(options: argparse.Namespace) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return what is served, and the models of supply and meter among it."""
    wanted = {name: getattr(options, name) for name in ("supply", "meter") if getattr(options, name) is not None}
    if wanted and options.device not in ON_BENCHES:
        raise UsageError(
            f"'{options.device}' has no room for a {' and a '.join(wanted)}",
            where="--supply, --meter",
            expected=" or ".join(f"rig simulate {name}" for name in ON_BENCHES),
        )
    if options.device in ("supply", "meter") and options.model:
        wanted[options.device] = options.model
    alone = SERVED[options.device]
    return (*alone, *(name for name in wanted if name not in alone)), wanted


def _address(text: str) -> tuple[str, int]:
    """Read HOST:PORT."""
    host, _, number = text.rpartition(":")
    if not host or not number.isascii() or not number.isdigit() or int(number[:6]) > MOST_PORT:
        raise UsageError(f"'{text}' is no address", where="--tcp", expected="HOST:PORT, such as 127.0.0.1:4001")
    return host, int(number)


def _announce(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
