"""A folder of small text files as a link: how Linux shows the sensors of a Pi (sysfs: iio and hwmon).

A request is one line, a pattern below the folder such as ``*/name``. The answer is a line ``path TAB real path TAB
text`` for each file that matches, in order of their paths, then an empty line; in place of the text of a file that
cannot be read stands ``!`` and why. A worker thread reads: a sensor on a slow or hanging bus never delays the time
stamp of a balance, and its silence is a time-out like that of any other device. What a file said goes through the tap
before anything reads meaning into it, as every byte does.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

MOST_BYTES: Final = 4096  # sysfs never says more than a page
REAL: Final = "/sys/"

Files = Callable[[str], Iterable[tuple[str, str, str]]]
"""Returns (path, real path, text) of each file that matches a pattern, in order."""


def is_folder(port: str) -> bool:
    """Say whether a port is a folder of files."""
    return port.startswith("/") and Path(port).is_dir()


def kind_of(port: str) -> str:
    """Return ``sysfs`` for a folder that the kernel shows, ``folder`` for any other: that one stands for a sensor."""
    return "sysfs" if str(Path(port).resolve()).startswith(REAL) else "folder"


def answer(request: str, files: Files) -> bytes:
    """Return what a folder says to a request."""
    lines = ["\t".join(_plain(part) for part in each) + "\n" for each in files(request)]
    return ("".join(lines) + "\n").encode("utf-8", "replace")


def files_below(folder: Path) -> Files:
    """Return what reads the files below ``folder``."""

    def files(pattern: str) -> Iterable[tuple[str, str, str]]:
        if not pattern or pattern.startswith("/") or ".." in pattern.split("/"):
            return
        for path in sorted(folder.glob(pattern)):
            yield str(path.relative_to(folder)), str(path.resolve()), _read(path)

    return files


def open_folder(port: str) -> socket.socket:
    """Return one end of a wire behind which a worker reads the files below ``port``; raises `OSError`."""
    folder = Path(port)
    next(folder.iterdir(), None)  # may it be read at all?
    near, far = socket.socketpair()
    near.setblocking(False)
    threading.Thread(target=_serve, args=(far, folder), name=f"files of {port}", daemon=True).start()
    return near


def _serve(far: socket.socket, folder: Path) -> None:
    """Answer until the other end is closed, or the folder is gone: then its device went away."""
    files, held = files_below(folder), b""
    with far, suppress(OSError):
        while data := far.recv(MOST_BYTES):
            held += data
            while b"\n" in held:
                line, _, held = held.partition(b"\n")
                if not folder.is_dir():
                    return
                far.sendall(answer(line.decode("utf-8", "replace"), files))


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES).decode("utf-8", "replace").strip()
    except OSError as error:
        return f"!{error.strerror or error}"


def _plain(text: str) -> str:
    return " ".join(text.split())
