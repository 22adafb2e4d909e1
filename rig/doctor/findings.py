"""What the doctor says: one line an item, and the items themselves with what they mean and how to mend them.

``docs/reference/check.md`` holds the same table; a test compares them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

FIT, UNFIT = 0, 4  # exit codes of design 5.1


class Level(Enum):
    """How much a finding matters: a bench with one FAIL is not fit."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is looked at: ``when`` on which benches or computers, ``bad`` what makes it warn or FAIL."""

    name: str
    when: str
    bad: str
    mend: str


ITEMS: tuple[Item, ...] = (
    Item(
        "bench file",
        "always",
        "a file that cannot be used ends the command with exit code 2",
        "the message names file, line, key and the nearest valid key",
    ),
    Item(
        "bench in use",
        "benches with ports",
        "FAIL while a run or another process has the bench, while a guardian keeps a run going without its runner, or "
        "while the guardian could not make the bench safe; the devices are not touched then",
        "wait for the end of the run; go to a bench that is not safe, then `rig runs acknowledge`",
    ),
    Item(
        "supply",
        "benches with `[supply]`",
        "FAIL: no supply answers, another maker, model or serial number does, its protection tripped or stays off, or "
        "it is set to `max_v` or more. warn: its output is on and its protection is not yet at `max_v`, another "
        "program left errors in its queue, it has no over-voltage protection on its interface, or the bench file takes "
        "any serial number",
        "check address, cable and protocol; set it down at its front panel; write its serial number into the bench "
        "file",
    ),
    Item(
        "meter",
        "benches with `[meter]`",
        "FAIL: no meter answers, another model or serial number does, it does not take its range, or it reads an "
        "overload. warn: another program left errors in its queue, or the bench file takes any serial number",
        "check address, cable and protocol; choose a range that the model has; write its serial number into the bench "
        "file",
    ),
    Item(
        "pump port",
        "benches with ports",
        "FAIL: no such port, or no right to open it. warn: named by a number (`/dev/ttyUSB0`) that another plug order "
        "changes, or a pseudo-terminal on a bench that is not the twin's",
        "check cable and power; name the port as `ls -l /dev/serial/by-id` (or `by-path`) shows it; add the user to "
        "group `dialout`",
    ),
    Item(
        "pump",
        "always; a simulated bench asks the twin",
        "FAIL: the radio stick or the pump does not answer, or another model or serial number does. warn: its battery "
        "is low, or its signal is weaker than -85 dBm (FAIL: than -95 dBm, where packets get lost)",
        "put the stick close to the pump; correct the serial number, profile or frequency in the bench file, or let "
        '`frequency = "scan"` find it; change the battery',
    ),
    Item(
        "balance port",
        "benches with ports",
        "as `pump port`",
        "as `pump port`",
    ),
    Item(
        "balance",
        "always; a simulated bench asks the twin",
        "FAIL: no balance answers, another serial number does, or zero tracking is on; a second line says in which "
        "language one answers, when it is another. warn: it does not say whether it tracks its zero, or the bench file "
        "takes any serial number",
        "check cable, baud rate and protocol, or write what the second line says; switch zero tracking off (MT-SICS: "
        "`M03 0`); write its serial number into the bench file",
    ),
    Item(
        "balance settings",
        "benches with ports, when the balance answers and its driver knows what can be set",
        "warn: a setting is not as needed, or the link does not tell it",
        "look at the menu that is named: zero tracking off, filter as qualified, output without stability, automatic "
        "switch-off and adjustment off ([balances](balances.md))",
    ),
    Item(
        "flow source port",
        "benches with `[[flow_sources]]`, each by its name",
        "as `pump port`",
        "as `pump port`",
    ),
    Item(
        "flow source",
        "benches with `[[flow_sources]]`, each by its name",
        "FAIL: no syringe pump answers, another model or USB serial number does, or its diameter is not that of the "
        "bench file. warn: it told an alarm, it does not stand still, or the bench file takes any model",
        "check cable, baud rate, address and protocol; set the diameter of the syringe that is in it; stop it; write "
        "its model into the bench file",
    ),
    Item(
        "air sensor port",
        "benches with `[[environment.sensors]]`, each by its name",
        "as `pump port`; a folder of files needs no name by identity. FAIL: the kernel shows no such folder",
        "as `pump port`; `dtoverlay=i2c-sensor,bme280` in config.txt",
    ),
    Item(
        "air sensor",
        "benches with `[[environment.sensors]]`, each by its name",
        "FAIL: no sensor answers, another serial number does, or a value is missing or cannot be. warn: it differs "
        "from what `[environment]` states by more than 4 of its uncertainties, has no certificate, or the bench file "
        "takes any",
        "check wires, probe and protocol; move a sensor that a board warms; write its serial number and certificate "
        "into the bench file",
    ),
    Item(
        "calibration",
        "always: of the balance, and of every other instrument with a certificate",
        "FAIL: expired, or expires today (of weights and flow sources: warn, because only `rig qualify` needs them). "
        "warn: expires within 30 days",
        "have it calibrated; write the new certificate and its day into the bench file",
    ),
    Item(
        "clock",
        "always",
        "FAIL on a bench with a real pump (else warn): no time service keeps the wall clock. warn: the kernel cannot "
        "be asked, or the clock may be wrong by more than 1 s",
        "connect the network; `timedatectl` and `chronyc tracking` say more; chrony needs `rtcsync`, and the hardware "
        "clock must keep UTC (`sudo timedatectl set-local-rtc 0`)",
    ),
    Item(
        "hardware clock",
        "benches with ports",
        "warn: no `/dev/rtc*`, so that the time after a power cut is wrong until the network answers",
        "Pi 5: put in the RTC battery; other Pis: a DS3231 module with `dtoverlay=i2c-rtc,ds3231`",
    ),
    Item(
        "runs folder",
        "always",
        "FAIL: it cannot be written, or lies in memory, where a power cut erases it. warn: a relative path on a bench "
        "with ports, which depends on where the command is called",
        "give `runs_dir` as an absolute path on a disk; mount the SSD; `chown` the folder to the user who runs",
    ),
    Item(
        "disk space",
        "always",
        "FAIL: less than the records of `--days` days (14) at 1 reading a second need",
        "move old runs to the archive, or choose a larger disk",
    ),
    Item(
        "storage",
        "benches with ports",
        'warn: the runs lie on an SD card and the bench file does not say `storage = "sd"`, or the other way round',
        "move the runs to a USB SSD, or say what they lie on: on a card the record is committed every 10 s",
    ),
    Item(
        "root file system",
        "on a Raspberry Pi",
        "warn: it is written to, so that a power cut may damage it",
        "`sudo raspi-config nonint do_overlayfs 0`, then reboot; the installation guide says what must stay writable",
    ),
    Item(
        "ledger",
        "benches with ports",
        "FAIL: the bench's chain of runs was altered, or its last run left it in a state that nobody confirmed as "
        "safe. warn: a line torn by a power cut, which is forgiven",
        "look at the pump, then `rig runs acknowledge`; `rig audit` says what was altered",
    ),
    Item(
        "guardian",
        "benches with ports",
        "FAIL: its service has failed, or is active and its socket is not where `rig run` looks. warn: on a Pi, no "
        "service, so that each run starts a guardian of its own",
        "`sudo systemctl enable --now rig-guardian@BENCH`; `journalctl -u rig-guardian@BENCH`; run as the service's "
        'user, and give `run_dir = "/run/rig"` in `[guardian]`',
    ),
    Item(
        "service units",
        "benches with ports on a Raspberry Pi",
        "warn: the installed systemd units are not those of this version, or are missing",
        "copy those of the installed version again, then `sudo systemctl daemon-reload`",
    ),
    Item(
        "watchdog",
        "on a Raspberry Pi, and where the bench file names a device",
        "FAIL: the bench file names a device that is missing or that systemd has already. warn: no hardware watchdog, "
        "systemd does not feed it, or with more than 15 s",
        "`dtparam=watchdog=on` in config.txt, `RuntimeWatchdogSec=10` in `/etc/systemd/system.conf.d/`, and no "
        "`watchdog` in the bench file",
    ),
    Item(
        "power supply",
        "on a Raspberry Pi",
        "FAIL: under-voltage now. warn: under-voltage or throttling since the last boot",
        "use the Pi's own supply and a short cable; put the SSD on a powered hub; cool the Pi",
    ),
    Item(
        "GPIO package",
        "benches with ports",
        "FAIL: RPi.GPIO and rpi-lgpio are both installed; the bench has `[[lines]]` and neither is; or the GPIO chip "
        "may not be opened. warn: only the old RPi.GPIO, which sees no edges on kernels from 6.6 on and no Pi 5",
        "`pip uninstall RPi.GPIO`, then `pip install --force-reinstall --no-deps rpi-lgpio`; add the user to group "
        "`gpio`",
    ),
    Item(
        "Python environment",
        "on a Raspberry Pi",
        "warn: the rig does not run from `/opt/rig/venv`, where the services look for it",
        "install it there as the installation guide says",
    ),
)
_NAMES = frozenset(item.name for item in ITEMS)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one item."""

    item: str
    level: Level
    found: str
    expected: str = ""
    hint: str = ""
    device: str = ""  # the row of the table of devices that it is about
    facts: tuple[tuple[str, str], ...] = ()  # cells of that row: found_at, identity, firmware, settings, calibration

    def __post_init__(self) -> None:
        if self.item not in _NAMES:
            raise ValueError(f"no item {self.item!r} is declared")

    def __str__(self) -> str:
        """Return ``level  item: found; expected ...; try: ...`` on a single line."""
        text = f"{self.level.value:4}  {self.item}: {self.found}"
        if self.expected:
            text += f"; expected {self.expected}"
        if self.hint:
            text += f"; try: {self.hint}"
        return text.replace("\r", " ").replace("\n", " ")


def ok(item: str, found: str) -> Finding:
    """Return a finding that is as it should be."""
    return Finding(item, Level.OK, found)


def warn(item: str, found: str, expected: str = "", hint: str = "") -> Finding:
    """Return a finding that a run survives."""
    return Finding(item, Level.WARN, found, expected, hint)


def fail(item: str, found: str, expected: str = "", hint: str = "") -> Finding:
    """Return a finding that makes the bench unfit."""
    return Finding(item, Level.FAIL, found, expected, hint)


def exit_code(findings: Sequence[Finding]) -> int:
    """Return 0 for a fit bench, 4 for one that is not."""
    return UNFIT if any(each.level is Level.FAIL for each in findings) else FIT


def to_json(bench: str, findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the document of ``rig check --json``."""
    items = [
        {
            "item": each.item,
            "level": each.level.value,
            "found": each.found,
            "expected": each.expected,
            "hint": each.hint,
        }
        for each in findings
    ]
    return {"schema": 1, "bench": bench, "fit": exit_code(findings) == FIT, "items": items}
