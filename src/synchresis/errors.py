"""Errors of the whole package; a message gives name, value, rule and remedy."""


class SynchresisError(Exception):
    """Root of every error this package raises on purpose."""


class ParameterError(SynchresisError, ValueError):
    """A setting or argument is outside what is allowed."""


class InputError(SynchresisError):
    """A file, folder, stream or message cannot be used as given."""


class PackError(InputError):
    """A pack is missing, corrupt, tampered with or of another format."""


class EngineError(SynchresisError):
    """An engine cannot be built, loaded or run, or gives wrong numbers."""


class DeviceError(SynchresisError):
    """A camera, audio device or GPU is absent, busy or went away."""


class DeviceClockError(DeviceError):
    """A device's clock jumped while it was read: what was measured by it must be measured again."""


class TransportError(SynchresisError):
    """A socket, link or peer cannot be used."""


def reason_of(err: Exception) -> str:
    """What the system, FFmpeg or libsndfile says is wrong, without the file name it says it of."""
    for name in ("error_string", "strerror"):  # libsndfile's; the system's and FFmpeg's
        reason = getattr(err, name, None)
        if reason:
            return str(reason).rstrip(".")
    return str(err)


def how_to_install(extra: str) -> str:
    """The remedy where an optional part of the installation is missing: its extra, or several."""
    return f"pip install '.[{extra}]' in the project's folder"
