"""Fuzz one target in this process: ``python -m tests.fuzz.one TARGET [libFuzzer options] CORPUS``.

Never returns: libFuzzer ends the process. Whatever a check lets through as an exception ends it with a finding.
"""

from __future__ import annotations

import sys

import atheris

from tests.fuzz.targets import TARGETS


def main(arguments: list[str]) -> None:
    """Instrument the decoder's modules, then call its check for ever."""
    target = TARGETS[arguments[0]]
    with atheris.instrument_imports(include=list(target.code)):
        check = target.load()
    atheris.Setup([sys.argv[0], *arguments[1:]], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
