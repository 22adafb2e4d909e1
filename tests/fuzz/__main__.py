"""Fuzz the decoders: ``python -m tests.fuzz TARGET|FAMILY|all [--runs N] [--seconds S] [--corpus DIR]``.

One process after another. Seeds are the byte transcripts; what a run finds worth keeping stays in the corpus folder,
and the next run goes on from there. Ends with 1 when any target has a finding; `--replay FILE` shows one again.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.targets import TARGETS, Target

HANG_S = 20  # an input that takes longer is a finding
MEMORY_MB = 2048


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one target."""

    target: Target
    inputs: int
    branches: int
    lines: str
    seconds: float
    finding: str


def main(arguments: Sequence[str]) -> int:
    """Fuzz what was asked for, and print a table."""
    asked = _parser().parse_args(arguments)
    targets = [each for each in TARGETS.values() if asked.what in (each.name, each.family, "all")]
    if asked.what == "list":
        for each in TARGETS.values():
            sys.stdout.write(f"{each.name:24}{each.family}\n")
        return 0
    if not targets:
        sys.stderr.write(f"tests.fuzz: there is no target or family '{asked.what}'; try: list\n")
        return 2
    if asked.replay is not None:
        targets[0].load()(asked.replay.read_bytes())
        return 0
    outcomes = []
    for target in targets:
        outcomes.append(fuzz(target, asked.corpus, asked.runs, asked.seconds))
        sys.stdout.write(f"{row(outcomes[-1])}\n")
        sys.stdout.flush()
    return 1 if any(each.finding for each in outcomes) else 0


def fuzz(target: Target, corpus: Path, runs: int, seconds: int) -> Outcome:
    """Run one target in a process of its own, which libFuzzer ends."""
    folder = corpus / target.name
    folder.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (folder / hashlib.sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)
    options = [
        f"-runs={runs}", f"-max_total_time={seconds}", f"-max_len={target.largest}", f"-timeout={HANG_S}",
        f"-rss_limit_mb={MEMORY_MB}", "-print_final_stats=1", f"-artifact_prefix={corpus}/{target.name}-",
    ]  # fmt: skip
    began_s = time.monotonic()
    command = [sys.executable, "-m", "tests.fuzz.one", target.name, *options, str(folder)]
    log = corpus / f"{target.name}.log"
    with log.open("wb") as stream:
        code = subprocess.run(command, stdout=stream, stderr=subprocess.STDOUT, check=False).returncode
    took_s = time.monotonic() - began_s
    text = log.read_text("utf-8", "replace")
    branches = max((int(found) for found in re.findall(r"\bcov: (\d+)", text)), default=0)
    inputs = int((re.findall(r"number_of_executed_units: (\d+)", text) or ["0"])[-1])
    artifact = (re.findall(r"Test unit written to (\S+)", text) or [""])[-1]
    finding = "" if code == 0 else artifact or f"ended with {code}, see {log}"
    return Outcome(target, inputs, branches, "" if finding else _lines(target, folder), took_s, finding)


def row(outcome: Outcome) -> str:
    """Return a line of the table in docs/reference/fuzzing.md."""
    found = outcome.finding or "nothing"
    return (
        f"| `{outcome.target.name}` | {outcome.target.family} | {outcome.inputs:,} | {outcome.branches} | "
        f"{outcome.lines} | {outcome.seconds:.0f} s | {found} |"
    )


def _lines(target: Target, folder: Path) -> str:
    """Return reached/all lines of the decoder's modules; a process of its own has none of the fuzzer's tracing."""
    command = [sys.executable, "-m", "tests.fuzz.reach", target.name, str(folder)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip().replace(" ", "/") or "?"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("what", help="a target, a family, 'all', or 'list'")
    parser.add_argument("--runs", type=int, default=1_000_000, help="inputs per target (default: a million)")
    parser.add_argument("--seconds", type=int, default=0, help="at most so long per target (default: no limit)")
    parser.add_argument("--corpus", type=Path, default=Path(".fuzz"), help="folder of inputs and findings")
    parser.add_argument("--replay", type=Path, help="check one input, with its traceback")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
