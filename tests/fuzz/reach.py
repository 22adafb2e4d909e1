"""Which lines of a decoder a corpus reaches: ``python -m tests.fuzz.reach TARGET CORPUS`` prints reached and all."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from inspect import CO_NEWLOCALS
from pathlib import Path
from pkgutil import iter_modules
from types import CodeType, FrameType
from typing import Any

from tests.fuzz.targets import TARGETS, Target


def reached(target: Target, inputs: Iterator[bytes]) -> tuple[int, int, list[str]]:
    """Return lines reached, lines there are, and the places of the others.

    Lines of functions that a check never enters do not count: the same modules also write.
    """
    check = target.load()
    functions = {code for name in target.code for module in _modules(name) for code in _functions(module)}
    places = {(code.co_filename, code.co_name, code.co_firstlineno): set(_lines(code)) for code in functions}
    seen: set[tuple[str, int]] = set()
    entered: set[tuple[str, str, int]] = set()

    def local(frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            seen.add((frame.f_code.co_filename, frame.f_lineno))
        return local

    def trace(frame: FrameType, _event: str, _argument: Any) -> Any:
        code = frame.f_code
        place = (code.co_filename, code.co_name, code.co_firstlineno)
        if place not in places:
            return None
        entered.add(place)
        return local

    sys.settrace(trace)
    try:
        for data in inputs:
            check(data)
    finally:
        sys.settrace(None)
    lines = {line for place in entered for line in places[place]}
    return len(lines & seen), len(lines), sorted(f"{Path(file).name}:{line}" for file, line in lines - seen)


def _modules(name: str) -> Iterator[Any]:
    module = import_module(name)
    yield module
    for found in iter_modules(getattr(module, "__path__", [])):
        yield from _modules(f"{name}.{found.name}")


def _functions(module: Any) -> Iterator[CodeType]:
    """Yield the code of every function of a module."""
    source = Path(module.__file__)
    todo = [compile(source.read_text("utf-8"), str(source), "exec")]
    while todo:
        code = todo.pop()
        todo += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        if code.co_flags & CO_NEWLOCALS:  # neither a module nor the body of a class
            yield code


def _lines(code: CodeType) -> Iterator[tuple[str, int]]:
    return ((code.co_filename, line) for _, _, line in code.co_lines() if line and line > code.co_firstlineno)


def main(arguments: list[str]) -> None:
    """Print how far a corpus gets."""
    target = TARGETS[arguments[0]]
    inputs = (file.read_bytes() for file in sorted(Path(arguments[1]).iterdir()))
    lines, of, missed = reached(target, inputs)
    sys.stdout.write(f"{lines} {of}\n")
    sys.stderr.write(f"{' '.join(missed)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
