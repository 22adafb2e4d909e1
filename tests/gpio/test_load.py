"""Importing the real module: what is refused, and where lgpio may litter."""

import os
import sys
import types
from pathlib import Path

import pytest

from rig.errors import ConfigError
from rig.gpio.load import LG_WD, both_installed, lgpio_folder, load_gpio


def test_both_packages_together_are_refused_under_any_spelling_of_the_old_ones_name() -> None:
    assert both_installed({"rpi.gpio", "rpi-lgpio"})
    assert both_installed({"rpi-gpio", "rpi-lgpio"})
    assert not both_installed({"rpi-lgpio"})
    assert not both_installed({"rpi-gpio"})


def test_both_packages_are_refused_before_anything_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rig.gpio.load.installed_packages", lambda: frozenset({"rpi.gpio", "rpi-lgpio"}))
    monkeypatch.setitem(sys.modules, "RPi.GPIO", types.ModuleType("RPi.GPIO"))
    with pytest.raises(ConfigError, match=r"RPi\.GPIO and rpi-lgpio are both installed.*--force-reinstall"):
        load_gpio()


def test_off_a_pi_one_line_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("rig.gpio.load.installed_packages", frozenset)
    monkeypatch.setitem(sys.modules, "RPi.GPIO", None)  # what an import then raises is an ImportError
    monkeypatch.setenv(LG_WD, str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        load_gpio()
    assert str(caught.value).startswith("[guardian] gpio: the pins cannot be used (")
    assert "\n" not in str(caught.value)


def test_lgpio_gets_a_folder_that_can_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(LG_WD, raising=False)
    assert lgpio_folder(tmp_path) == tmp_path / f"lgpio-{os.getpid()}"
    stated = tmp_path / "stated"
    stated.mkdir()
    monkeypatch.setenv(LG_WD, str(stated))
    assert lgpio_folder(tmp_path).parent == stated
    monkeypatch.setenv(LG_WD, str(tmp_path / "missing"))
    found = lgpio_folder(tmp_path / "missing too")
    assert found.is_dir()
    assert os.access(found, os.W_OK)
    found.rmdir()
