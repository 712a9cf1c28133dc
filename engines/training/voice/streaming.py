"""The network one hop at a time: the module that is exported, states in and out."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from synchresis.engines.training.voice.latches import (
    LATCH,
    Drive,
    drive_hop,
    drive_sequence,
)
from synchresis.engines.training.voice.network import Head, VoiceNetwork
from synchresis.engines.training.voice.phase import (
    Carried,
    advance,
    gate,
    make_turn,
    spectrum,
    unroll,
)
from synchresis.engines.training.voice.recall import Recall
from synchresis.engines.voice.layout import BINS, COPYING, NOISE, TAKE


@dataclass
class Unrolled:
    """A whole sequence: spectra and mel [B, T, …], and what the losses look at."""

    real: Tensor
    imag: Tensor
    mel: Tensor
    head: Head
    drive: Drive
    gate: Tensor


@dataclass
class Given:
    """Real log-mel [B, T, 80] for the rows [B] that copy it instead of the decoder's."""

    mel: Tensor
    copying: Tensor


def state_shapes(network: VoiceNetwork, recall: Recall | None = None) -> dict[str, tuple[int, ...]]:
    """Name → shape of every state without its batch axis."""
    shape = network.shape
    shapes: dict[str, tuple[int, ...]] = {"latch": (LATCH,), "memory": (shape.recurrent,)}
    if recall is not None:
        shapes["code"] = (recall.width,)
    for block in range(shape.blocks):
        shapes[f"history{block}"] = (shape.width, shape.kernel - 1)
    return shapes | {"phase_real": (BINS,), "phase_imag": (BINS,), "loudness": (BINS,)}


def split_noise(noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Noise of the bins, of the take and of textures."""
    return noise[..., :BINS], noise[..., BINS : BINS + TAKE], noise[..., BINS + TAKE :]


class HopNetwork(nn.Module):
    """One hop: (control, palette, noise, states…) → (real, imag, mel, next states…).

    Where control[COPYING] is 1 the last 80 numbers of `noise` are a log-mel that is painted instead
    of the decoder's; otherwise they are noise and without effect. `recall` turns the take's noise
    into what is known of the recordings nearest to palette and strength; `unrest` is the share of
    the learned phase noise that is played.
    """

    def __init__(
        self, network: VoiceNetwork, recall: Recall | None = None, *, unrest: float = 1.0
    ) -> None:
        super().__init__()
        self.network = network
        self.recall = recall
        self.unrest = unrest

    def forward(
        self, control: Tensor, palette: Tensor, noise: Tensor, *states: Tensor
    ) -> tuple[Tensor, ...]:
        """See the class; every tensor [B, …]."""
        bins, take, texture = split_noise(noise[:, :NOISE])
        latch, memory, *rest = states
        recalled = None
        if self.recall is not None:
            recalled = self.recall(palette, control[:, 2:3], take)
            take = recalled.take
        drive, latch = drive_hop(control, palette, take, texture, latch)
        features, mel, hidden = self.network.decoder(drive, memory.unsqueeze(0))
        following = []
        if self.recall is not None and recalled is not None:
            new = (control[:, :1] > 0).to(mel.dtype)
            code = new * recalled.code + (1 - new) * rest.pop(0)
            following = [code]
            mel, features = self.recall.correct(code, drive, self.network.painter, (mel, features))
        history, (real, imag, loudness) = rest[:-3], rest[-3:]
        copying = control[:, COPYING : COPYING + 1].unsqueeze(1)
        mel = copying * noise[:, NOISE:].unsqueeze(1) + (1 - copying) * mel
        features = copying * self.network.painter.copying + (1 - copying) * features
        head, history = self.network.painter(mel, features, list(history))
        if self.recall is not None and recalled is not None:
            head = self.recall.begin(recalled, head)
        turn = make_turn(self.network, head, drive, self.unrest * bins.unsqueeze(1)).at(0)
        carried = advance(Carried(real, imag, loudness), turn)
        frame = spectrum(self.network, carried)
        following += [*history, carried.real, carried.imag, carried.magnitude]
        return *frame, mel[:, 0], latch, hidden[0], *following


def run_sequence(
    network: VoiceNetwork,
    control: Tensor,
    palette: Tensor,
    noise: Tensor,
    *,
    given: Given | None = None,
) -> Unrolled:
    """Play whole sequences from silence: [B, T, …] in, spectra [B, T, 513] out."""
    bins, take, texture = split_noise(noise)
    drive = drive_sequence(control, palette, take, texture)
    batch = control.shape[0]
    features, mel, _ = network.decoder(drive, empty_memory(network, batch, control))
    painted = mel
    if given is not None:
        choice = given.copying[:, None, None]
        painted = torch.where(choice, given.mel, mel)
        features = torch.where(choice, network.painter.copying, features)
    head, _ = network.painter(painted, features, empty_history(network, batch, control))
    turn = make_turn(network, head, drive, bins)
    real, imag = spectrum(network, unroll(turn, eager=network.shape.eager))
    return Unrolled(real, imag, mel, head, drive, gate(network, drive))


def empty_memory(network: VoiceNetwork, batch: int, like: Tensor) -> Tensor:
    """Recurrent state of silence."""
    return like.new_zeros(1, batch, network.shape.recurrent)


def empty_history(network: VoiceNetwork, batch: int, like: Tensor) -> list[Tensor]:
    """Block histories of silence."""
    shape = network.shape
    size = (batch, shape.width, shape.kernel - 1)
    return [like.new_zeros(size) for _ in range(shape.blocks)]


def empty_states(network: VoiceNetwork, batch: int, recall: Recall | None = None) -> list[Tensor]:
    """States of silence for `HopNetwork`, in order."""
    return [torch.zeros(batch, *shape) for shape in state_shapes(network, recall).values()]
