"""A second set of silent evaluation scenes: nobody had looked at it when training was changed.

What the first set (`evaluation.py`) showed of silent motion decided which families training got
next (`families/puppets.py`), so it judges them with one eye open. These were written, frozen and
committed before any network that ships was trained on those, and before any network at all had
watched them. Textures and filming are those of the first set.
"""

import hashlib
import json
from pathlib import Path
from typing import Final

from synchresis.engines.scenes.evaluation import SOURCES, EvaluationScene, fingerprint

LATER_SOURCES: Final = (*SOURCES, "evaluation_later.py", "families/held_back_later.py")
"""Files these scenes depend on."""

LATER: Final = ("signer", "crane", "mobile", "fish", "candles")
"""Their families."""


def later_scenes() -> tuple[EvaluationScene, ...]:
    """The frozen scenes: 40 of 30 s (20 minutes)."""
    return tuple(
        EvaluationScene("silent_motion", n, 74_000 + k, 30.0) for n in LATER for k in range(8)
    )


def later_hash() -> str:
    """SHA-256 over the source files these scenes depend on."""
    digest = hashlib.sha256()
    for name in LATER_SOURCES:
        digest.update(name.encode())
        digest.update((Path(__file__).parent / name).read_bytes())
    return digest.hexdigest()


def later_path() -> Path:
    """Where the frozen hash and fingerprints lie."""
    return Path(__file__).with_name("frozen_later.json")


def freeze_later() -> None:
    """Write `frozen_later.json` anew: only before a training, never after."""
    rows = {f"{s.name}:{s.seed}": [round(v, 6) for v in fingerprint(s)] for s in later_scenes()}
    text = json.dumps({"sources": later_hash(), "scenes": rows}, indent=0)
    later_path().write_text(text + "\n", encoding="utf-8")
