"""A trained checkpoint into a pack: export, lookahead and threshold from validation scenes.

The threshold stands until `lesson_prior` finds one on more of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from synchresis.engines.evaluation.tracks import LOOKAHEADS_MS, Track, best_threshold, figures
from synchresis.engines.evaluation.worlds import watch_world
from synchresis.engines.motion.parser import MotionParser
from synchresis.engines.motion.picker import WHOLE
from synchresis.engines.packs import Pack, load_pack, update_pack
from synchresis.engines.scenes.world import SimSettings
from synchresis.engines.training.motion.checkpoint import load_network
from synchresis.engines.training.motion.export import FILE, entry_of, export
from synchresis.engines.training.motion.feed import validation_worlds
from synchresis.engines.training.motion.network import MotionNetwork
from synchresis.engines.training.motion.validate import load_tracks
from synchresis.errors import ParameterError

WATCHED_MS: Final = tuple(ms for ms in LOOKAHEADS_MS if ms >= 0)
"""Lookaheads at which scenes are watched."""

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


def network_of(
    checkpoint: Path, *, adapts: bool = False, scored: Path | None = None
) -> MotionNetwork:
    """The network of a checkpoint or of a file of weights, as it is to be published.

    Args:
        checkpoint: of a training run, or weights.
        adapts: have early statistics follow the stream, and hits doubted while nothing moves on,
            in a network trained without that.
        scored: tracks of the run from which the threshold is to come, if any.

    Raises:
        ParameterError: the tracks are of a network whose statistics stand still.
    """
    network = load_network(checkpoint)
    if adapts and not network.settings.adapts:
        if scored:
            raise ParameterError(
                f"{scored} was scored with statistics that stand still; leave out --tracks, then "
                "scenes are watched now"
            )
        network.settings = replace(network.settings, adapts=True)
    return network


def publish(
    network: MotionNetwork,
    folder: Path,
    *,
    tracks: Path | None = None,
    worlds: int = 96,
    meta: dict[str, str | int | float] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Calibration:
    """Export a network into a pack and store what validation scenes say.

    Args:
        network: in evaluation mode, from `network_of`.
        folder: the pack; other engines and palettes in it stay.
        tracks: `motion_tracks.npz` of the run; else scenes are watched now, which takes minutes.
        worlds: validation scenes to watch.
        meta: notes of the run for the manifest.
        progress: told what happens.
    """
    tell = progress or (lambda text: None)
    notes: dict[str, str | int | float] = {"whole": WHOLE, **(meta or {})}
    graph = export(network)
    update_pack(folder, {"motion": entry_of(network, meta=notes)}, {FILE: graph})
    tell(f"exported {len(graph)} bytes")
    scored = load_tracks(tracks) if tracks else watched(load_pack(folder), worlds, tell)
    found = calibrate(scored, progress)
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
    tracks: Mapping[int, Sequence[Track]], progress: Callable[[str], None] | None = None
) -> Calibration:
    """Threshold and lookahead limit from scores by lookahead, milliseconds."""
    tell = progress or (lambda text: None)
    threshold = best_threshold(tracks[0])
    rows = {ms: figures(found, threshold) for ms, found in sorted(tracks.items())}
    for ms, row in rows.items():
        tell(f"lookahead {ms:+d} ms: " + ", ".join(f"{k} {v:.3f}" for k, v in row.items()))
    timing = {ms: row["timing"] for ms, row in rows.items()}
    limit = max(ms for ms, value in timing.items() if ms == 0 or value >= KEPT_SKILL * timing[0])
    return Calibration(threshold, float(max(limit, 0)), rows[0], timing)


def watched(pack: Pack, count: int, tell: Callable[[str], None]) -> dict[int, list[Track]]:
    """Tracks of validation scenes through the live parser, by lookahead.

    Times are those an event is heard at.
    """
    parsers = {ms: opened(pack, ms) for ms in WATCHED_MS}
    tracks: dict[int, list[Track]] = {ms: [] for ms in WATCHED_MS}
    worlds = validation_worlds(count, SimSettings(frames=120))
    for index, world in enumerate(worlds, 1):
        results = watch_world(world, tuple(parsers.values()))
        for ms, result in zip(WATCHED_MS, results, strict=True):
            track = result.track
            tracks[ms].append(replace(track, captured_s=track.captured_s + ms / 1e3))
        if index % 12 == 0 or index == count:
            tell(f"watched {index} of {count} scenes at {len(parsers)} lookaheads")
    for parser in parsers.values():
        parser.close()
    return tracks


def opened(pack: Pack, lookahead_ms: int) -> MotionParser:
    """A parser at a lookahead, ready."""
    parser = MotionParser(pack, lookahead_ns=lookahead_ms * 1_000_000, backend="onnx")
    parser.prepare()
    return parser
