"""Teach the motion side: a performer's own recording, as an overlay on a pack."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from safetensors.numpy import save

from synchresis.engines.frame import Frame
from synchresis.engines.motion.readout import FILE, MIRRORED
from synchresis.engines.motion.replay import Times
from synchresis.engines.packs import Pack, check_overlay, write_overlay
from synchresis.engines.packs.manifest import Free
from synchresis.engines.teach.checking import Fit, chosen, held_back, recorded, ways, within
from synchresis.engines.teach.lessons import STILL, Lesson, moving
from synchresis.engines.teach.prior import prior_of
from synchresis.engines.teach.silence import learn_silence
from synchresis.engines.teach.soundtracks import Sound, heard_hits, read_soundtrack
from synchresis.engines.teach.watching import (
    Watched,
    Watcher,
    film_frames,
    joined,
    watch,
)
from synchresis.errors import InputError, ParameterError

LONGEST_S: Final = 300.0
"""So much of each video is read."""

SHORTEST_S: Final = 2.0
"""Shorter recordings of silence say nothing."""

LEAST_HITS: Final = 8
"""Fewer hits than this teach nothing that could be checked."""

LEAST_SKILL: Final = 0.1
"""Timing skill on parts held back under which sound and picture do not belong together."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A performance to learn from.

    Attributes:
        name: for messages.
        frames: in time order.
        sound: float32[N] at 48 kHz; not listened to where it is silent.
        sound_s: time of its first sample on the frames' clock, seconds.
        aspect: height over width of what is shown, None where pixels are square.
        mirrored: whether a camera was shown as a mirror does, as it is to be when playing.
        silent: whether all that moves in it shall not sound, whatever is heard.
    """

    name: str
    frames: Iterable[Frame]
    sound: Sound
    sound_s: float = 0.0
    aspect: float | None = None
    mirrored: bool = False
    silent: bool = False


def video_recording(path: Path, *, silent: bool = False) -> Recording:
    """A video with its own soundtrack, or one of what shall not sound, which needs none.

    Raises:
        InputError: no pictures or no sound that can be read.
    """
    if silent:
        next(
            film_frames(path, LONGEST_S), None
        )  # refused now if at all, not after hits were watched
        return silent_recording(str(path), film_frames(path, LONGEST_S))
    sound, sound_s = read_soundtrack(path, LONGEST_S)
    return Recording(str(path), film_frames(path, LONGEST_S), sound, sound_s)


def silent_recording(
    name: str, frames: Iterable[Frame], *, aspect: float | None = None
) -> Recording:
    """Frames in which nothing happens that shall sound."""
    return Recording(name, frames, np.zeros(0, np.float32), aspect=aspect, silent=True)


def watch_all(recordings: Sequence[Recording], base: Pack) -> tuple[Watched, Times]:
    """What the base pack's network sees, and the hits that are heard, all on one clock.

    Raises:
        InputError: silence, or too few pictures.
        ParameterError: the base was taught itself.
    """
    if base.base is not None:
        raise ParameterError(f"pack {base.name!r} is an overlay; teach from a full pack")
    heard = [heard_s(one) for one in recordings]
    watcher = Watcher(base, backend="onnx")
    watcher.prepare()
    seen = [watched(one, watcher) for one in recordings]
    watcher.close()
    return joined(seen, heard)


def watched(recording: Recording, watcher: Watcher) -> Watched:
    """What a network sees of a recording; `InputError` where it is too short."""
    seen = watch(recording.frames, watcher, aspect=recording.aspect, name=recording.name)
    if recording.silent and seen.seconds < SHORTEST_S:
        raise InputError(
            f"{recording.name}: {seen.seconds:.1f} s of what shall not sound are too short; "
            f"at least {SHORTEST_S:.0f} s are needed"
        )
    return seen


def heard_s(recording: Recording) -> Times:
    """When hits are heard in a recording, on the clock of its frames."""
    if recording.silent:
        return np.zeros(0)
    found = heard_hits(recording.sound, f"the sound of {recording.name}")
    return found.time_s + recording.sound_s


def learn(seen: Watched, onsets_s: Times, fits: Mapping[str, Fit]) -> Lesson:
    """Learn from a recording what helps on parts of it that are held back.

    Args:
        seen: the recording.
        onsets_s: hits heard in it.
        fits: ways to teach, of `ways_of(base)`.

    Raises:
        InputError: nothing moves, too few hits, sound and picture that do not go together, or
            nothing that helps; the message says which.
    """
    if moving(sounding(seen, onsets_s)) < STILL:
        raise InputError("nothing moves in the picture; is the camera covered or switched off?")
    if len(onsets_s) < LEAST_HITS:
        raise InputError(
            f"{len(onsets_s)} hits heard, at least {LEAST_HITS} are needed; is it the right "
            "microphone? Hit more often, and louder than the room"
        )
    checks = held_back(seen, onsets_s, fits)
    way, before = chosen(checks), checks["shipped"].timing
    if checks[way].timing <= before:
        way = max(("threshold", "readout"), key=lambda name: checks[name].timing)
    after = checks[way].timing
    if after < LEAST_SKILL:
        raise InputError(
            f"sound and picture do not go together (timing skill {after:.2f} on parts held back, "
            f"at least {LEAST_SKILL} is needed); is it the right microphone, are the hits in the "
            "picture?"
        )
    if after <= before:
        raise InputError(
            f"not kept: on parts held back the pack as it is does as well (timing skill "
            f"{before:.2f}, taught {after:.2f}); use it as it is, or record longer"
        )
    return Lesson(fits[way](seen, onsets_s), way, checks, len(onsets_s), seen.seconds)


def ways_of(base: Pack) -> dict[str, Fit]:
    """What can be taught on a pack, least first."""
    return ways(base.motion.threshold, prior_of(base))


def sounding(seen: Watched, onsets_s: Times) -> Watched:
    """The recordings in which something is heard; all if there are none."""
    heard = [span for span in recorded(seen) if within(onsets_s, [span]).any()]
    return seen.part(within(seen.captured_s, heard)) if heard else seen


def write_taught(folder: Path, lesson: Lesson, base: Pack, *, mirrored: bool) -> Pack:
    """Write a lesson as a pack on its base, whole or not at all; a palette taught there stays."""
    taught = lesson.taught
    before, after = lesson.checks["shipped"], lesson.checks[lesson.way]
    numbers: Free = {
        MIRRORED: mirrored,
        "lag_s": round(taught.lag_s, 4),
        "threshold": round(taught.threshold, 4),
        "hits": lesson.hits,
        "seconds": round(lesson.seconds, 1),
        "way": lesson.way,
    }
    if lesson.hits:
        numbers |= {"before": round(before.timing, 3), "after": round(after.timing, 3)}
    if before.silent_per_minute is not None and after.silent_per_minute is not None:
        numbers["silent_before"] = round(before.silent_per_minute, 2)
        numbers["silent_after"] = round(after.silent_per_minute, 2)
    files = {}
    if taught.readout is not None:
        numbers["lookahead_max_ms"] = 0.0
        files[FILE] = save(taught.readout.tensors())
    return write_overlay(folder, base, files, overlay=numbers)


def check_folder(folder: Path, base: Pack, *, hits: bool, silence: bool) -> None:
    """Refuse, before anything takes its time, to replace what a lesson does not bring itself.

    Args:
        folder: where the pack stands or will stand.
        base: pack to teach.
        hits: whether the lesson has some.
        silence: whether it has some.

    Raises:
        ParameterError: another pack stands there, or hits and only silence is taught, or silence
            and only hits are.
    """
    before = check_overlay(folder, base)
    if before is None or not before.overlay:
        return
    had_hits = bool(before.overlay.get("hits"))
    had_silence = not had_hits or "silent_after" in before.overlay
    for lost, had, given in (("hits", had_hits, hits), ("silence", had_silence, silence)):
        if had and not given:
            other = "silence" if lost == "hits" else "hits"
            raise ParameterError(
                f"{folder} holds {lost} that {other} alone would replace: teach both together "
                "(videos of hits, then --silent and videos of silence; or --camera with "
                "--silent-first), or choose another name"
            )


def teach_motion(
    recordings: Sequence[Recording], *, base: Pack, folder: Path
) -> tuple[Pack, Lesson]:
    """Learn from recordings and write an overlay pack; a palette taught in it before stays.

    Args:
        recordings: of one performer and one place, camera and microphone the same; silent ones
            alone raise the threshold, beside others they teach the readout what is none.
        base: pack to teach.
        folder: of the overlay; its name is the pack's.

    Raises:
        InputError: nothing was learned; nothing is written.
        ParameterError: the base was taught itself, or see `check_folder`.
    """
    silent = [one.silent for one in recordings]
    check_folder(folder, base, hits=not all(silent), silence=any(silent))
    seen, onsets_s = watch_all(recordings, base)
    if all(silent):
        lesson = learn_silence(seen, base.motion.threshold)
    else:
        lesson = learn(seen, onsets_s, ways_of(base))
    mirrored = any(one.mirrored for one in recordings)
    return write_taught(folder, lesson, base, mirrored=mirrored), lesson
