"""WAV and FLAC files, written as the sound comes."""

import logging
from contextlib import suppress
from pathlib import Path
from typing import Final

import soundfile

from synchresis.engines.playout import Block
from synchresis.engines.timebase import SAMPLE_RATE
from synchresis.errors import InputError, ParameterError, reason_of
from synchresis.realtime.sinks.part_file import PartFile

SOUND_FORMATS: Final = {".wav": "WAV", ".flac": "FLAC"}
"""Endings of sound files and libsndfile's names for them."""

_log = logging.getLogger(__name__)


def check_output(path: str | Path, endings: tuple[str, ...] = tuple(SOUND_FORMATS)) -> str:
    """Ending of an output file, lower case.

    Raises:
        ParameterError: it is not one of `endings`.
    """
    ending = Path(path).suffix.lower()
    if ending not in endings:
        raise ParameterError(
            f"{path}: unknown output format {ending or 'without ending'!r}; "
            f"end the name in {', '.join(endings)}"
        )
    return ending


class SoundFileSink:
    """48 kHz stereo, 24 bits."""

    def __init__(self, path: str | Path, *, keeps: bool = False) -> None:
        """Begin the file, under a temporary name.

        Args:
            path: file to write.
            keeps: whether what was written is kept when it is aborted, as NAME.broken-off.wav, and
                a file that has the name, as NAME.before.wav: a performance cannot be repeated, a
                film can.

        Raises:
            ParameterError: the ending is not .wav or .flac.
            InputError: the folder is missing or may not be written.
        """
        ending = check_output(path)
        self._keeps = keeps
        self._part = PartFile(path)
        for orphan in self._part.orphans() if keeps else ():
            how = "; FFmpeg reads it" if ending == ".flac" else ""  # its header has no length
            aside = orphan.set_aside()
            _log.warning("what an earlier run had recorded is kept as %s%s", aside, how)
        try:
            self._file = soundfile.SoundFile(
                self._part.temporary,
                "w",
                SAMPLE_RATE,
                2,
                subtype="PCM_24",
                format=SOUND_FORMATS[ending],
            )
            self._part.hold()
        except (soundfile.LibsndfileError, OSError) as err:
            raise _refusal(self._part, err) from err

    def write(self, block: Block) -> None:
        """Append float32[N, 2].

        Raises:
            InputError: the disk is full or gone.
        """
        try:
            self._file.write(block)
        except (soundfile.LibsndfileError, OSError) as err:
            raise _refusal(self._part, err) from err

    def close(self) -> None:
        """Finish the file and give it its name; one without any sound is not kept.

        Raises:
            InputError: it cannot get its name; what was written stays under the temporary one.
        """
        if self._file.closed:
            return
        empty = self._file.frames == 0
        self._file.close()
        if empty:
            self._part.discard()
        else:
            self._commit()

    def _commit(self) -> None:
        try:
            before = self._part.commit(keeps=self._keeps)
        except OSError as err:
            raise _refusal(self._part, err) from err
        if before is not None:
            _log.warning("%s was there before; it is kept as %s", self._part.path, before)

    def abort(self) -> None:
        """Remove what was written, or keep it under another name."""
        if self._file.closed:
            return
        keeps = self._keeps and self._file.frames > 0
        with suppress(soundfile.LibsndfileError, OSError):  # the disk may be full or gone
            self._file.close()
        if keeps:
            aside = self._part.set_aside()
            _log.warning("what was recorded until then is kept as %s", aside)
        else:
            self._part.discard()


def _refusal(part: PartFile, err: Exception) -> InputError:
    """What is said instead of libsndfile's "System error", which names our temporary file."""
    return InputError(
        f"{part.path}: cannot be written ({reason_of(err)}); make room on the disk or choose "
        "another folder"
    )
