"""YAML text as a tree of nodes that know their lines; nothing is constructed, resolved or expanded.

Built from the parser's event stream, not by recursion: size, depth and number of nodes are bounded, and anchors,
aliases, tags and second documents are refused, so that no file can make the reader slow or large. Scalars stay text
exactly as written: ``06:00`` is not a number here, and ``no`` is not false.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rig.errors import ScenarioError

LARGEST_FILE = 262_144  # bytes
MOST_NODES = 20_000
DEEPEST = 12
_STRANGE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_EMPTY = ("", "~", "null", "Null", "NULL")


@dataclass(frozen=True, slots=True)
class Place:
    """A spot in a file, and the keys that lead there; prints as ``file:line: key.key``."""

    name: str
    line: int
    path: str = ""

    def __str__(self) -> str:
        """Return the text that stands in front of a message."""
        spot = f"{self.name}:{self.line}" if self.line else self.name
        return f"{spot}: {self.path}" if self.path else spot

    def at(self, node: Node, key: str) -> Place:
        """Return the place of ``node``, reached from here by ``key``; a key such as ``[2]`` is joined without a dot."""
        dot = "." if self.path and not key.startswith("[") else ""
        return Place(self.name, node.line, f"{self.path}{dot}{key}")


@dataclass(slots=True)
class Node:
    """What every node has."""

    line: int


@dataclass(slots=True)
class Scalar(Node):
    """A word, number or text as written; ``plain`` when it stood without quotes."""

    text: str = ""
    plain: bool = True

    @property
    def empty(self) -> bool:
        """Return whether nothing was written."""
        return self.plain and self.text in _EMPTY


@dataclass(slots=True)
class Sequence(Node):
    """A list."""

    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Mapping(Node):
    """Keys with values, in the order of the file; doubled keys were refused."""

    pairs: list[tuple[Scalar, Node]] = field(default_factory=list)


def read_file(path: Path) -> str:
    """Return the text of a scenario file; raises `ScenarioError` when it is not one."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ScenarioError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if len(raw) > LARGEST_FILE:
        raise ScenarioError(f"larger than {LARGEST_FILE} bytes", where=str(path), expected="a scenario file")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ScenarioError("not a text file (UTF-8)", where=str(path), expected="a scenario in YAML") from error


def compose(text: str, name: str) -> Mapping:
    """Return the one mapping that a scenario file consists of; raises `ScenarioError` with the line."""
    import yaml  # noqa: PLC0415 - only reading a scenario pays for the import

    _refuse_strange_text(text, name)
    builder = _Builder(name)
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise ScenarioError(f"not valid YAML: {what}", where=str(Place(name, line))) from None
    except yaml.YAMLError as error:
        raise ScenarioError(f"not valid YAML: {error}", where=name) from None
    except ValueError as error:  # such as an escape for a character that does not exist
        raise ScenarioError(f"not valid YAML: {error}", where=name) from None
    if builder.root is None:
        raise ScenarioError("the file is empty", where=name, expected="keys such as 'schema', 'id', 'steps'")
    if not isinstance(builder.root, Mapping):
        where = str(Place(name, builder.root.line))
        raise ScenarioError("not a scenario", where=where, expected="keys such as 'schema: 1'")
    return builder.root


def _refuse_strange_text(text: str, name: str) -> None:
    """Refuse what YAML's own messages explain badly: control characters and tabs that indent."""
    if len(text) > LARGEST_FILE:
        raise ScenarioError(f"larger than {LARGEST_FILE} characters", where=name, expected="a scenario file")
    if match := _STRANGE.search(text):
        line = text.count("\n", 0, match.start()) + 1
        what = f"not a text file: character {ord(match[0]):#04x}"
        raise ScenarioError(what, where=str(Place(name, line)), expected="a scenario in YAML")
    if match := re.search(r"^ *\t", text, re.MULTILINE):
        line = text.count("\n", 0, match.start()) + 1
        raise ScenarioError("a tab stands in the indentation", where=str(Place(name, line)), expected="spaces")


class _Builder:
    """Turns parser events into nodes, without recursion."""

    def __init__(self, name: str) -> None:
        self.root: Node | None = None
        self._name = name
        self._open: list[Node] = []
        self._keys: list[Scalar | None] = []  # for each open mapping the key that waits for its value
        self._seen: list[dict[str, int]] = []  # for each open mapping its keys and their lines
        self._count = 0
        self._documents = 0

    def take(self, event: Any) -> None:
        """Take one parser event."""
        kind = type(event).__name__
        line = event.start_mark.line + 1
        if kind == "DocumentStartEvent":
            self._documents += 1
            if self._documents > 1:
                raise self._refuse(line, "a second document begins", "one scenario in a file")
        elif kind == "AliasEvent" or getattr(event, "anchor", None) is not None:
            raise self._refuse(line, "anchors (&) and aliases (*) are not allowed", "each value written out")
        elif kind == "ScalarEvent":
            self._tagless(event, line)
            if _STRANGE.search(event.value):
                raise self._refuse(line, "a value holds a control character", "text that can be printed")
            self._add(Scalar(line, event.value, event.style is None))
        elif kind in {"SequenceStartEvent", "MappingStartEvent"}:
            self._tagless(event, line)
            self._begin(Sequence(line) if kind == "SequenceStartEvent" else Mapping(line))
        elif kind in {"SequenceEndEvent", "MappingEndEvent"}:
            self._open.pop()
            self._keys.pop()
            self._seen.pop()

    def _begin(self, node: Node) -> None:
        self._add(node)
        if len(self._open) >= DEEPEST:
            raise self._refuse(node.line, f"nested more than {DEEPEST} levels deep", "a scenario")
        self._open.append(node)
        self._keys.append(None)
        self._seen.append({})

    def _add(self, node: Node) -> None:
        self._count += 1
        if self._count > MOST_NODES:
            raise self._refuse(node.line, f"more than {MOST_NODES} values", "a scenario")
        if not self._open:
            if not (isinstance(node, Scalar) and node.empty):
                self.root = node
            return
        parent = self._open[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
        elif isinstance(parent, Mapping):
            self._add_pair(parent, node)

    def _add_pair(self, parent: Mapping, node: Node) -> None:
        key = self._keys[-1]
        if key is not None:
            parent.pairs.append((key, node))
            self._keys[-1] = None
            return
        if not isinstance(node, Scalar):
            raise self._refuse(node.line, "a list or mapping stands where a key belongs", "'key: value'")
        seen = self._seen[-1]
        if node.text in seen:
            what = f"the key '{node.text[:40]}' stands twice, first on line {seen[node.text]}"
            raise self._refuse(node.line, what, "each key once")
        seen[node.text] = node.line
        self._keys[-1] = node

    def _tagless(self, event: Any, line: int) -> None:
        if event.tag is not None:
            raise self._refuse(line, f"the tag '{event.tag}' is not allowed", "plain values")

    def _refuse(self, line: int, what: str, expected: str) -> ScenarioError:
        return ScenarioError(what, where=str(Place(self._name, line)), expected=expected)
