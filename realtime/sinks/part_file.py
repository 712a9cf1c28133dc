"""A file that appears under its name only when it is complete."""

import itertools
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from synchresis.errors import InputError

HEADER_BYTES: Final = 128
"""A part no larger than this holds no sound."""


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
        self._lock: int | None = None

    def hold(self) -> bool:
        """Lock the temporary file, so that nobody takes it for one left behind.

        Returns:
            Whether it was free.
        """
        try:
            import fcntl
        except ImportError:  # outside Unix nobody looks for what was left behind
            return False
        lock = os.open(self.temporary, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            return False
        self._lock = lock
        return True

    def release(self) -> None:
        """Unlock it; no effect if it is not held."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def commit(self, *, keeps: bool = False) -> Path | None:
        """Give the file its name, replacing one that has it.

        Args:
            keeps: whether that one is given another name before.

        Returns:
            The name it was given, None if there was none or it was replaced.

        Raises:
            OSError: the file cannot get its name; the one that has it is as before.
        """
        before = self._keep_before() if keeps and self.path.exists() else None
        try:
            self.temporary.replace(self.path)
        except OSError:
            if before is not None and self.path.exists():  # a link to it
                before.unlink()
            elif before is not None:
                before.replace(self.path)
            raise
        finally:
            self.release()
        return before

    def set_aside(self) -> Path | None:
        """Give the file a free name beside its own, which says that it is not whole.

        Returns:
            Where it is; the temporary name if it can get no other, None if there is none.
        """
        self.release()
        if not self.temporary.exists():
            return None
        aside = next(name for name in self._names("broken-off") if not name.exists())
        try:
            self.temporary.replace(aside)
        except OSError:
            return self.temporary
        return aside

    def orphans(self) -> "Iterator[PartFile]":
        """What was begun for the same name by processes that are no more, and holds sound."""
        name = re.compile(rf"\.{re.escape(self.path.name)}\.(\d+)\.part")
        found = []
        with suppress(OSError):  # a folder that may be written, but not read
            found = [name.fullmatch(path.name) for path in self.path.parent.iterdir()]
        for process in (int(match[1]) for match in found if match):
            part = PartFile(self.path, process=process)
            with suppress(OSError):
                if part.hold():
                    part.release()
                    if part.temporary.stat().st_size > HEADER_BYTES:
                        yield part
                    else:
                        part.discard()

    def discard(self) -> None:
        """Remove the temporary file, if there is one."""
        self.release()
        self.temporary.unlink(missing_ok=True)

    def _names(self, word: str) -> Iterator[Path]:
        """Names beside the file's own, with a word in them."""
        path, ending = self.path, self.path.suffix
        for number in itertools.chain([""], itertools.count(2)):
            yield path.with_name(f"{path.stem}.{word}{number}{ending}")

    def _keep_before(self) -> Path:
        """Give the file that has the name another one, that nothing has, besides."""
        for name in self._names("before"):
            try:
                os.link(self.path, name)
            except FileExistsError:
                continue
            except OSError:  # no links on this disk
                if name.exists():
                    continue
                self.path.replace(name)
            return name
        raise AssertionError("names are endless")
