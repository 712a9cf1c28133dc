"""Write a file beside its place and move it there when it is whole."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from synchresis.errors import InputError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a path to write to; it becomes `path` if the block ends well, else nothing is left.

    The temporary file keeps the suffix, which some writers go by.

    Raises:
        InputError: the folder is missing or cannot be written to, before anything is done.
    """
    temporary = _reserve(path)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _reserve(path: Path) -> Path:
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file to write")
    if not path.parent.is_dir():
        raise InputError(f"{path}: folder {path.parent} is not there; make it first")
    try:
        handle, name = tempfile.mkstemp(
            prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent
        )
    except OSError as err:
        raise InputError(f"{path}: cannot be written ({err.strerror})") from err
    os.close(handle)
    return Path(name)


def _umask() -> int:
    """The process' umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
