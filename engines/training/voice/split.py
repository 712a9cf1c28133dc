"""Which recordings are held back from training, and why; the list is in held_out.csv.

Written once, before any training, by `python -m synchresis.engines.training.voice.split FOLDER`:
whole families (another object or recording set-up) where a palette has at least six, and single
takes or velocities of families that have at least four recordings.
"""

import csv
import hashlib
import sys
from collections import defaultdict
from pathlib import Path
from typing import Final, Literal

from synchresis.errors import InputError, reason_of

Kind = Literal["family", "take", "velocity"]
Row = dict[str, str]

HELD_OUT: Final = Path(__file__).with_name("held_out.csv")
"""The list: file, kind."""

COLUMNS: Final = ("file", "palette", "family", "level_within_family", "velocity_rank")
"""Of a manifest of recordings, those that are read."""

_FAMILY_SHARE, _TAKE_SHARE = 0.08, 0.12


def read_manifest(folder: Path) -> list[Row]:
    """Rows of a folder's manifest.csv.

    Raises:
        InputError: it is missing, or not one of recordings.
    """
    path = folder / "manifest.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as err:
        raise InputError(f"{path} cannot be read: {reason_of(err)}") from err
    missing = [name for name in COLUMNS if not rows or name not in rows[0]]
    if missing:
        raise InputError(f"{path} has no column {missing[0]!r}; give a folder of recordings")
    return rows


def read_held_out(path: Path = HELD_OUT) -> dict[str, Kind]:
    """File name → kind of everything held back."""
    with path.open(newline="", encoding="utf-8") as file:
        return {row["file"]: _kind(row["kind"]) for row in csv.DictReader(file)}


def level_kept(row: Row) -> bool:
    """Whether a recording's level within its family can be trusted."""
    return row["level_within_family"].startswith("kept")


def choose(rows: list[Row]) -> dict[str, Kind]:
    """File name → kind of what shall be held back; the same for the same manifest."""
    families: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        families[row["palette"]][row["family"]].append(row)
    held: dict[str, Kind] = {}
    for palette in families.values():
        apart = _families_apart(palette)
        for family, members in palette.items():
            if family in apart:
                held.update({row["file"]: "family" for row in members})
            elif len(members) >= 4:
                held.update(_takes_apart(members))
    return held


def _families_apart(palette: dict[str, list[Row]]) -> set[str]:
    """Families of a palette to hold back, small ones only, so that most recordings stay."""
    if len(palette) < 6:
        return set()
    small = [family for family, members in palette.items() if len(members) <= 8]
    small.sort(key=_draw)
    return set(small[: max(1, round(_FAMILY_SHARE * len(palette)))])


def _takes_apart(members: list[Row]) -> dict[str, Kind]:
    count = max(1, round(_TAKE_SHARE * len(members)))
    order = sorted(members, key=lambda row: _draw(row["file"]))
    return {
        row["file"]: "velocity" if level_kept(row) and row["velocity_rank"] else "take"
        for row in order[:count]
    }


def _draw(text: str) -> str:
    return hashlib.sha256(f"held out: {text}".encode()).hexdigest()


def _kind(text: str) -> Kind:
    if text not in ("family", "take", "velocity"):
        raise ValueError(f"kind {text!r} must be family, take or velocity")
    return text  # type: ignore[return-value]


def main() -> None:
    """Write held_out.csv for the recordings of a folder."""
    held = choose(read_manifest(Path(sys.argv[1])))
    with HELD_OUT.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("file", "kind"))
        writer.writerows(sorted(held.items()))


if __name__ == "__main__":
    main()
