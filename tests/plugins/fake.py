"""Distributions that look installed: a folder on ``sys.path`` with a package and its ``dist-info``."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from rig.paths import checkout
from rig.plugins import registry

ACME = checkout() / "tests" / "data" / "acme"
Groups = dict[str, dict[str, str]]


class Site:
    """A folder of installed distributions, seen by this process and those that it starts."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.folder.mkdir()
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(checkout())]))

    def install(self, name: str, version: str, groups: Groups, files: dict[str, str]) -> None:
        """Install a distribution: ``files`` by path, ``groups`` of entry points by name."""
        for path, text in files.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(text, "utf-8")
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "RECORD").write_text("".join(f"{path},,\n" for path in files))
        points = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in each.items()) for group, each in groups.items()]
        (info / "entry_points.txt").write_text("\n".join(points))
        forget()

    def install_acme(self) -> None:
        """Install the worked example of docs/how-to/add-a-pump.md, as its pyproject.toml says."""
        project = tomllib.loads((ACME / "pyproject.toml").read_text())["project"]
        files = {
            str(path.relative_to(ACME)): path.read_text("utf-8")
            for path in sorted((ACME / "acme_rig").iterdir())
            if path.is_file()
        }
        self.install(project["name"], project["version"], project["entry-points"], files)

    def uninstall(self) -> None:
        """Take everything away again."""
        shutil.rmtree(self.folder)
        forget()


def forget() -> None:
    """Forget what was found and imported of plug-ins."""
    registry._find.cache_clear()
    importlib.invalidate_caches()
    for name in [name for name in sys.modules if name.partition(".")[0] in {"acme_rig", "plug"}]:
        del sys.modules[name]
