"""Leave-one-source-out: sources stay together, and truth is where the picture shows it."""

from dataclasses import fields
from functools import partial
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")


from synchresis.engines.evaluation.clips import Clip  # noqa: E402
from synchresis.engines.training.motion.batch import Batch  # noqa: E402
from synchresis.engines.training.motion.encoded import FEATURES, Encoded  # noqa: E402
from synchresis.engines.training.motion.film import EVENTS  # noqa: E402
from synchresis.engines.training.motion.left_out import (  # noqa: E402
    FRAMES,
    Seen,
    folds_of,
    refine,
    stretch,
    track_of,
)
from synchresis.engines.training.motion.network import MotionNetwork, NetworkSettings  # noqa: E402

SHAPES = ((4, 30, 40), (4, 15, 20), (8, 8, 10), (8,), (24,))


@pytest.fixture
def seen_of(batch_of):
    """Clips encoded as noise."""
    return partial(make_seen, batch_of)


def make_seen(batch_of, name: str, source: str, onsets, *, lag_s=0.0, frames=90) -> Seen:
    clip = Clip(name, Path(name), 3.0, np.array(onsets), np.array(onsets), {"source_repo": source})
    batch = batch_of(1, frames)
    own = {f.name: getattr(batch, f.name) for f in fields(Batch)}
    own |= {"pixels": batch.pixels[:, :, :0, :0], "located": torch.zeros(1, dtype=torch.bool)}
    own |= {"event_xy": torch.full((1, EVENTS, 2), 0.5), "event_strength": torch.zeros(1, EVENTS)}
    features = {
        k: torch.rand(1, frames, *shape).half() for k, shape in zip(FEATURES, SHAPES, strict=True)
    }
    return Seen(clip, lag_s, Encoded(**own, **features))


def test_a_source_is_never_on_both_sides(seen_of):
    clips = [seen_of(f"c{k}", source, [1.0] * k) for k, source in enumerate("abacbddab", 1)]
    folds = folds_of(clips, 3)
    assert sorted(s.clip.name for fold in folds for s in fold) == sorted(s.clip.name for s in clips)
    homes = [{s.clip.row["source_repo"] for s in fold} for fold in folds]
    assert not homes[0] & homes[1] and not homes[1] & homes[2] and not homes[0] & homes[2]
    sizes = [sum(len(s.clip.onsets_s) for s in fold) for fold in folds]
    assert max(sizes) - min(sizes) < 12


def test_a_stretch_holds_the_onsets_its_frames_show_less_the_lag(seen_of):
    seen = seen_of("c", "a", [0.4, 1.0, 2.2, 2.9], lag_s=0.1)
    part = stretch(seen, 15)  # 0.5 s to 2.0667 s: shown there are 0.9 and, at 2.1, nothing more
    times = part.event_s[0][torch.isfinite(part.event_s[0])]
    assert times.tolist() == pytest.approx([0.9 - 0.5], abs=1e-3)
    assert part.captured_s.shape == (1, FRAMES) and part.x1.shape[1] == FRAMES
    assert float(part.captured_s[0, 0]) == 0
    assert torch.equal(part.x1[0, 0], seen.features.x1[0, 15])


def test_refining_raises_the_scores_at_the_onsets_of_its_own_clips(seen_of):
    torch.manual_seed(0)
    start = MotionNetwork(NetworkSettings(pixel=4, fine=4, middle=4, deep=8, embedding=4)).eval()
    seen = seen_of("c", "a", [k / 3 for k in range(1, 9)])
    hits = [10 * k for k in range(1, 9)]
    for name in FEATURES:
        getattr(seen.features, name)[:, hits] += 2.0
    taught = refine(start, [seen], steps=12, rate=2e-2)
    before, after = (track_of(seen, network).score for network in (start, taught))
    rest = [k for k in range(1, 90) if k not in hits]
    assert after[hits].mean() - after[rest].mean() > 0.1 + before[hits].mean() - before[rest].mean()
