"""Which rig measured, and on which boot of its machine."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


def tool() -> dict[str, Any]:
    """Return version and commit of the rig that runs."""
    try:
        number = version("insulin-pump-rig")
    except PackageNotFoundError:
        number = "unknown"
    return {"version": number, "commit": checkout_commit()}


def checkout_commit() -> str:
    """Return the commit of the checkout this package runs from, or ``unknown``; reads files, runs nothing."""
    try:
        return _commit_of(Path(__file__).resolve().parents[2] / ".git")
    except OSError:
        return "unknown"


def _commit_of(git: Path) -> str:
    common = git
    if git.is_file():  # a work tree beside the checkout: the file names its folder, that folder the common one
        git = git.parent / git.read_text(encoding="utf-8").removeprefix("gitdir: ").strip()
        common = git / (git / "commondir").read_text(encoding="utf-8").strip()
    head = (git / "HEAD").read_text(encoding="ascii").strip()
    if not head.startswith("ref: "):
        return head
    name = head.removeprefix("ref: ")
    if (common / name).exists():
        return (common / name).read_text(encoding="ascii").strip()
    packed = (common / "packed-refs").read_text(encoding="ascii")
    return next((line.split(" ")[0] for line in packed.splitlines() if line.endswith(f" {name}")), "unknown")


def boot_id() -> str:
    """Return the kernel's id of this boot: monotonic time means something only within one."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"
