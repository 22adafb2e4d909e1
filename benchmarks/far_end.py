"""Far ends for the serial benchmarks: a process behind a pseudo-terminal that answers at once, in C where there is one.

A far end written in Python costs more than one in C and would flatter every ratio to the floor.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ANSWER = b"S S    12.3456 g\r\n"
SOURCE = r"""
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
/* echo DESCRIPTOR: answers each line.
   stream PERIOD_US COUNT WARM_MS DESCRIPTOR...: sends lines in turn, then writes the times of all of them. */
static const char answer[] = "S S    12.3456 g\r\n";
static long long now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}
int main(int argc, char **argv) {
    char buffer[4096];
    if (!strcmp(argv[1], "echo")) {
        int line = atoi(argv[2]);
        for (;;) {
            ssize_t got = read(line, buffer, sizeof buffer);
            if (got <= 0) return 0;
            for (ssize_t at = 0; at < got; at++)
                if (buffer[at] == '\n' && write(line, answer, sizeof answer - 1) < 0) return 1;
        }
    }
    long long period = atoll(argv[2]) * 1000, next = now() + atoll(argv[4]) * 1000000;
    long count = atol(argv[3]);
    int lines = argc - 5;
    long long *at = malloc(sizeof *at * count * lines);
    for (long i = 0; i < count * lines; i++) {
        next += period / lines;
        struct timespec until = {next / 1000000000LL, next % 1000000000LL};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, 0);
        at[i] = now();
        if (write(atoi(argv[5 + i % lines]), answer, sizeof answer - 1) < 0) return 1;
    }
    return write(1, at, sizeof *at * count * lines) < 0;
}
"""
READER = r"""
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
/* SECONDS DESCRIPTOR...: stamps every chunk; prints (index of descriptor, stamp) pairs. */
int main(int argc, char **argv) {
    int lines = argc - 2, got = 0;
    struct pollfd polled[64];
    static long long out[2000000];
    char buffer[4096];
    ssize_t size;
    struct timespec at;
    for (int i = 0; i < lines; i++) polled[i] = (struct pollfd){atoi(argv[2 + i]), POLLIN, 0};
    clock_gettime(CLOCK_MONOTONIC, &at);
    long long end = at.tv_sec * 1000000000LL + at.tv_nsec + atoll(argv[1]) * 1000000000LL;
    for (;;) {
        poll(polled, lines, 100);
        for (int i = 0; i < lines; i++)
            if (polled[i].revents & POLLIN && (size = read(polled[i].fd, buffer, sizeof buffer)) > 0) {
                clock_gettime(CLOCK_MONOTONIC, &at);
                for (ssize_t byte = 0; byte < size; byte++)
                    if (buffer[byte] == '\n') {
                        out[got++] = i;
                        out[got++] = at.tv_sec * 1000000000LL + at.tv_nsec;
                    }
            }
        clock_gettime(CLOCK_MONOTONIC, &at);
        if (at.tv_sec * 1000000000LL + at.tv_nsec > end) break;
    }
    return write(1, out, sizeof *out * got) < 0;
}
"""
PYTHON_ECHO = f"""
import os, sys
line = int(sys.argv[2])
while True:
    os.write(line, {ANSWER!r} * os.read(line, 4096).count(10))
"""


def compiled(folder: str, name: str, source: str) -> str:
    """Return a compiled program, or "" where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return ""
    path = Path(folder) / f"{name}.c"
    path.write_text(source)
    subprocess.run([compiler, "-O2", "-w", "-o", str(path.with_suffix("")), str(path)], check=True)
    return str(path.with_suffix(""))


def terminal() -> tuple[int, int, str]:
    """Return master and slave of a raw pseudo-terminal, and its name."""
    master, slave = os.openpty()
    tty.setraw(slave)
    tty.setraw(master)
    return master, slave, os.ttyname(slave)


@contextmanager
def answering() -> Iterator[tuple[str, str]]:
    """Yield the name of a port that answers each line, and the language of its far end."""
    master, slave, name = terminal()
    with tempfile.TemporaryDirectory() as folder:
        program = compiled(folder, "far_end", SOURCE)
        command = [program] if program else [sys.executable, "-c", PYTHON_ECHO]
        with subprocess.Popen([*command, "echo", str(master)], pass_fds=[master]) as process:
            try:
                yield name, "C" if program else "Python"
            finally:
                process.terminate()
    os.close(master)
    os.close(slave)
