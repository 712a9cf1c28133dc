"""Fill the voice's recall: how far the decoder is from every recording it learned from."""

from typing import Final

import numpy as np
import torch
from torch import Tensor

from synchresis.engines.timebase import HOP
from synchresis.engines.training.voice.frames import Framer
from synchresis.engines.training.voice.latches import drive_sequence
from synchresis.engines.training.voice.learner import Learned
from synchresis.engines.training.voice.levels import shapes
from synchresis.engines.training.voice.recall import KNOTS, Kept, Recall, interpolation
from synchresis.engines.training.voice.recordings import Recordings
from synchresis.engines.training.voice.streaming import empty_memory
from synchresis.engines.voice.copying import FLOOR, RISE, N, copy_mel
from synchresis.engines.voice.layout import CONTROL, MELS, TEXTURE

CODE: Final = 127
"""Numbers kept of every recording, beside its level."""

BEGINS: Final = (64, 192)
"""Places in the hop at which the decoder is compared with a recording."""

_JITTER = 0.25
"""Share of the takes' usual spread within a family that is added to blends of them."""

_ROWS = 48
_AFTER_HOPS = 40
_HEAVIEST_HOPS = 8.0
_LIKENESS = 24
_HEARD_HOPS = 64
_AUDIBLE = 0.7
_LEAST = 240.0


def remember(learned: Learned, recordings: Recordings) -> Recall:
    """The recall of a trained network; its graph is to be finished (`finish.py`)."""
    course, missed = compare(learned, recordings)
    codes, basis = reduce(missed)
    likeness, extent = describe(course)
    family = torch.from_numpy(recordings.family)
    present, own = torch.unique(family, return_inverse=True)
    takes = learned.takes.detach()
    with torch.no_grad():
        families = learned.embedding(present)
    kept = Kept(
        families=families,
        family=own,
        strength=torch.from_numpy(recordings.strength),
        takes=takes,
        codes=codes,
        jitter=_JITTER * _usual_spread(takes, own),
        likeness=likeness,
        extent=extent,
        phases=first_phases(recordings),
        basis=basis,
        shapes=shapes(recordings),
    )
    return Recall(kept).eval()


def compare(learned: Learned, recordings: Recordings) -> tuple[Tensor, Tensor]:
    """Log-mel of every recording at strength 1, and less the decoder's, at KNOTS.

    Returns:
        Each float32[R, len(KNOTS), 80].
    """
    order = np.argsort(recordings.length)
    both = torch.zeros(2, len(order), len(KNOTS), MELS)
    level = 2 * np.log(10.0) * (1 - torch.from_numpy(recordings.strength))[:, None, None]
    both[0] = float(np.log(FLOOR))
    for first in range(0, len(order), _ROWS):
        rows = order[first : first + _ROWS]
        longest = int(recordings.length[rows].max()) // HOP + _AFTER_HOPS
        hops = min(longest, KNOTS[-1])
        found = [_missed(learned, recordings, rows, (begin, hops)) for begin in BEGINS]
        # Least squares over ages; knots beyond the last hop stay 0.
        to_knots = torch.linalg.pinv(interpolation(hops))
        reached = torch.tensor(KNOTS) < hops
        at_knots = torch.einsum("kh,grhb->grkb", to_knots, torch.stack(found).mean(0))
        at_knots[0] += level[rows]
        both[:, rows] = torch.where(reached[:, None], at_knots, both[:, rows])
    course, missed = both
    return course, missed


def describe(course: Tensor) -> tuple[Tensor, Tensor]:
    """By what recordings are told apart: likeness float32[R, n] and extent float32[R].

    The square distance of likenesses over the extent is the mean square difference of log-mels
    (principal components of them, first third of a second) where there is sound.
    """
    floor = float(np.log(FLOOR))
    weight = interpolation(_HEARD_HOPS).sum(0)[:, None]
    rows = ((course.clamp(min=floor) - floor) * weight.sqrt()).flatten(1)
    left, size, _ = torch.linalg.svd(rows - rows.mean(0), full_matrices=False)
    extent = ((course > floor + _AUDIBLE) * weight).sum((1, 2))
    return (left[:, :_LIKENESS] * size[:_LIKENESS]).contiguous(), extent.clamp(min=_LEAST)


def reduce(missed: Tensor, count: int = CODE) -> tuple[Tensor, Tensor]:
    """Codes [R, count] and basis [len(KNOTS), 80, count] of corrections [R, len(KNOTS), 80].

    Principal components, about 0 so that no code is no correction; a knot weighs as its hops do.
    """
    weight = interpolation(KNOTS[-1] + 1).sum(0).clamp(max=_HEAVIEST_HOPS).sqrt()
    rows = (missed * weight[:, None]).flatten(1)
    left, size, right = torch.linalg.svd(rows, full_matrices=False)
    codes, components = left[:, :count] * size[:count], right[:count]
    basis = components.T.reshape(len(KNOTS), MELS, len(components)) / weight[:, None, None]
    return codes.contiguous(), basis.contiguous()


def first_phases(recordings: Recordings) -> Tensor:
    """Phases of the first frames, as if they began at sample 0: float32[R, 513]."""
    framer = Framer(torch.device("cpu"))
    begin = HOP // 2 + RISE
    turn = torch.arange(N // 2 + 1) * (2 * torch.pi * begin / N)
    phases = []
    for index in range(len(recordings.length)):
        sound = torch.zeros(1, N)
        kept = torch.from_numpy(recordings.sound(index)[:N])
        sound[0, : len(kept)] = kept
        place = torch.tensor([begin])
        frame = framer.attacks(framer.raise_onsets(sound, place), place)[0]
        phases.append(torch.remainder(frame.angle() + turn + torch.pi, 2 * torch.pi) - torch.pi)
    return torch.stack(phases)


def _missed(
    learned: Learned, recordings: Recordings, rows: np.ndarray, where: tuple[int, int]
) -> Tensor:
    """Log-mel of some recordings hit at a sample, for some hops, and less the decoder's.

    Returns:
        float32[2, R, T, 80].
    """
    begin, hops = where
    true = np.stack([copy_mel(recordings.sound(row), begin + RISE, hops) for row in rows])
    count = len(rows)
    control = torch.zeros(count, hops, CONTROL)
    control[:, 0, 0] = 1.0
    control[:, 0, 1] = begin / HOP
    control[:, 0, 2] = torch.from_numpy(recordings.strength[rows])
    with torch.no_grad():
        family = torch.from_numpy(recordings.family[rows])
        palette = learned.embedding(family)[:, None].expand(-1, hops, -1)
        take = learned.takes[torch.from_numpy(rows)][:, None].expand(-1, hops, -1)
        drive = drive_sequence(control, palette, take, torch.zeros(count, hops, TEXTURE))
        network = learned.network
        mel = network.decoder(drive, empty_memory(network, count, control))[1]
    whole = torch.from_numpy(true)
    return torch.stack([whole, whole - mel.clamp(min=float(np.log(FLOOR)))])


def _usual_spread(takes: Tensor, family: Tensor) -> Tensor:
    """Standard deviation of takes within their families, each component's over all: [16]."""
    count = torch.bincount(family).float()[:, None]
    means = torch.zeros(len(count), takes.shape[1]).index_add_(0, family, takes) / count
    degrees = max(len(takes) - len(count), 1)
    return ((takes - means[family]).square().sum(0) / degrees).sqrt()
