"""The real module, imported when it is needed and with what it needs (gpio reference 1, 1.1).

It raises at import time off a Pi; two packages provide it and break each other; lgpio, underneath, makes a FIFO in the
current folder, which must be writable.
"""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path
from typing import cast

from rig.errors import ConfigError
from rig.gpio.module import GpioModule

OLD = frozenset({"rpi.gpio", "rpi-gpio"})
NEW = "rpi-lgpio"
BOTH_INSTALLED = "RPi.GPIO and rpi-lgpio are both installed: they overwrite each other's files"
REPAIR = "pip uninstall RPi.GPIO, then pip install --force-reinstall --no-deps rpi-lgpio"
LG_WD = "LG_WD"
WHERE = "[guardian] gpio"


def installed_packages() -> frozenset[str]:
    """Return the packages on this Python's path that provide ``RPi.GPIO``, by their normalised names."""
    names = {(each.metadata["Name"] or "").lower().replace("_", "-") for each in distributions()}
    return frozenset(names & {*OLD, NEW})


def both_installed(names: Iterable[str]) -> bool:
    """Say whether the two packages that share their files are both there."""
    found = set(names)
    return NEW in found and bool(found & OLD)


def lgpio_folder(preferred: Path | None = None) -> Path:
    """Return a folder that lgpio can litter: ``LG_WD`` where that is set, else ``preferred``, else a temporary one."""
    stated = os.environ.get(LG_WD, "")
    candidates = [Path(stated)] if stated else []
    candidates += [preferred] if preferred is not None else []
    for folder in candidates:
        if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
            own = folder / f"lgpio-{os.getpid()}"  # two processes in one folder would share a FIFO
            own.mkdir(exist_ok=True)
            return own
    return Path(tempfile.mkdtemp(prefix="rig-lgpio-"))


def load_gpio(run_dir: Path | None = None) -> GpioModule:
    """Return the module ``RPi.GPIO``; raises `ConfigError` that says what is missing.

    ``LG_WD`` is set to a folder that can be written, ``run_dir`` where that is one: without it the import fails with
    a message about a file that nobody knows.
    """
    if both_installed(installed_packages()):
        raise ConfigError(BOTH_INSTALLED, where=WHERE, expected="rpi-lgpio alone", hint=REPAIR)
    os.environ[LG_WD] = str(lgpio_folder(run_dir))
    try:
        # Off a Pi: ImportError, RuntimeError, OSError, NotImplementedError; lgpio's own errors are plain Exceptions.
        found = importlib.import_module("RPi.GPIO")
    except Exception as error:
        raise ConfigError(
            f"the pins cannot be used ({error})",
            where=WHERE,
            expected="a Raspberry Pi with the package rpi-lgpio",
            hint="pip install 'rpi-lgpio>=0.6' on the bench's own Pi (docs/reference/gpio.md)",
        ) from error
    return cast("GpioModule", found)
