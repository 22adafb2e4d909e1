"""Where the checkout is: scenarios and bench descriptions live beside the package and are never installed."""

from __future__ import annotations

from pathlib import Path

from rig.errors import ConfigError


def checkout() -> Path:
    """Return the root of the checkout: the folder that holds ``rig``, ``scenarios`` and ``fixtures/benches``."""
    root = Path(__file__).resolve().parent.parent
    if not (root / "scenarios").is_dir() or not (root / "fixtures" / "benches").is_dir():
        raise ConfigError(
            f"no scenarios and benches beside the installed package in {root}",
            hint="install the checkout with 'pip install -e .' and name files by their path",
        )
    return root


def scenarios_dir() -> Path:
    """Return the folder of the shipped scenarios."""
    return checkout() / "scenarios"


def benches_dir() -> Path:
    """Return the folder of the bench descriptions."""
    return checkout() / "fixtures" / "benches"


def names_in(folder: Path, suffix: str) -> list[str]:
    """Return the names, without ``suffix``, of the files in ``folder`` that end in it; sorted."""
    return sorted(path.stem for path in folder.glob(f"*{suffix}"))
