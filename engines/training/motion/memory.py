"""Temporal memory whose constants are seconds, not frames: diagonal leaky integrators."""

import torch
from torch import Tensor, nn


def leaky_scan(x: Tensor, dt_s: Tensor, time_s: Tensor, start: Tensor | None) -> Tensor:
    """Leaky integration m_t = a_t m_{t-1} + (1 - a_t) x_t with a_t = exp(-dt_t / time).

    All steps at once: a lower triangular matrix of weights per sequence and channel.

    Args:
        x: float[B, T, C, *S].
        dt_s: float32[B, T], seconds since the frame before.
        time_s: float32[C], time constants, seconds.
        start: float[B, C, *S] or None for zeros.

    Returns:
        float[B, T, C, *S].
    """
    B, T, C = x.shape[:3]
    age = torch.cumsum(dt_s, 1)
    gap = (age[:, :, None] - age[:, None, :]).clamp_min(0.0)
    rate = (1.0 / time_s)[None, :, None, None]
    weight = torch.exp(-gap[:, None] * rate) * (1.0 - torch.exp(-dt_s[:, None, None, :] * rate))
    weight = torch.tril(weight).to(x.dtype)
    flat = x.transpose(1, 2).reshape(B, C, T, -1)
    out = torch.matmul(weight, flat)
    if start is not None:
        decay = torch.exp(-age[:, None] / time_s[None, :, None]).to(x.dtype)
        out = out + decay[..., None] * start.reshape(B, C, 1, -1)
    return out.reshape(B, C, T, *x.shape[3:]).transpose(1, 2)


class LeakyMemory(nn.Module):
    """A bank of leaky integrators: every input channel at several time constants.

    Args:
        channels: C of the input.
        times_s: initial time constants, seconds, learned afterwards per channel.
    """

    def __init__(self, channels: int, times_s: tuple[float, ...]) -> None:
        super().__init__()
        self.copies = len(times_s)
        self.channels = channels * self.copies
        spread = torch.linspace(-0.3, 0.3, channels)[None, :]
        log_time = torch.log(torch.tensor(times_s))[:, None] + spread
        self.log_time = nn.Parameter(log_time.reshape(-1))

    def time_s(self) -> Tensor:
        """Time constants, float32[channels * copies], kept within 5 ms and 20 s."""
        return torch.exp(self.log_time.clamp(-5.3, 3.0))

    def forward(self, x: Tensor, dt_s: Tensor, start: Tensor | None) -> Tensor:
        """Integrate a sequence.

        Args:
            x: float[B, T, C, *S].
            dt_s: float32[B, T].
            start: float[B, C * copies, *S] or None.

        Returns:
            float[B, T, C * copies, *S].
        """
        repeats = [1, 1, self.copies] + [1] * (x.dim() - 3)
        return leaky_scan(x.repeat(repeats), dt_s, self.time_s(), start)

    def step(self, x: Tensor, dt_s: Tensor, state: Tensor) -> Tensor:
        """One frame: x float[B, C, *S], state float[B, C * copies, *S] → the new state."""
        decay = torch.exp(-dt_s[:, None] / self.time_s()[None])
        decay = decay.reshape(decay.shape + (1,) * (x.dim() - 2))
        doubled = x.repeat([1, self.copies] + [1] * (x.dim() - 2))
        return doubled + decay * (state - doubled)
