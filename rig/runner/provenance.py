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
    git = Path(__file__).resolve().parents[2] / ".git"
    try:
        head = (git / "HEAD").read_text(encoding="ascii").strip()
        if not head.startswith("ref: "):
            return head
        name = head.removeprefix("ref: ")
        if (git / name).exists():
            return (git / name).read_text(encoding="ascii").strip()
        packed = (git / "packed-refs").read_text(encoding="ascii")
    except OSError:
        return "unknown"
    return next((line.split(" ")[0] for line in packed.splitlines() if line.endswith(f" {name}")), "unknown")


def boot_id() -> str:
    """Return the kernel's id of this boot: monotonic time means something only within one."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"
