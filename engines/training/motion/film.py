"""Film: simulated worlds to training batches, on the CPU (Numba) or any torch device."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synchresis.engines.scenes.raster_torch import render_torch
from synchresis.engines.scenes.world import World
from synchresis.engines.training.flow_torch import flow_torch, to_widths
from synchresis.engines.training.motion.batch import SOUND_BANDS, Batch
from synchresis.kernels.flow.settings import FlowSettings

EVENTS = 24
"""Most events a sequence can carry."""

GRID = (30, 40)
"""Rows and columns of the analysis grid."""

SIZE = (160, 120)
"""Width and height worlds are drawn at: the network's pixels, and the finest level of flow."""


SETTINGS = FlowSettings(height=SIZE[1], width=SIZE[0], rows=GRID[0], cols=GRID[1])
"""Of the flow kernel."""

PAIRS = 1024
"""Picture pairs whose flow is measured at once, to bound memory."""


def film(worlds: Sequence[World], device: torch.device) -> Batch:
    """Render worlds and measure their flow.

    Args:
        worlds: of equal length T.
        device: where pictures are drawn and the batch stays; the CPU uses the live kernels.
    """
    on_cpu = device.type == "cpu"
    pixels, field = film_on_cpu(worlds) if on_cpu else film_on_device(worlds, device)
    own = field.flow - camera_flow(field.motion)
    still = torch.stack((field.residual, field.difference), 2)
    return Batch(
        pixels=pixels,
        flow=torch.cat((own, still), 2).half(),
        motion=field.motion,
        **truth_of(worlds, device),
    )


@dataclass(frozen=True, slots=True)
class Fields:
    """Flow of sequences, in picture widths per second.

    Attributes:
        flow: float32[B, T, 2, rows, cols].
        residual: float32[B, T, rows, cols], grey 0..1.
        difference: float32[B, T, rows, cols], grey 0..1.
        motion: float32[B, T, 6], global motion.
    """

    flow: Tensor
    residual: Tensor
    difference: Tensor
    motion: Tensor


def film_on_cpu(worlds: Sequence[World]) -> tuple[Tensor, Fields]:
    """Pictures uint8[B, T, H, W] and flow by the live kernels."""
    from synchresis.engines.scenes.render import PictureSize, render
    from synchresis.kernels.flow import Flow

    kernel = Flow(SETTINGS)
    steps = steps_of(worlds, torch.device("cpu")).numpy()
    pictures, rows = [], []
    for world, dt_s in zip(worlds, steps, strict=True):
        grey = render(world, PictureSize(*SIZE))
        state = kernel.initial_state()
        for index, picture in enumerate(grey):
            found = kernel.step(picture, float(dt_s[index]), state, aspect=world.aspect)
            named = (found.flow, found.residual, found.difference, found.motion)
            rows.append([np.array(value, np.float32) for value in named])
        pictures.append(grey)
    shape = len(worlds), len(worlds[0].times)
    parts = [
        torch.from_numpy(np.stack(part)).unflatten(0, shape) for part in zip(*rows, strict=True)
    ]
    return torch.from_numpy(np.stack(pictures)), Fields(*parts)


def film_on_device(worlds: Sequence[World], device: torch.device) -> tuple[Tensor, Fields]:
    """Pictures uint8[B, T, H, W] and flow, drawn and measured in torch."""
    pixels = render_torch(worlds, device, size=SIZE)
    B, T = pixels.shape[:2]
    before = torch.cat((pixels[:, :1], pixels[:, :-1]), 1)
    parts = [
        flow_torch(earlier, later, SETTINGS)
        for earlier, later in zip(
            before.flatten(0, 1).split(PAIRS), pixels.flatten(0, 1).split(PAIRS), strict=True
        )
    ]
    found = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    aspect = torch.tensor([world.aspect for world in worlds], device=device, dtype=torch.float32)
    flow, motion = to_widths(
        found["displacement"],
        found["motion"],
        steps_of(worlds, device).flatten(),
        aspect.repeat_interleave(T),
        SETTINGS,
    )
    values = (flow, found["residual"], found["difference"], motion)
    return pixels, Fields(*(value.unflatten(0, (B, T)) for value in values))


def camera_flow(motion: Tensor) -> Tensor:
    """Flow of global motion float32[B, T, 6] on the grid: float32[B, T, 2, rows, cols]."""
    rows, cols = GRID
    x = (torch.arange(cols, device=motion.device) + 0.5) / cols - 0.5
    y = (torch.arange(rows, device=motion.device) + 0.5) / rows - 0.5
    plane = torch.stack(
        (torch.ones(rows, cols, device=x.device), x.expand(rows, cols), y[:, None].expand(-1, cols))
    )
    return torch.einsum("btak,khw->btahw", motion.unflatten(2, (2, 3)), plane)


def truth_of(worlds: Sequence[World], device: torch.device) -> dict[str, Tensor]:
    """Times, events and levels of worlds, by the names of Batch."""
    B, T = len(worlds), len(worlds[0].times)
    times = np.stack([world.times - world.times[0] for world in worlds])
    event_s = np.full((B, EVENTS), np.inf)
    place = np.full((B, EVENTS, 2), 0.5)
    strength = np.zeros((B, EVENTS))
    levels = np.zeros((B, T, 2))
    for row, world in enumerate(worlds):
        for column, event in enumerate(world.events[:EVENTS]):
            event_s[row, column] = event.t_s - world.times[0]
            place[row, column] = event.x, event.y
            strength[row, column] = event.strength
        levels[row, :, 0], levels[row, :, 1] = world.friction, world.burst
    named = {
        "captured_s": times,
        "event_s": event_s,
        "event_xy": place,
        "event_strength": strength,
        "levels": levels,
    }
    truth = {
        name: torch.tensor(value, dtype=torch.float32, device=device)
        for name, value in named.items()
    }
    truth["located"] = torch.ones(B, dtype=torch.bool, device=device)
    truth["sound"] = torch.zeros(B, T, SOUND_BANDS, device=device)
    return truth


def steps_of(worlds: Sequence[World], device: torch.device) -> Tensor:
    """Time steps float32[B, T], seconds, as the live parser clamps them; 1/30 first."""
    times = np.stack([world.times for world in worlds])
    steps = np.clip(np.diff(times, axis=1), 1 / 240, 0.25)
    steps = np.concatenate((np.full((len(worlds), 1), 1 / 30), steps), 1)
    return torch.tensor(steps, dtype=torch.float32, device=device)
