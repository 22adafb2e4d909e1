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
    "syringe": ("syringe",),
    "syringe-bench": ("syringe", "balance"),
}


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
    alone = options.device == "balance"  # then --model is that of the balance
    serve(
        devices=SERVED[options.device],
        model=None if alone else options.model,
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
        ),
        announce=_announce,
        stop=lambda: bool(stopped),
    )
    return 0


def _address(text: str) -> tuple[str, int]:
    """Read HOST:PORT."""
    host, _, number = text.rpartition(":")
    if not host or not number.isascii() or not number.isdigit() or int(number[:6]) > MOST_PORT:
        raise UsageError(f"'{text}' is no address", where="--tcp", expected="HOST:PORT, such as 127.0.0.1:4001")
    return host, int(number)


def _announce(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
