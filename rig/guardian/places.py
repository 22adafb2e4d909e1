"""Where a bench's lock and its guardian's socket lie: in memory, so that a reboot forgets them."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from rig.errors import ConfigError, UsageError

STANDARD = (Path("/run/rig"), Path("/run/lock"))
LONGEST_SOCKET = 107  # bytes of sun_path
TOLD_BYTES = 1024  # what a lock says of its holder: four times the longest


class Places:
    """The files of one bench in its run-time folder."""

    def __init__(self, bench: str, folder: str = "") -> None:
        self.bench = bench
        self.folder = Path(folder) if folder else _standard()
        self.lock = self.folder / f"rig-{bench}.lock"
        self.socket = self.folder / f"rig-{bench}.sock"
        self.plan = self.folder / f"rig-{bench}.plan"
        self.stopped = self.folder / f"rig-{bench}.stopped"
        if len(os.fsencode(self.socket)) > LONGEST_SOCKET:
            raise ConfigError(
                f"a path of {len(os.fsencode(self.socket))} bytes is too long for a socket",
                where="[guardian] run_dir",
                expected=f"at most {LONGEST_SOCKET} bytes with rig-{bench}.sock",
            )


def _standard() -> Path:
    """Return the first folder that there is; never another one for a user who may not write there.

    Two users with two folders would not see each other's lock.
    """
    return next((folder for folder in STANDARD if folder.is_dir()), Path(tempfile.gettempdir()))


class BenchLock:
    """One run per bench: a lock that the kernel drops with its holder, so that it is never stale."""

    def __init__(self, places: Places) -> None:
        self._path = places.lock
        self._bench = places.bench
        self._descriptor = -1

    def take(self, about: dict[str, Any]) -> None:
        """Take the lock or raise `UsageError` that says who has it; ``about`` is told to whoever comes next."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
        except OSError as error:
            raise ConfigError(f"no bench lock can be had ({error})", where=str(self._path)) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = self._read()
            os.close(self._descriptor)
            raise UsageError(
                f"bench {self._bench} is in use{_who(holder)}",
                where=str(self._path),
                hint="wait for it to end, or look with: rig runs",
            ) from None
        self.tell(about)

    def tell(self, about: dict[str, Any]) -> None:
        """Write who holds the lock, for people.

        Always as long, in one write: a reader that asks twice for one file never joins two texts.
        """
        text = json.dumps({"pid": os.getpid(), **about})
        os.pwrite(self._descriptor, text.ljust(TOLD_BYTES).encode(), 0)

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(os.pread(self._descriptor, 4096, 0))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def release(self) -> None:
        """Let go; the file stays, since removing it would let two processes lock two files of one name."""
        os.close(self._descriptor)


def _who(holder: dict[str, Any]) -> str:
    words = [f"{key} {holder[key]}" for key in ("state", "run_id", "pid") if holder.get(key)]
    return f" ({', '.join(words)})" if words else ""
