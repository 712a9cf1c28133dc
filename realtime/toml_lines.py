"""Where in a TOML file a key stands, for error messages."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeAlias

KeyPath: TypeAlias = Sequence[str | int]
"""Path of tables and keys, with positions in lists of tables."""

_HEADER: Final = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]")
_ENTRY: Final = re.compile(r"^\s*((?:[\w-]+|\"[^\"]*\")(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"))*)\s*=")


def placed(path: Path, text: str, key: KeyPath, problem: str) -> str:
    """A problem with its place: file, line and key."""
    dotted = ".".join(map(str, key)) or "file"
    return f"{path}:{line_of(text, key)}: {dotted}: {problem}"


def line_of(text: str, key: KeyPath) -> int:
    """Line of a key, from 1; of the deepest table that leads to it if it is not there itself.

    Args:
        text: of the file.
        key: path of tables and keys, with positions in lists of tables.
    """
    wanted = tuple(map(str, key))
    table: tuple[str, ...] = ()
    counts: dict[tuple[str, ...], int] = {}
    best, depth = 1, 0
    for number, line in enumerate(text.splitlines(), start=1):
        place = table
        if header := _HEADER.match(line):
            place = table = _table(header, counts)
        elif entry := _ENTRY.match(line):
            place = (*table, *_split(entry.group(1)))
        else:
            continue
        if len(place) > depth and wanted[: len(place)] == place:
            best, depth = number, len(place)
    return best


def _table(header: re.Match[str], counts: dict[tuple[str, ...], int]) -> tuple[str, ...]:
    """Path of a table header; one of a list of tables gets its position."""
    name = _split(header.group(2))
    if header.group(1) == "[":
        return name
    counts[name] = counts.get(name, -1) + 1
    return (*name, str(counts[name]))


def _split(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip('"') for part in dotted.split("."))
