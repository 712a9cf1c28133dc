"""Camera delays that `calibrate` measured, kept per camera between runs."""

import os
import tempfile
from pathlib import Path

import msgspec

from synchresis.environment import data_dir
from synchresis.errors import InputError

_FILE = "camera_delays.json"


def stored_delay_ms(camera: str) -> float | None:
    """Delay of a camera as last calibrated, milliseconds, 0 or more; None where it never was.

    Raises:
        InputError: the file of delays is corrupt.
    """
    delay_ms = _read(_path()).get(camera)
    return None if delay_ms is None else max(delay_ms, 0.0)


def store_delay_ms(camera: str, delay_ms: float) -> Path:
    """Keep a camera's delay for later runs.

    Returns:
        The file it is kept in.

    Raises:
        InputError: the file of delays is corrupt or cannot be written.
    """
    path = _path()
    delays = _read(path)
    delays[camera] = round(delay_ms, 1)
    _write(path, msgspec.json.format(msgspec.json.encode(delays)))
    return path


def _path() -> Path:
    return data_dir() / _FILE


def _read(path: Path) -> dict[str, float]:
    if not path.exists():
        return {}
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, float])
    except (OSError, msgspec.DecodeError) as err:
        raise InputError(f"{path}: {err}; remove it and calibrate again") from err


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except OSError as err:
        raise InputError(f"cannot write {path}: {err.strerror}") from err
