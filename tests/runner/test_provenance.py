"""Which commit a rig runs from: of a checkout, of a work tree beside one, loose or packed."""

import subprocess
from pathlib import Path

import pytest

from rig.runner import provenance


def _git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("beside", [False, True])
def test_the_commit_of_a_checkout_is_read_from_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside: bool, packed: bool
) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    _git(checkout, "init", "-q")
    _git(checkout, "commit", "-q", "--allow-empty", "-m", "one")
    if beside:
        _git(checkout, "worktree", "add", "-q", "-b", "other", "../beside")
    if packed:
        _git(checkout, "pack-refs", "--all")
    here = tmp_path / "beside" if beside else checkout
    monkeypatch.setattr(provenance, "__file__", str(here / "rig" / "runner" / "provenance.py"))
    assert provenance.checkout_commit() == _git(here, "rev-parse", "HEAD")
