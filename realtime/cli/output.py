"""Printing for programs and for people."""

import sys
from collections.abc import Sequence


def print_json(value: object) -> None:
    """One line of JSON to stdout."""
    import msgspec

    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.flush()


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their longest entry; the last one runs free."""
    columns = zip(*rows, strict=True)
    widths = [max(map(len, column)) for column in columns][:-1]
    for row in rows:
        fixed = (cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True))
        print("  ".join([*fixed, row[-1]]).rstrip())
