"""Adaptation to a stream: channel statistics of early features follow what is being watched.

Real pictures shift the statistics of early features away from those of training scenes, and all
scores sink with them. As in covariate shift adaptation of batch normalisation (Schneider et al.
2020, "Improving robustness against common corruptions by covariate shift adaptation"; Li et al.
2017, AdaBN), the statistics of training are replaced by those of the stream, here causally, slowly,
and only while something moves, so that a still room never makes its own noise look like motion.
What moves goes on moving; flow that noise makes turns back with the next frame.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import torch
from torch import Tensor, nn

PRIOR_S: Final = 1.0
"""What training's statistics count for, seconds of motion."""

WINDOW_S: Final = 8.0
"""Most that the past counts for, seconds of motion: several hits, so that single ones do not move
the statistics."""

MOVING: Final = 0.04
"""Root of how much two flows in a row have in common from which on time counts in full, as
`squeeze_flow` scales them: speeds of .01 picture widths a second all over the picture."""

LIMIT: Final = 3.0
"""Most by which a channel is stretched or shrunk."""

TRUSTED_S: Final = 0.06
"""Lookahead at which nothing adapts any more: what a hit looks like long before it is heard is
faint, and is found best by the statistics it was learned with."""

HASTE: Final = 4.0
"""Most by which statistics follow a training sequence faster than a stream."""

Adapt = Callable[[str, Tensor], Tensor]
"""Name of a layer and its normalised output → the same with training's statistics."""


def unchanged(name: str, x: Tensor) -> Tensor:
    """A layer where nothing adapts."""
    return x


def moving_time(flow: Tensor, before: Tensor, dt_s: Tensor) -> Tensor:
    """Seconds of motion that frames count for, float32[N].

    Mean product of each cell's flow with its flow a frame before. Noise of one frame enters two
    flows with opposite signs, so that of a still room the product is negative, whatever its size.

    Args:
        flow: float[N, 5, rows, cols], squeezed, u and v first.
        before: the same of the frame before, zeros where there is none.
        dt_s: float32[N].
    """
    common = (flow[:, :2].float() * before[:, :2].float()).sum(1).mean((1, 2))
    return dt_s * (common / MOVING**2).clamp(0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Expected:
    """Statistics of channels over the training scenes.

    Attributes:
        mean: float32[C].
        deviation: float32[C].
    """

    mean: Tensor
    deviation: Tensor

    @classmethod
    def of(cls, norms: Iterable[nn.BatchNorm2d]) -> Self:
        """What layers give: after batch normalisation mean is `bias`, deviation |`weight`|."""
        norms = tuple(norms)
        mean = torch.cat([norm.bias.detach() for norm in norms])
        deviation = torch.cat([norm.weight.detach().abs() for norm in norms])
        return cls(mean, deviation.clamp_min(1e-3))

    @property
    def power(self) -> Tensor:
        """Mean square, float32[C]."""
        return self.deviation * self.deviation + self.mean * self.mean

    def less(self, moments: Tensor) -> Tensor:
        """Means and mean squares float32[N, 2 C] less these."""
        return moments - torch.cat((self.mean, self.power))

    def factors(self, state: Tensor, trust: Tensor) -> tuple[Tensor, Tensor]:
        """Gain and offset float32[N, C] that bring channels back to these statistics.

        Args:
            state: float32[N, 2 C], means and mean squares less these.
            trust: float32[N, 1], how much of it is done, of `trust_of`.
        """
        shift, square = state[:, : len(self.mean)], state[:, len(self.mean) :]
        own = self.mean + shift
        power = (square + self.power - own * own).clamp_min(1e-6)
        gain = (self.deviation / torch.sqrt(power)).clamp(1 / LIMIT, LIMIT)
        return 1.0 + trust * (gain - 1.0), trust * (self.mean - gain * own)


def trust_of(tau_s: Tensor) -> Tensor:
    """How much is adapted at a lookahead: in full up to 0, nothing from `TRUSTED_S` on."""
    return (1.0 - tau_s / TRUSTED_S).clamp(0.0, 1.0)


def moments(layers: Sequence[Tensor]) -> Tensor:
    """Means, then mean squares, of the channels of all layers: float[N, C, h, w] → [N, 2 C]."""
    wide = [x.float() for x in layers]
    norms = [torch.linalg.vector_norm(x, dim=(2, 3)) for x in wide]  # exported as one operation
    squares = [n * n / (x.shape[2] * x.shape[3]) for n, x in zip(norms, wide, strict=True)]
    return torch.cat([x.mean((2, 3)) for x in wide] + squares, 1)


def adapted(x: Tensor, gain: Tensor, offset: Tensor) -> Tensor:
    """X float[N, C, h, w] times gain plus offset, float32[N, C] each."""
    return x * gain.to(x.dtype)[:, :, None, None] + offset.to(x.dtype)[:, :, None, None]


def share_of(elapsed_s: Tensor, moving_s: Tensor) -> Tensor:
    """Share of a frame in the statistics: a mean of all so far, later of the last WINDOW_S.

    Args:
        elapsed_s: float32[...], seconds of motion up to and with the frame.
        moving_s: float32[...], of the frame.
    """
    return moving_s / (PRIOR_S + elapsed_s).clamp(max=WINDOW_S)


def weights_before(share: Tensor) -> Tensor:
    """What every frame counts for in the statistics before each, float32[B, T now, T seen].

    A frame that counted for `share` keeps that, less what later ones took: all steps of
    s ← s + share (x - s) at once.

    Args:
        share: float32[B, T], below 1.
    """
    kept = torch.log1p(-share).cumsum(1)
    before = torch.nn.functional.pad(kept, (1, 0))[:, :-1]
    left = torch.exp((before[:, :, None] - kept[:, None, :]).clamp(max=0.0))
    return torch.tril(left * share[:, None, :], -1)


def adapted_sequence(x: Tensor, moving_s: Tensor, norm: nn.BatchNorm2d, trust: Tensor) -> Tensor:
    """A layer's output over sequences from their first frame on, by the frames before each.

    Args:
        x: float[B, T, C, h, w].
        moving_s: float32[B, T], of `moving_time`.
        norm: the layer.
        trust: float32[B, T], of `trust_of`.
    """
    B, T = x.shape[:2]
    flat, expected = x.flatten(0, 1), Expected.of([norm])
    # Differences of nearly equal numbers: in float32 wherever the rest is in half.
    with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
        seen = expected.less(moments([flat])).unflatten(0, (B, T))
        share = share_of(moving_s.cumsum(1), moving_s)
        states = torch.matmul(weights_before(share), seen)
        gain, offset = expected.factors(states.flatten(0, 1), trust.flatten()[:, None])
    return adapted(flat, gain, offset).unflatten(0, (B, T))


class StreamStatistics:
    """The same frame by frame, all layers in one state: float32[B, 2 C + 1], 0 at first.

    The state holds means and mean squares less those of training, and the seconds of motion so far.

    Args:
        norms: the layers by name.
    """

    def __init__(self, norms: Mapping[str, nn.BatchNorm2d]) -> None:
        self._expected = Expected.of(norms.values())
        self._widths = {name: norm.num_features for name, norm in norms.items()}

    def factors(self, state: Tensor, trust: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """Gain and offset of each layer, float32[B, channels], from the frames before.

        Args:
            state: float32[B, 2 C + 1].
            trust: float32[B, 1], of `trust_of`.
        """
        gain, offset = self._expected.factors(state[:, :-1], trust)
        found, first = {}, 0
        for name, width in self._widths.items():
            part = slice(first, first + width)
            found[name] = (gain[:, part], offset[:, part])
            first += width
        return found

    def follow(self, state: Tensor, seen: Mapping[str, Tensor], moving_s: Tensor) -> Tensor:
        """The state after a frame whose layers gave `seen`; moving_s float32[B]."""
        new = self._expected.less(moments([seen[name] for name in self._widths]))
        elapsed_s = state[:, -1:] + moving_s[:, None]
        share = share_of(elapsed_s, moving_s[:, None])
        kept = state[:, :-1]
        return torch.cat((kept + share * (new - kept), elapsed_s.clamp(max=WINDOW_S)), 1)


def adapting(factors: Mapping[str, tuple[Tensor, Tensor]], given: dict[str, Tensor]) -> Adapt:
    """Layers of one frame by their factors; what they gave before is put into `given`."""

    def adapt(name: str, x: Tensor) -> Tensor:
        given[name] = x
        return adapted(x, *factors[name])

    return adapt


def adapting_sequences(
    norms: Mapping[str, nn.BatchNorm2d], moving_s: Tensor, trust: Tensor
) -> Adapt:
    """Layers of sequences, float[B T, C, h, w]; moving_s and trust float32[B, T]."""
    shape = moving_s.shape

    def adapt(name: str, x: Tensor) -> Tensor:
        sequences = x.unflatten(0, shape)
        return adapted_sequence(sequences, moving_s, norms[name], trust).flatten(0, 1)

    return adapt
