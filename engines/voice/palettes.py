"""Palettes: a name, a mix of names or a physical model, as one embedding."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.control import EMBEDDING
from synchresis.engines.packs.loading import Pack
from synchresis.engines.voice.materials import MATERIALS
from synchresis.errors import ParameterError

Embedding = NDArray[np.float32]
"""float32[EMBEDDING]."""

MODEL: Final = "model:"
"""Prefix of palettes played by the physical models, without a network."""


def is_model(text: str) -> bool:
    """Whether a palette (or mix) is played by the physical models; a mix must not be of both.

    Raises:
        ParameterError: physical models and palettes of the pack in one mix.
    """
    models = [name.startswith(MODEL) for name, _ in parse_mix(text)]
    if any(models) and not all(models):
        raise ParameterError(
            f"palette {text!r} mixes physical models and palettes of the pack; "
            "use one kind, or two zones"
        )
    return models[0]


def parse_mix(text: str) -> list[tuple[str, float]]:
    """Names and weights of "wood" or "wood:0.7+glass:0.3"; a name without weight counts 1."""
    parts = [_parse_part(part.strip(), text) for part in text.split("+")]
    total = sum(weight for _, weight in parts)
    if not total > 0:
        raise ParameterError(f"palette {text!r}: weights must add up to more than 0")
    return [(name, weight / total) for name, weight in parts]


def resolve(text: str, pack: Pack | None) -> Embedding:
    """Embedding of a palette given by name or as a mix.

    Args:
        text: "wood", "wood:0.7+glass:0.3", "model:glass" or a mix of models.
        pack: where names are looked up; not needed for models.

    Returns:
        float32[EMBEDDING], the weighted mean of the embeddings named.

    Raises:
        ParameterError: unreadable mix, unknown model.
        PackError: the pack has no such palette.
    """
    model = is_model(text)
    mix = np.zeros(EMBEDDING, np.float32)
    for name, weight in parse_mix(text):
        mix += np.float32(weight) * (_material(name) if model else _learned(name, pack))
    return mix


def _parse_part(part: str, text: str) -> tuple[str, float]:
    prefix = MODEL if part.startswith(MODEL) else ""
    name, colon, weight = part[len(prefix) :].partition(":")
    if not name:
        raise ParameterError(
            f"palette {text!r} has an empty name; write NAME or NAME:WEIGHT+NAME:WEIGHT"
        )
    try:
        value = float(weight) if colon else 1.0
    except ValueError as err:
        raise ParameterError(f"palette {text!r}: weight {weight!r} must be a number") from err
    if not 0 <= value < 1e6:
        raise ParameterError(f"palette {text!r}: weight {value} must be 0 or more")
    return prefix + name, value


def _material(name: str) -> Embedding:
    material = MATERIALS.get(name[len(MODEL) :])
    if material is None:
        known = ", ".join(MODEL + known for known in MATERIALS)
        raise ParameterError(f"palette {name!r} is not a physical model; there are: {known}")
    return material.embedding()


def _learned(name: str, pack: Pack | None) -> Embedding:
    if pack is None:
        raise ParameterError(f"palette {name!r} needs a pack; without one use {MODEL}NAME")
    return pack.embedding(name)
