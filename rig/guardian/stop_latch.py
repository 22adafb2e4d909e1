"""An emergency stop stays in force until a person re-arms the bench, whoever guards it by then (design 4.6).

Releasing the button is no restart. What was pressed stands in a file beside the bench lock; in memory, since nothing on
a bench starts by itself after a reboot, and a button that is still pressed then is seen again.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path


class StopLatch:
    """One file that says when the emergency stop was pressed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def set(self) -> None:
        """Put down that it was pressed now; the first time counts."""
        if self.held():
            return
        said = {"utc": datetime.now(UTC).isoformat(timespec="seconds")}
        temporary = self._path.with_name(self._path.name + ".part")
        try:
            temporary.write_text(json.dumps(said), "ascii")
            temporary.replace(self._path)
        except OSError:
            return  # the guardian that saw it knows all the same

    def held(self) -> str:
        """Return when it was pressed, empty when it was not; a file that cannot be read counts as pressed."""
        try:
            return str(json.loads(self._path.read_text("ascii"))["utc"])
        except FileNotFoundError:
            return ""
        except (OSError, ValueError, KeyError, TypeError):
            return "an unknown time"

    def clear(self) -> bool:
        """Forget it; say whether there was anything to forget."""
        held = bool(self.held())
        self._path.unlink(missing_ok=True)
        return held
