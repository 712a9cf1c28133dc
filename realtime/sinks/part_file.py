"""A file that appears under its name only when it is complete."""

import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path

from synchresis.errors import InputError


class PartFile:
    """A temporary neighbour of a file to be written.

    Attributes:
        path: the name the file gets in the end.
        temporary: where to write until then.
    """

    def __init__(self, path: str | Path, *, process: int | None = None) -> None:
        """Check the folder.

        Args:
            path: the name the file gets in the end.
            process: that writes or wrote it; this one by default.

        Raises:
            InputError: it does not exist or may not be written, or `path` is a folder.
        """
        self.path = Path(path)
        folder = self.path.parent
        if not folder.is_dir():
            raise InputError(f"{self.path}: folder {folder} does not exist; make it first")
        if self.path.is_dir():
            raise InputError(f"{self.path}: is a folder; give the name of a file")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise InputError(f"{self.path}: folder {folder} may not be written")
        self.temporary = folder / f".{self.path.name}.{process or os.getpid()}.part"

    def commit(self, *, keeps: bool = False) -> Path | None:
        """Give the file its name, replacing one that has it.

        Args:
            keeps: whether that one is given another name before.

        Returns:
            The name it was given, None if there was none or it was replaced.
        """
        before = self._free("before") if keeps and self.path.exists() else None
        if before is not None:
            self.path.replace(before)
        self.temporary.replace(self.path)
        return before

    def set_aside(self) -> Path | None:
        """Give the file a free name beside its own, which says that it is not whole.

        Returns:
            Where it is; the temporary name if it can get no other, None if there is none.
        """
        if not self.temporary.exists():
            return None
        aside = self._free("broken-off")
        try:
            self.temporary.replace(aside)
        except OSError:
            return self.temporary
        return aside

    def _free(self, word: str) -> Path:
        """A name beside the file's own, with a word in it, that nothing has."""
        numbers = itertools.chain([""], itertools.count(2))
        path, ending = self.path, self.path.suffix
        names = (path.with_name(f"{path.stem}.{word}{n}{ending}") for n in numbers)
        return next(name for name in names if not name.exists())

    def orphans(self) -> "Iterator[PartFile]":
        """What processes that are no more had written for the same name and never finished."""
        name = re.compile(rf"\.{re.escape(self.path.name)}\.(\d+)\.part")
        found = [name.fullmatch(path.name) for path in self.path.parent.iterdir()]
        for process in (int(match[1]) for match in found if match):
            if not is_running(process):
                yield PartFile(self.path, process=process)

    def discard(self) -> None:
        """Remove the temporary file, if there is one."""
        self.temporary.unlink(missing_ok=True)


def is_running(process: int) -> bool:
    """Whether there is a process of this number; one that may not be asked is."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
