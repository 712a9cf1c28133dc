"""Adaptation to a stream: channel statistics of early features follow what is being watched.

Real pictures shift the statistics of early features away from those of training scenes, and all
scores sink with them. As in covariate shift adaptation of batch normalisation (Schneider et al.
2020, "Improving robustness against common corruptions by covariate shift adaptation"; Li et al.
2017, AdaBN), the statistics of training are replaced by those of the stream, here causally, slowly,
and only while something moves, so that a still room never makes its own noise look like motion.
"""

from typing import Final

import torch
from torch import Tensor, nn

from synchresis.engines.training.motion.memory import leaky_scan

TIME_S: Final = 2.0
"""Time constant of the statistics, seconds of motion."""

MOVING: Final = 0.01
"""Mean speed of a picture from which on time counts in full, picture widths per second; half of all
pictures of the training scenes are faster than twice this."""

LIMIT: Final = 3.0
"""Most by which a channel is stretched or shrunk."""


def moving_time(flow: Tensor, dt_s: Tensor) -> Tensor:
    """Seconds of motion that frames count for, float32[N].

    Args:
        flow: float[N, 4, rows, cols], u and v first, picture widths per second.
        dt_s: float32[N].
    """
    speed = torch.sqrt(flow[:, 0] * flow[:, 0] + flow[:, 1] * flow[:, 1] + 1e-12)
    return dt_s * (speed.mean((1, 2)) / MOVING).clamp(max=1.0)


class StreamStatistics(nn.Module):
    """Brings a normalised layer's output back to the mean and deviation it had in training.

    After batch normalisation a channel has mean `bias` and deviation |`weight`| over the training
    scenes. State: how far the stream's mean and mean square are from that, float32[B, 2 C], 0 at
    first.

    Args:
        norm: the layer before; its weights are read, not owned.
    """

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        self._norm = (norm,)  # in a tuple: its parameters belong to the network
        self.channels = norm.num_features

    def expected(self) -> tuple[Tensor, Tensor]:
        """Mean and deviation in training, float32[C] each."""
        (norm,) = self._norm
        return norm.bias.detach(), norm.weight.detach().abs().clamp_min(1e-3)

    def moments(self, x: Tensor) -> Tensor:
        """Mean and mean square of pictures less those of training: float[N, C, h, w] → [N, 2 C]."""
        mean, deviation = self.expected()
        x = x.float()
        own = torch.cat((x.mean((2, 3)), (x * x).mean((2, 3))), 1)
        return own - torch.cat((mean, deviation * deviation + mean * mean))

    def adapt(self, x: Tensor, state: Tensor) -> Tensor:
        """X float[N, C, h, w] with the statistics of the state [N, 2 C] replaced by training's."""
        mean, deviation = self.expected()
        shift, square = state.split(self.channels, 1)
        own = mean + shift
        power = square + deviation * deviation + mean * mean - own * own
        gain = (deviation / torch.sqrt(power.clamp_min(1e-6))).clamp(1 / LIMIT, LIMIT)
        offset = mean - gain * own
        return x * gain.to(x.dtype)[:, :, None, None] + offset.to(x.dtype)[:, :, None, None]

    def sequence(self, x: Tensor, moving_s: Tensor) -> Tensor:
        """X float[B, T, C, h, w], moving_s float32[B, T] → the same adapted, from training on."""
        B, T = x.shape[:2]
        flat = x.flatten(0, 1)
        with torch.no_grad():
            time_s = torch.full((2 * self.channels,), TIME_S, device=x.device)
            states = leaky_scan(self.moments(flat).unflatten(0, (B, T)), moving_s, time_s, None)
        return self.adapt(flat, states.flatten(0, 1)).unflatten(0, (B, T))

    def step(self, x: Tensor, moving_s: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """One frame: x float[B, C, h, w], moving_s float32[B], state float32[B, 2 C]."""
        moments = self.moments(x)
        state = moments + torch.exp(-moving_s / TIME_S)[:, None] * (state - moments)
        return self.adapt(x, state), state
