"""``python -m rig.guardian BENCH RUN_DIR READY_FD WATCHDOG``: a guardian for one run, started by its runner."""

import os
import sys

from rig.errors import RigError
from rig.guardian.server import guard_bench


def main(arguments: list[str]) -> int:
    """Guard; say on the descriptor whether that is possible."""
    bench, run_dir, ready_fd, watchdog = arguments
    descriptor = int(ready_fd)

    def ready() -> None:
        os.write(descriptor, b"ready\n")
        os.close(descriptor)

    os.chdir("/")
    try:
        return guard_bench(bench, run_dir, lasting=False, watchdog=watchdog, ready=ready)
    except (RigError, OSError) as error:
        os.write(descriptor, f"{error}\n".encode())
        return 4


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
