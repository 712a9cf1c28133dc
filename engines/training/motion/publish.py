"""A trained checkpoint into a pack: export, threshold and lookahead from validation scenes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from synchresis.engines.evaluation.tracks import Track, best_threshold, figures
from synchresis.engines.evaluation.worlds import watch_world
from synchresis.engines.motion.parser import MotionParser
from synchresis.engines.packs import Pack, load_pack, update_pack
from synchresis.engines.scenes.world import SimSettings, World
from synchresis.engines.training.motion.export import FILE, entry_of, export
from synchresis.engines.training.motion.feed import validation_worlds
from synchresis.engines.training.motion.odds import family_odds
from synchresis.engines.training.motion.train import load_network
from synchresis.engines.training.motion.validate import WHOLE

LOOKAHEADS_MS: Final = (20, 40, 60, 80, 100, 120)
"""Lookaheads whose timing skill is compared with that at 0."""

KEPT_SKILL: Final = 0.8
"""Share of the timing skill at 0 that the largest lookahead must keep."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What validation scenes say about an engine.

    Attributes:
        threshold: of highest F1.
        lookahead_max_ms: largest lookahead that keeps `KEPT_SKILL` of the timing skill.
        figures: at lookahead 0 and the threshold.
        timing: timing skill per lookahead, milliseconds.
    """

    threshold: float
    lookahead_max_ms: float
    figures: dict[str, float]
    timing: dict[int, float]


def publish(
    checkpoint: Path,
    folder: Path,
    *,
    worlds: int = 96,
    meta: dict[str, str | int | float] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Calibration:
    """Export a checkpoint into a pack and store what validation scenes say.

    Args:
        checkpoint: of a training run.
        folder: the pack; other engines and palettes in it stay.
        worlds: validation worlds.
        meta: notes of the run for the manifest.
        progress: told what happens.
    """
    tell = progress or (lambda text: None)
    network = load_network(checkpoint)
    notes: dict[str, object] = {"whole": WHOLE, **(meta or {})}
    graph = export(network)
    update_pack(folder, {"motion": entry_of(network, meta=notes)}, {FILE: graph})
    tell(f"exported {len(graph)} bytes")
    families, weights = family_odds()
    drawn = SimSettings(frames=120, families=families, weights=weights)
    shots = validation_worlds(worlds, drawn)
    found = calibrate(load_pack(folder), shots, progress)
    notes.update({f"validation_{name}": value for name, value in found.figures.items()})
    entry = entry_of(
        network,
        meta=notes,
        threshold=found.threshold,
        lookahead_max_ms=found.lookahead_max_ms,
    )
    update_pack(folder, {"motion": entry}, {FILE: graph})
    return found


def calibrate(
    pack: Pack, worlds: Sequence[World], progress: Callable[[str], None] | None = None
) -> Calibration:
    """Threshold and lookahead limit of a pack's motion engine on validation worlds."""
    tell = progress or (lambda text: None)
    threshold = best_threshold(tracks := tracks_of(pack, worlds, 0))
    own = figures(tracks, threshold)
    timing = {0: own["timing"]}
    tell(f"threshold {threshold}: {own}")
    for lookahead_ms in LOOKAHEADS_MS:
        ahead = tracks_of(pack, worlds, lookahead_ms)
        timing[lookahead_ms] = figures(ahead, threshold)["timing"]
        tell(f"lookahead {lookahead_ms} ms: timing skill {timing[lookahead_ms]:.3f}")
    limit = max(ms for ms, value in timing.items() if value >= KEPT_SKILL * timing[0])
    return Calibration(threshold, float(limit), own, timing)


def tracks_of(pack: Pack, worlds: Sequence[World], lookahead_ms: int) -> list[Track]:
    """Scores of worlds at a lookahead; capture times count from when an event is answered for."""
    parser = MotionParser(pack, lookahead_ns=lookahead_ms * 1_000_000, backend="onnx")
    parser.prepare()
    tracks = [watch_world(world, parser).track for world in worlds]
    parser.close()
    shift = lookahead_ms / 1e3
    return [replace(track, captured_s=track.captured_s + shift) for track in tracks]
