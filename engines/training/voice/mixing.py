"""Plans to sound on the training device: hits, textures, target frames and network inputs."""

from dataclasses import dataclass

import torch
from torch import Tensor

from synchresis.engines.timebase import HOP
from synchresis.engines.training.voice.frames import Framer
from synchresis.engines.training.voice.planning import Plan
from synchresis.engines.training.voice.recordings import Recordings
from synchresis.engines.voice.copying import RISE, N
from synchresis.engines.voice.layout import BINS, NOISE, TAKE, TEXTURE

_BODY = 7200
_TEXTURE_RMS = 0.2
_ENVELOPE_DELAY = 300


@dataclass
class Batch:
    """Inputs and targets, on the device.

    Attributes:
        control: [B, T, 8]; family: [B, T]; noise: [B, T, NOISE] with takes still to be filled in.
        sound: [B, 256 T]; frames: complex[B, T, 513]; attacks: complex[E, 513] of each hit alone,
            as if it began at sample 0 of its frame.
        row, hop, recording: [E]; copying: [B].
    """

    control: Tensor
    family: Tensor
    noise: Tensor
    sound: Tensor
    frames: Tensor
    attacks: Tensor
    row: Tensor
    hop: Tensor
    recording: Tensor
    copying: Tensor


class Mixer:
    """Holds all recordings on the device and mixes plans."""

    def __init__(self, recordings: Recordings, device: torch.device) -> None:
        self._device = device
        pad = torch.zeros(1)
        self._samples = torch.cat([torch.from_numpy(recordings.samples), pad]).to(device)
        self._offset = torch.from_numpy(recordings.offset).to(device)
        self._length = torch.from_numpy(recordings.length).to(device)
        self._framer = Framer(device)
        bins = torch.arange(BINS, device=device, dtype=torch.float64)
        self._omega = 2 * torch.pi * bins / N

    def mix(self, plan: Plan) -> Batch:
        """Make the sound and the targets of a plan."""
        to = self._to
        row, hop, begin = to(plan.row), to(plan.hop), to(plan.begin) + RISE
        batch, hops = plan.family.shape
        total = HOP * hops + N
        hits = self._hits(plan, total)
        noise = torch.randn(batch, hops, NOISE, device=self._device)
        noise[to(plan.copying), :, :BINS] = 0.0
        texture = self._textures(plan, noise, total)
        raised = self._framer.raise_onsets(hits, begin)
        frames = self._framer.frames(
            _place(raised, row, hop * HOP + begin, out=texture.clone()), raised, begin, (row, hop)
        )
        sound = _place(hits, row, hop * HOP + begin, out=texture)[:, : HOP * hops]
        turn = torch.polar(
            torch.ones((), dtype=torch.float64, device=begin.device), self._omega * begin[:, None]
        )
        attacks = self._framer.attacks(raised, begin) * turn.to(torch.complex64)
        return Batch(
            control=self._control(plan),
            family=to(plan.family),
            noise=noise,
            sound=sound,
            frames=frames,
            attacks=attacks,
            row=row,
            hop=hop,
            recording=to(plan.recording),
            copying=to(plan.copying),
        )

    def _to(self, array: object) -> Tensor:
        return torch.as_tensor(array).to(self._device, non_blocking=True)

    def _cut(self, recording: Tensor, size: int) -> Tensor:
        """Beginnings of recordings, zeros after their ends: [E, size]."""
        place = torch.arange(size, device=self._device)
        index = self._offset[recording][:, None] + place
        inside = place < self._length[recording][:, None]
        return self._samples[torch.where(inside, index, len(self._samples) - 1)]

    def _hits(self, plan: Plan, size: int) -> Tensor:
        sound = self._cut(self._to(plan.recording), size) * self._to(plan.gain)[:, None]
        dull = self._to(plan.dull)
        soft = torch.nonzero(dull > 0)[:, 0]
        if len(soft):
            sound[soft] = _soften(sound[soft], dull[soft])
        return sound

    def _textures(self, plan: Plan, noise: Tensor, total: int) -> Tensor:
        """Friction and burst: shaken noise through the body of a recording: [B, total]."""
        levels = self._to(plan.levels)
        out = torch.zeros(levels.shape[0], total, device=self._device)
        active = torch.nonzero(levels.amax((1, 2)) > 0)[:, 0]
        if not len(active):
            return out
        shake = noise[active][..., BINS + TAKE : BINS + TAKE + TEXTURE]
        amplitude = torch.where(levels[active] > 0, 10.0 ** (2 * (levels[active] - 1)), 0.0)
        friction = amplitude[..., 0] * torch.exp(0.35 * shake[..., 0] - 0.06)
        burst = amplitude[..., 1] * torch.exp(0.9 * shake[..., 1] - 0.4)
        envelope = _stretch(friction + burst, total)
        body = self._cut(self._to(plan.body)[active], _BODY)
        body = body * torch.linspace(1, 0, _BODY, device=self._device) ** 2
        body = body / body.square().sum(1, keepdim=True).sqrt().clamp(min=1e-6)
        drive = torch.randn(len(active), total, device=self._device) * envelope
        size = 1 << (total + _BODY - 1).bit_length()
        spectrum = torch.fft.rfft(drive, size) * torch.fft.rfft(body, size)
        out[active] = _TEXTURE_RMS * torch.fft.irfft(spectrum, size)[:, :total]
        return out

    def _control(self, plan: Plan) -> Tensor:
        batch, hops = plan.family.shape
        control = torch.zeros(batch, hops, 8, device=self._device)
        row, hop = self._to(plan.row), self._to(plan.hop)
        control[row, hop, 0] = 1.0
        control[row, hop, 1] = self._to(plan.begin).float() / HOP
        control[row, hop, 2] = self._to(plan.strength)
        control[..., 3:5] = self._to(plan.levels)
        return control


def _place(hits: Tensor, row: Tensor, start: Tensor, *, out: Tensor) -> Tensor:
    """Add hits [E, L] to rows of `out` [B, L] from their start on."""
    size = out.shape[1]
    index = start[:, None] + torch.arange(hits.shape[1], device=out.device)
    flat = (row[:, None] * size + index.clamp(max=size - 1)).reshape(-1)
    value = (hits * (index < size)).reshape(-1)
    out.view(-1).index_add_(0, flat, value)
    return out


def _soften(sound: Tensor, pole: Tensor) -> Tensor:
    """One-pole low pass (1 − a) / (1 − a z⁻¹) of rows [E, L]."""
    size = 1 << (sound.shape[1] + 2048).bit_length()
    omega = torch.arange(size // 2 + 1, device=sound.device) * (2 * torch.pi / size)
    delay = torch.polar(torch.ones_like(omega), -omega)
    response = (1 - pole[:, None]) / (1 - pole[:, None] * delay)
    soft: Tensor = torch.fft.irfft(torch.fft.rfft(sound, size) * response, size)
    return soft[:, : sound.shape[1]]


def _stretch(per_hop: Tensor, total: int) -> Tensor:
    """Envelope per hop [B, T] to samples [B, total], linear between hops, a little late."""
    place = (torch.arange(total, device=per_hop.device) - _ENVELOPE_DELAY) / HOP
    low = place.floor().long().clamp(0, per_hop.shape[1] - 1)
    high = (low + 1).clamp(max=per_hop.shape[1] - 1)
    share = (place - low).clamp(0, 1)
    return per_hop[:, low] * (1 - share) + per_hop[:, high] * share
