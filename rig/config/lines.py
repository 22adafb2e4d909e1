"""What the keys of a ``[[lines]]`` table may say together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rig.errors import ConfigError

if TYPE_CHECKING:
    from rig.config.declared import LineConfig

OUTPUTS = ("valve", "supply", "button", "output", "heartbeat")
TWIN_ROLES = ("valve", "button", "alarm")  # what the twin has wires for


def check_line_keys(lines: Sequence[LineConfig], place: str) -> None:
    """Refuse keys that do not belong to a line's role, and lines that point at nothing."""
    outputs = {line.name for line in lines if line.role in OUTPUTS}
    keys = [line.key for line in lines if line.key is not None]
    for line in lines:
        where = f"{place}, line {line.name}"
        if (line.key is not None) and line.role != "button":
            raise ConfigError(f"a {line.role} has no key", where=where, expected='role = "button"')
        if line.key is not None and keys.count(line.key) > 1:
            raise ConfigError(f"two buttons press {line.key}", where=where, expected="each key once")
        if line.shortest_ms > line.longest_ms:
            raise ConfigError(
                f"the shortest press ({line.shortest_ms} ms) is longer than the longest ({line.longest_ms} ms)",
                where=where,
            )
        _check_contact(line, outputs, where)
        if line.role == "emergency_stop" and line.pull != "up":
            raise ConfigError(
                f"an emergency stop with pull {line.pull}: a broken wire would look like a released button",
                where=where,
                expected='pull = "up", and a contact that is normally closed to ground',
            )


def _check_contact(line: LineConfig, outputs: set[str], where: str) -> None:
    if (line.role == "contact") != bool(line.shows):
        raise ConfigError(
            "a contact shows an output, and nothing else does",
            where=where,
            expected='role = "contact" and shows = "the name of an output" together',
        )
    if line.shows and line.shows not in outputs:
        raise ConfigError(
            f"there is no output '{line.shows}'", where=where, expected=f"one of {', '.join(sorted(outputs)) or 'none'}"
        )
