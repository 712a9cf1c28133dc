"""Scores of the frozen evaluation scenes, filmed and run on the training device.

The live parser would take an hour on a CPU for these 80 minutes; a test holds its scores and these
equal. `python -m synchresis.engines.training.motion.examine motion.pt OUT --device cuda`.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from synchresis.engines.evaluation.tracks import LOOKAHEADS_MS, Track
from synchresis.engines.scenes.evaluation import EvaluationScene, Group, evaluation_scenes
from synchresis.engines.scenes.world import World
from synchresis.engines.training.motion.checkpoint import load_network
from synchresis.engines.training.motion.film import film
from synchresis.engines.training.motion.network import MotionNetwork
from synchresis.engines.training.motion.validate import joined

PART: Final = 680
"""Frames a part of a scene is padded to, so that all are drawn as one shape."""

GROUPS: Final[dict[Group, tuple[int, ...]]] = {
    "sounding": LOOKAHEADS_MS,
    "silent_motion": (0,),
    "still": (0,),
}
"""Lookaheads each group is scored at, milliseconds."""


@dataclass(slots=True)
class Footage:
    """One evaluation scene as the network sees it.

    Attributes:
        name: family.
        pixels: uint8[T, height, width].
        flow: float16[T, 4, rows, cols].
        motion: float32[T, 6].
        dt_s: float32[T].
        captured_s: float64[T].
        truth_s: true events.
    """

    name: str
    pixels: torch.Tensor
    flow: torch.Tensor
    motion: torch.Tensor
    dt_s: torch.Tensor
    captured_s: NDArray[np.float64]
    truth_s: NDArray[np.float64]


def footage_of(scene: EvaluationScene, device: torch.device) -> Footage:
    """Film a scene whole, part by part; a part's first frame starts its flow anew."""
    opened = scene.open(size=(160, 120))
    worlds: list[World] = []
    end = 0.0
    while end < scene.duration_s:
        worlds.append(opened.stream.part(len(worlds)))
        end = float(worlds[-1].times[-1]) + 1.0 / opened.fps
    parts = [(world, film([padded(world)], device)) for world in worlds]
    times = np.concatenate([world.times for world in worlds])
    kept = times < scene.duration_s

    def joined_parts(name: str) -> torch.Tensor:
        rows = [getattr(batch, name)[0, : len(world.times)] for world, batch in parts]
        return torch.cat(rows)[torch.from_numpy(kept).to(device)]

    steps = np.clip(np.diff(times, prepend=times[0] - 1 / 30), 1 / 240, 0.25)[kept]
    return Footage(
        name=scene.name,
        pixels=joined_parts("pixels"),
        flow=joined_parts("flow"),
        motion=joined_parts("motion"),
        dt_s=torch.tensor(steps, dtype=torch.float32, device=device),
        captured_s=times[kept],
        truth_s=np.sort([event.t_s for event in opened.events]),
    )


def padded(world: World, frames: int = PART) -> World:
    """A world with its last frame held until it has this many frames."""
    missing = max(0, frames - len(world.times))

    def hold(values: NDArray[np.generic]) -> NDArray[np.generic]:
        return np.concatenate((values, np.repeat(values[-1:], missing, axis=0)))

    later = world.times[-1] + (np.arange(missing) + 1) / 30
    held: dict[str, Any] = {
        name: hold(getattr(world, name))
        for name in ("shown", "pose", "camera", "sensor", "noise_keys", "friction", "burst")
    }
    return replace(world, times=np.concatenate((world.times, later)), **held)


@torch.no_grad()
def scores_of(
    network: MotionNetwork, shots: Sequence[Footage], tau_s: float
) -> list[NDArray[np.float64]]:
    """Score of every frame of scenes run side by side, frame by frame."""
    device = shots[0].pixels.device
    longest = max(len(shot.pixels) for shot in shots)
    shapes = network.state_shapes().values()
    states = tuple(torch.zeros(len(shots), *shape, device=device) for shape in shapes)
    tau = torch.full((len(shots), 1), tau_s, device=device)
    rows = []
    for index in range(longest):
        at = [min(index, len(shot.pixels) - 1) for shot in shots]
        pixels = torch.stack([shot.pixels[k] for shot, k in zip(shots, at, strict=True)])
        flow = torch.stack([shot.flow[k] for shot, k in zip(shots, at, strict=True)])
        motion = torch.stack([shot.motion[k] for shot, k in zip(shots, at, strict=True)])
        dt_s = torch.stack([shot.dt_s[k] for shot, k in zip(shots, at, strict=True)])
        timing = torch.cat((dt_s[:, None], tau, motion), 1)
        out, states = network.step(pixels.float()[:, None] / 255, flow.float(), timing, states)
        heads = {name: value[:, None] for name, value in out.items()}
        rows.append(joined(heads)[:, 0])
    table = torch.stack(rows, 1).double().cpu().numpy()
    return [table[row, : len(shot.pixels)] for row, shot in enumerate(shots)]


def examine(network: MotionNetwork, group: Group, device: torch.device) -> dict[int, list[Track]]:
    """Tracks of a group of evaluation scenes by lookahead, milliseconds."""
    shots = [footage_of(scene, device) for scene in evaluation_scenes(group)]
    network = network.to(device)
    out = {}
    for lookahead_ms in GROUPS[group]:
        found = scores_of(network, shots, lookahead_ms / 1e3)
        out[lookahead_ms] = [
            Track(score, shot.captured_s, shot.truth_s, shot.name)
            for score, shot in zip(found, shots, strict=True)
        ]
    return out


def save(path: Path, tracks: dict[int, list[Track]]) -> None:
    """Write tracks to a file for `load`."""
    content: dict[str, NDArray[np.generic]] = {}
    for lookahead_ms, rows in tracks.items():
        for k, track in enumerate(rows):
            content[f"score,{lookahead_ms},{k}"] = track.score.astype(np.float32)
            content[f"captured,{k}"] = track.captured_s
            content[f"truth,{k},{track.name}"] = track.truth_s
    np.savez_compressed(path, allow_pickle=False, **content)


def main() -> None:
    """Score all groups of one checkpoint."""
    parser = argparse.ArgumentParser(description="Score the evaluation scenes on a GPU.")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    network = load_network(args.checkpoint)
    for group in GROUPS:
        save(args.out / f"{group}.npz", examine(network, group, torch.device(args.device)))
        print(f"{group} done", flush=True)  # noqa: T201  the progress of a long command


if __name__ == "__main__":
    main()
