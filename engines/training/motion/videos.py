"""Real videos with sound as training sequences: events come from their own soundtracks.

Any folder will do (VAS, Greatest Hits and AudioSet layouts are folders of video files). Places of
events are unknown, so such sequences teach only when something sounds.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
import numpy as np
import torch
from numpy.typing import NDArray

from synchresis.engines.decoding import picture_stream, upright
from synchresis.engines.motion.analysis import AnalysisState, analyse
from synchresis.engines.motion.parser import cell_centres, write_flow_input
from synchresis.engines.onsets import Onsets, band_weights, find_onsets
from synchresis.engines.teach.soundtracks import read_soundtrack
from synchresis.engines.training.motion.batch import SOUND_BANDS, Batch
from synchresis.engines.training.motion.film import EVENTS, GRID
from synchresis.engines.training.motion.workers import Workers
from synchresis.errors import InputError, reason_of
from synchresis.kernels.flow import Flow, FlowSettings

SUFFIXES: Final = frozenset({".mp4", ".mkv", ".webm", ".avi", ".mov", ".m4v", ".mpg", ".flv"})
"""Names of video files end so."""

RATE: Final = 48_000
"""Samples per second soundtracks are brought to."""

LONGEST_S: Final = 30.0
"""Only so much of each video is read at a time."""

WINDOW: Final = 2048
"""Samples of the spectrum round a frame."""

log = logging.getLogger("synchresis.training")


@dataclass(frozen=True, slots=True)
class Video:
    """One video as the network sees it, with the events of its soundtrack.

    Attributes:
        pixels: uint8[T, 120, 160].
        flow: float16[T, 4, rows, cols].
        motion: float32[T, 6].
        captured_s: float64[T], from the first frame.
        onsets: times from the first frame.
        sound: float32[T, SOUND_BANDS].
    """

    pixels: NDArray[np.uint8]
    flow: NDArray[np.float16]
    motion: NDArray[np.float32]
    captured_s: NDArray[np.float64]
    onsets: Onsets
    sound: NDArray[np.float32]


def find_videos(folder: Path) -> tuple[Path, ...]:
    """Video files below a folder, sorted.

    Raises:
        InputError: there are none.
    """
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    if not found:
        raise InputError(f"{folder} holds no video files ({', '.join(sorted(SUFFIXES))})")
    return tuple(found)


def read_video(path: Path, *, longest_s: float = LONGEST_S) -> Video:
    """Decode, measure flow as the live parser does, find the soundtrack's onsets.

    Raises:
        InputError: no pictures or no sound in it.
    """
    sound, sound_s = read_soundtrack(path, longest_s)
    pixels, flows, motions, times = [], [], [], []
    for time_s, state, flow_input, motion in analysed(path, longest_s):
        pixels.append(state.small.copy())
        flows.append(flow_input[0].astype(np.float16))
        motions.append(motion.copy())
        times.append(time_s)
    if len(times) < 2:
        raise InputError(f"video {path} has fewer than two pictures")
    captured = np.array(times)
    shift = sound_s - captured[0]
    found = find_onsets(sound, RATE)
    onsets = Onsets(found.time_s + shift, found.level_db, found.rise_db)
    captured -= captured[0]
    return Video(
        np.stack(pixels),
        np.stack(flows),
        np.stack(motions),
        captured,
        onsets,
        bands_at(sound, captured - shift),
    )


def analysed(
    path: Path, longest_s: float
) -> Iterator[tuple[float, AnalysisState, NDArray[np.float32], NDArray[np.float32]]]:
    """Frame by frame: time, analysis pictures, flow input, global motion (views)."""
    kernel = Flow(FlowSettings())
    state, flow_state = AnalysisState.allocate(), kernel.initial_state()
    flow_input = np.zeros((1, 4, *GRID), np.float32)
    cells = cell_centres(*GRID)
    before: float | None = None
    try:
        with av.open(str(path)) as container:
            for frame in container.decode(picture_stream(container)):
                time_s = float(frame.time or 0.0)
                picture = upright(frame, "gray")
                step = 1 / 30 if before is None else time_s - before
                if step <= 0:
                    continue
                analyse(picture, state)
                aspect = picture.shape[0] / picture.shape[1]
                dt_s = min(max(step, 1 / 240), 0.25)
                field = kernel.step(state.grey, dt_s, flow_state, aspect=aspect)
                write_flow_input(field, cells, flow_input)
                yield time_s, state, flow_input, field.motion
                before = time_s
                if time_s > longest_s:
                    return
    except (av.error.FFmpegError, OSError) as err:
        raise InputError(f"video {path} cannot be read: {reason_of(err)}") from err


def bands_at(sound: NDArray[np.float32], times_s: NDArray[np.float64]) -> NDArray[np.float32]:
    """Log energy round moments of a sound: float32[T, SOUND_BANDS], 0 for silence."""
    padded = np.pad(sound, WINDOW)
    first = np.clip(np.round(times_s * RATE).astype(int) + WINDOW // 2, 0, len(padded) - WINDOW)
    rows = np.stack([padded[k : k + WINDOW] for k in first]) * np.hanning(WINDOW)
    fine = np.abs(np.fft.rfft(rows)) @ band_weights(WINDOW, RATE)
    bands = fine.reshape(len(rows), SOUND_BANDS, -1).mean(2)
    return np.log10(1.0 + 1e3 * bands / (bands.max() + 1e-9)).astype(np.float32)


def cut(video: Video, frames: int, first: int) -> Batch:
    """One sequence of a video, from its frame `first` on."""
    part = slice(first, first + frames)
    captured = video.captured_s[part]
    begin, end = captured[0], captured[-1]
    near = (video.onsets.time_s > begin) & (video.onsets.time_s < end + 0.2)
    times, strengths = video.onsets.time_s[near][:EVENTS], video.onsets.strength[near][:EVENTS]
    event_s, strength = np.full(EVENTS, np.inf), np.zeros(EVENTS)
    event_s[: len(times)], strength[: len(times)] = times - begin, strengths
    named = {
        "pixels": video.pixels[part],
        "flow": video.flow[part],
        "motion": video.motion[part],
        "captured_s": (captured - begin).astype(np.float32),
        "event_s": event_s.astype(np.float32),
        "event_xy": np.full((EVENTS, 2), 0.5, np.float32),
        "event_strength": strength.astype(np.float32),
        "levels": np.zeros((frames, 2), np.float32),
        "located": np.array(False),
        "sound": video.sound[part],
    }
    return Batch(**{name: torch.from_numpy(np.array(v))[None] for name, v in named.items()})


def video_feed(folder: Path, *, frames: int, workers: int, seed: int) -> Workers[list[Batch]]:
    """Worker processes that read videos in random order, for ever.

    Args:
        folder: of video files.
        frames: of a sequence.
        workers: processes.
        seed: of the order.
    """
    paths = find_videos(folder)
    arguments = [(paths, frames, [seed, k]) for k in range(workers)]
    return Workers(sequences, arguments, ahead=4 * workers)


def sequences(paths: tuple[Path, ...], frames: int, seed: list[int]) -> Iterator[list[Batch]]:
    """Sequences of one video after another; ends when no video can be used."""
    rng = np.random.default_rng(seed)
    useless: set[Path] = set()
    while len(useless) < len(paths):
        path = paths[rng.integers(len(paths))]
        if path in useless:
            continue
        try:
            video = read_video(path)
        except InputError as err:
            log.warning("%s", err)
            useless.add(path)
            continue
        spare = len(video.captured_s) - frames
        if spare < 0:
            log.warning("video %s has fewer than %d frames", path, frames)
            useless.add(path)
            continue
        count = 1 + spare // frames
        yield [cut(video, frames, int(rng.integers(spare + 1))) for _ in range(count)]
