"""Make docs/images/at-work.png: frames of a scene with the map over them, their sound below.

Run from the repository's root: `.venv/bin/python docs/at_work.py [SCENE]`.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from synchresis.engines.gesture import Event
from synchresis.engines.instrument import Instrument, InstrumentSettings
from synchresis.engines.packs import load_pack
from synchresis.engines.pipeline import VirtualPlayout
from synchresis.engines.scenes import Scene, SceneEvent
from synchresis.engines.timebase import NS_PER_S, SAMPLE_RATE
from synchresis.engines.zone import Zone
from synchresis.realtime.preview import Look, draw_look
from synchresis.realtime.sources import SourceSettings, open_film

SECONDS = 4.0
PICTURES = 5
OUT = Path("docs/images/at-work.png")


@dataclass
class Watched:
    """What was seen and heard.

    Attributes:
        looks: preview of each frame; times: of the frames, seconds.
        events: hits found; sound: float32[N], mono, -1 to 1.
    """

    looks: list[NDArray[np.uint8]]
    times: list[float]
    events: list[Event]
    sound: NDArray[np.float32]


def watch(name: str) -> Watched:
    """Run the whole of it over a scene, keeping what the preview would show."""
    instrument = Instrument(load_pack(), InstrumentSettings((Zone(palette="wood"),)))
    instrument.prepare()
    playout = VirtualPlayout(instrument.playout())
    state = instrument.parser.initial_state()
    seen = Watched([], [], [], np.zeros(0, np.float32))
    blocks: list[NDArray[np.float32]] = []
    film = open_film(SourceSettings(f"scene:{name}", seconds=SECONDS))
    for frame in film:
        gesture = instrument.parser.step(frame, state)
        blocks += [block.mean(axis=1) for block in playout.push(gesture)]
        seen.events += gesture.events
        now_s = frame.captured_ns / NS_PER_S
        recent = [(e, now_s - e.t_ns / NS_PER_S) for e in seen.events]
        hits = tuple((event, age_s) for event, age_s in recent if age_s < 0.25)
        peak = float(np.abs(blocks[-1]).max()) if blocks else 0.0
        seen.looks.append(draw_look(Look(frame.picture, state.last_map.copy(), hits, peak)))
        seen.times.append(now_s)
    blocks += [block.mean(axis=1) for block in playout.finish(film.end_ns)]
    seen.sound = np.concatenate(blocks)
    return seen


def choose(seen: Watched) -> list[int]:
    """Frames to show: just after hits spread over time, filled up with an even spread."""
    after = [int(np.searchsorted(seen.times, e.decided_ns / NS_PER_S)) + 1 for e in seen.events]
    even = [round(k * (len(seen.times) - 1) / (PICTURES - 1)) for k in range(PICTURES)]
    picked: list[int] = []
    for index in [*after[:: max(1, len(after) // PICTURES)], *even]:
        if len(picked) < PICTURES and all(abs(index - other) > 4 for other in picked):
            picked.append(min(index, len(seen.times) - 1))
    return sorted(picked)


def draw(seen: Watched, truth: tuple[SceneEvent, ...], out: Path) -> None:
    """Frames above, spectrogram below, hits marked in it."""
    picked = choose(seen)
    figure = Figure(figsize=(12, 5.2), dpi=110, layout="constrained")
    grid = figure.add_gridspec(2, len(picked), height_ratios=[1, 1.15])
    for column, index in enumerate(picked):
        axes = figure.add_subplot(grid[0, column])
        axes.imshow(seen.looks[index][..., ::-1])
        axes.set_title(f"{seen.times[index]:.2f} s", fontsize=9)
        axes.axis("off")
    axes = figure.add_subplot(grid[1, :])
    sound = seen.sound + 1e-8 * np.random.default_rng(0).standard_normal(len(seen.sound))
    axes.specgram(sound, NFFT=1024, Fs=SAMPLE_RATE, noverlap=896, vmin=-130, vmax=-45, cmap="magma")
    for event in truth:
        axes.axvline(event.t_s, ymin=0.94, color="white", linewidth=1.5)
    for hit in seen.events:
        axes.axvline(hit.t_ns / NS_PER_S, ymax=0.06, color="#ffc850", linewidth=1.5)
    axes.set(xlim=(0, SECONDS), ylim=(0, 12_000), xlabel="seconds", ylabel="Hz")
    axes.set_title("sound made; below: hits found, above: true hits", fontsize=9)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out)


def main() -> None:
    """Watch a scene and draw."""
    name = sys.argv[1] if len(sys.argv) > 1 else "drums"
    draw(watch(name), Scene(name, duration_s=SECONDS).events, OUT)


if __name__ == "__main__":
    main()
