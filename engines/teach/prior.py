"""What a readout is like before a lesson: learned from drawn performers, shipped with a pack.

A lesson is short, a readout has some 170 weights. So each weight has a mean and a variance over
many drawn performers, and a lesson pulls it away from that mean only as far as it has reasons to:
ridge regression to a learned prior (empirical Bayes of a linear mixed model, Laird & Ware 1982).

A lesson also knows little of what moves and does not sound. So a prior brings frames of drawn
silent scenes, and every lesson learns as if it had seen some of them besides.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.motion.readout import AGES_S, FEATURES
from synchresis.engines.packs import Pack
from synchresis.errors import PackError

Array = NDArray[np.float64]

Stored = NDArray[np.float32 | np.float16 | np.uint8]

FILE: Final = "prior.safetensors"
"""Name of the prior inside a pack."""

PAST: Final = len(AGES_S) * FEATURES
"""Weights of the past; those of the embedding follow them."""

FLAT_NOISE: Final = 0.3
"""Noise of the flat prior, for blocks of features of size 1."""

FLAT_EMBEDDING: Final = 0.25
"""Size of the embedding in the flat prior."""


@dataclass(frozen=True, slots=True)
class Prior:
    """Readouts before a lesson, D = PAST + length of the embedding; of scaled features.

    Attributes:
        mean: float64[D], weights.
        variance: float64[D], of weights from performer to performer.
        noise: variance of what a readout leaves unexplained, times frames that say the same.
        threshold: usual one of the picker; None if not known.
        silence: float64[N, D], features in frames of silent scenes, not scaled, or as the lesson
            at hand scales them (see `Design.prior`); None if there are none.
    """

    mean: Array
    variance: Array
    noise: float
    threshold: float | None = None
    silence: Array | None = None

    @property
    def penalty(self) -> Array:
        """What a squared step of each weight away from its mean costs, float64[D]."""
        return np.asarray(self.noise / self.variance)

    @classmethod
    def flat(cls, embedding: int) -> Self:
        """That of a pack without one: weights are small, logits and motion alike.

        Args:
            embedding: numbers of the embedding.
        """
        return cls(np.zeros(PAST + embedding), flat_sizes(embedding) ** 2, FLAT_NOISE)

    def tensors(self, engine: str) -> dict[str, Stored]:
        """The same by name, to be stored, with the hash of the motion engine it belongs to."""
        bar = np.nan if self.threshold is None else self.threshold
        tensors: dict[str, Stored] = {
            "mean": self.mean.astype("f4"),
            "variance": self.variance.astype("f4"),
            "noise_threshold": np.array([self.noise, bar], "f4"),
            "engine": np.frombuffer(bytes.fromhex(engine), np.uint8),
        }
        if self.silence is not None:
            tensors["silence"] = self.silence.astype("f2")
        return tensors


def flat_sizes(embedding: int) -> Array:
    """Deviation of each weight where nothing is known, float64[PAST + embedding].

    Three blocks, whatever their number of features: logits, motion, embedding.
    """
    past = np.empty((len(AGES_S), FEATURES))
    past[:, :3] = np.sqrt(1.0 / (3 * len(AGES_S)))
    past[:, 3:] = np.sqrt(1.0 / ((FEATURES - 3) * len(AGES_S)))
    return np.concatenate((past.ravel(), np.full(embedding, np.sqrt(FLAT_EMBEDDING / embedding))))


def prior_of(pack: Pack) -> Prior:
    """The prior of a pack; flat where it has none, or one of another motion engine.

    Raises:
        PackError: the file does not hold what it should.
    """
    length = next(int(t.shape[-1]) for t in pack.motion.outputs if t.name == "embedding")
    if FILE not in pack.manifest.files:
        return Prior.flat(length)
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        found = load(pack.read(FILE))
        if found["engine"].tobytes().hex() != pack.file_hash(pack.motion.file):
            return Prior.flat(length)
        noise, bar = (float(value) for value in found["noise_threshold"])
        mean, variance = found["mean"].astype("f8"), found["variance"].astype("f8")
        silence = found["silence"].astype("f8") if "silence" in found else None
    except (SafetensorError, KeyError, ValueError) as err:
        raise PackError(f"pack {pack.path}: {FILE} cannot be read: {err}; export it again") from err
    right = mean.shape == variance.shape == (PAST + length,) and np.isfinite(mean).all()
    if silence is not None:
        right = right and len(silence) > 0 and silence.shape[1:] == mean.shape
        right = right and np.isfinite(silence).all()
    if not (right and (variance > 0).all() and noise > 0):
        raise PackError(f"pack {pack.path}: {FILE} does not fit this version; export it again")
    return Prior(mean, variance, noise, None if np.isnan(bar) else bar, silence)
