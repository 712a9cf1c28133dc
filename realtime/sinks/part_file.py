"""A file that appears under its name only when it is complete."""

import itertools
import os
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

    def commit(self) -> None:
        """Give the file its name, replacing one that has it."""
        self.temporary.replace(self.path)

    def set_aside(self) -> Path | None:
        """Give the file a free name beside its own, which says that it is not whole.

        Returns:
            Where it is; the temporary name if it can get no other, None if there is none.
        """
        if not self.temporary.exists():
            return None
        numbers = itertools.chain([""], itertools.count(2))
        path, ending = self.path, self.path.suffix
        names = (path.with_name(f"{path.stem}.broken-off{n}{ending}") for n in numbers)
        aside = next(name for name in names if not name.exists())
        try:
            self.temporary.replace(aside)
        except OSError:
            return self.temporary
        return aside

    def discard(self) -> None:
        """Remove the temporary file, if there is one."""
        self.temporary.unlink(missing_ok=True)
