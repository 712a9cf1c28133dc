from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from synchresis.engines.runtime.onnx_cpu import OnnxCpuEngine  # noqa: E402
from synchresis.engines.timebase import HOP  # noqa: E402
from synchresis.engines.training.voice.export import UNREST, voice_entry, voice_graph  # noqa: E402
from synchresis.engines.training.voice.learner import Learned  # noqa: E402
from synchresis.engines.training.voice.recall import (  # noqa: E402
    KNOTS,
    UNLIKE,
    Kept,
    Recall,
    interpolation,
)
from synchresis.engines.training.voice.recordings import Recordings  # noqa: E402
from synchresis.engines.training.voice.remember import (  # noqa: E402
    compare,
    describe,
    first_phases,
    reduce,
    remember,
)
from synchresis.engines.training.voice.streaming import HopNetwork, empty_states  # noqa: E402
from synchresis.engines.voice.copying import RISE, copy_mel  # noqa: E402
from synchresis.engines.voice.layout import GRAPH_NOISE  # noqa: E402


@pytest.fixture(scope="module")
def recall(learned: Learned, tiny_recorded: Recordings) -> Recall:
    return remember(learned, tiny_recorded)


def three_recordings() -> Recall:
    """A soft and a loud recording of one family, a loud one of another."""
    families = torch.zeros(3, 32)
    families[1, 0], families[2, 1] = 2.0, 2.0
    kept = Kept(
        families=families,
        family=torch.tensor([0, 0, 1]),
        strength=torch.tensor([0.3, 1.0, 1.0]),
        takes=torch.eye(3, 16),
        codes=torch.eye(3, 4),
        shapes=torch.zeros(3, 1),
        jitter=torch.zeros(16),
        likeness=torch.zeros(3, 2),
        extent=torch.ones(3),
        phases=torch.arange(3.0)[:, None].expand(-1, 513).clone(),
        basis=torch.zeros(len(KNOTS), 80, 4),
    )
    return Recall(kept)


@pytest.mark.parametrize(
    ("family", "strength", "nearest"), [(0, 0.3, 0), (0, 0.95, 1), (1, 0.65, 2)]
)
def test_a_hit_recalls_what_is_near_in_palette_and_strength(
    family: int, strength: float, nearest: int
) -> None:
    recall = three_recordings()
    given = recall(
        recall.families[family : family + 1], torch.tensor([[strength]]), torch.zeros(1, 16)
    )
    assert given.take[0, :3].argmax() == nearest
    assert given.take[0, nearest] > 0.9
    assert given.code[0, nearest] > 0.9
    assert (given.phases == nearest).all()


def test_what_is_unlike_the_nearest_counts_little() -> None:
    def loud_share(unlike: float) -> float:
        recall = three_recordings()
        recall.likeness[1, 0] = unlike
        recall.extent[:] = 100.0
        between = torch.tensor([[0.6]])
        return float(recall(recall.families[:1], between, torch.zeros(1, 16)).take[0, 1])

    alike, unlike, other = (loud_share(distance) for distance in (0.0, 10 * UNLIKE, 40 * UNLIKE))
    assert alike > 0.05
    # 10 UNLIKE / sqrt(100) is a root mean square difference of UNLIKE: e^-1 of the odds.
    assert unlike / (1 - unlike) == pytest.approx(alike / (1 - alike) / np.e, rel=1e-3)
    assert other < 1e-6


def test_likeness_is_the_difference_of_the_log_mels() -> None:
    course = torch.full((4, len(KNOTS), 80), float(np.log(1e-4)))
    course[1:, :21] += 3.0
    course[2, :21] += 1.0
    course[3, :21, ::2] += 2.0
    likeness, extent = describe(course)
    for other, square in ((2, 1.0), (3, 2.0)):
        found = (likeness[1] - likeness[other]).square().sum() / extent[1]
        assert float(found) == pytest.approx(square, rel=0.02)
    assert extent[0] < extent[1]


def test_noise_shuffles_recordings_and_a_mix_recalls_both_families() -> None:
    recall = three_recordings()
    between = torch.tensor([[0.65]]).expand(200, -1)
    noise = torch.randn(200, 16, generator=torch.Generator().manual_seed(0))
    shares = recall(recall.families[:1].expand(200, -1), between, noise).take[:, 1]
    assert shares.min() < 0.4
    assert shares.max() > 0.6
    middle = recall.families[:2].mean(0, keepdim=True)
    blend = recall(middle, torch.ones(1, 1), torch.zeros(1, 16)).take[0]
    assert blend[2] > 0.3
    assert blend[:2].sum() > 0.3


def test_ages_between_knots_are_interpolated_and_the_last_is_silent() -> None:
    matrix = interpolation(KNOTS[-1] + 50)
    torch.testing.assert_close(matrix.sum(1), torch.ones(len(matrix)))
    for place, knot in enumerate(KNOTS):
        assert matrix[knot, place] == 1
    torch.testing.assert_close(matrix[9, KNOTS.index(8)], torch.tensor(0.5))
    assert (matrix[KNOTS[-1] :, -1] == 1).all()


def test_codes_and_basis_are_the_corrections_again() -> None:
    missed = torch.randn(20, len(KNOTS), 80, generator=torch.Generator().manual_seed(1))
    codes, basis = reduce(missed)
    torch.testing.assert_close(
        torch.einsum("kbc,rc->rkb", basis, codes), missed, atol=1e-3, rtol=1e-3
    )


def test_phases_of_a_click_are_those_of_sample_0(tiny_recorded: Recordings) -> None:
    samples = np.zeros_like(tiny_recorded.samples)
    samples[tiny_recorded.offset] = 0.7
    phases = first_phases(replace(tiny_recorded, samples=samples))
    assert phases.abs().max() < 1e-3


def test_corrected_mel_is_nearer_to_the_recordings(
    learned: Learned, recall: Recall, tiny_recorded: Recordings
) -> None:
    def error(made: np.ndarray) -> float:
        true = copy_mel(tiny_recorded.sound(5), 128 + RISE, 16)
        return float(np.abs(np.maximum(made, np.log(1e-4)) - true).mean())

    family = int(tiny_recorded.family[5])
    alone, helped = (played(learned, part, family)["mel"][2:18, 0] for part in (None, recall))
    assert error(helped) < 0.6 * error(alone)


def test_nothing_is_corrected_before_a_hit_or_under_friction(
    learned: Learned, recall: Recall
) -> None:
    quiet = dict(onset=-1, levels=0.0)
    rubbed = dict(onset=2, levels=0.5)
    for case in (quiet, rubbed):
        alone, helped = (played(learned, part, 0, take=False, **case) for part in (None, recall))
        np.testing.assert_allclose(helped["mel"], alone["mel"], atol=1e-5)
    assert not played(learned, recall, 0, **quiet)["real"].any()


def test_exported_recall_is_the_network(learned: Learned, recall: Recall) -> None:
    spec = voice_entry(learned.network, {}, recall).spec
    engine = OnnxCpuEngine(voice_graph(learned.network, recall), spec, batch=3)
    engine.prepare()
    state, truth = engine.initial_state(), played(learned, recall, 0, rows=3)
    for step, inputs in enumerate(asked(learned, 0, rows=3)):
        given = engine.step({name: part.numpy() for name, part in inputs.items()}, state)
        for name in ("real", "imag", "mel"):
            np.testing.assert_allclose(given[name], truth[name][step], atol=5e-3, rtol=1e-4)
    assert np.abs(truth["real"]).max() > 1


def asked(
    learned: Learned, family: int, *, rows: int = 1, onset: int = 2, levels: float = 0.0
) -> list[dict[str, Any]]:
    """Twenty hops: a hit at 128 of hop `onset`, noise of a fixed seed."""
    seeded = torch.Generator().manual_seed(2)
    palette = learned.embedding(torch.tensor([family])).detach().expand(rows, -1)
    steps = []
    for hop in range(20):
        control = torch.zeros(rows, 8)
        if hop == onset:
            control[:, :3] = torch.tensor([1.0, 128 / HOP, 1.0])
        control[:, 3] = levels
        noise = torch.randn(rows, GRAPH_NOISE, generator=seeded)
        steps.append({"control": control, "palette": palette, "noise": noise})
    return steps


def played(
    learned: Learned, recall: Recall | None, family: int, *, take: bool = True, **case: Any
) -> dict[str, np.ndarray]:
    """Outputs [hops, rows, …] of the steps asked for."""
    if recall is not None and not take:
        recall = without_takes(recall)
    steps = asked(learned, family, **case)
    for inputs in steps:
        inputs["noise"][:, 513:529] *= float(take)
    hop = HopNetwork(learned.network, recall, unrest=UNREST)
    states = empty_states(learned.network, len(steps[0]["control"]), recall)
    out = []
    with torch.no_grad():
        for inputs in steps:
            made = hop(inputs["control"], inputs["palette"], inputs["noise"], *states)
            out.append([part.numpy() for part in made[:3]])
            states = list(made[3:])
    return {
        name: np.stack([frame[i] for frame in out])
        for i, name in enumerate(("real", "imag", "mel"))
    }


def without_takes(recall: Recall) -> Recall:
    """The same corrections, but the take of no recording."""
    same = ("families", "family", "strength", "codes", "likeness", "extent", "shapes")
    kept = {name: getattr(recall, name) for name in same}
    return Recall(
        Kept(
            **kept,
            takes=torch.zeros_like(recall.takes),
            jitter=torch.zeros_like(recall.jitter),
            phases=recall.phases.float(),
            basis=recall.basis.reshape(len(KNOTS), 80, -1)[..., :-1],
        )
    )


def test_soft_and_loud_recordings_of_one_sound_are_alike(
    learned: Learned, tiny_recorded: Recordings
) -> None:
    softer = np.float32(10 ** (2 * (0.8 - 1)))
    sound = tiny_recorded.sound(0)
    size = tiny_recorded.samples.size
    samples = np.resize(np.concatenate([sound, softer * sound]), size).astype(np.float32)
    strength = np.where(np.arange(40) % 2, 0.8, 1.0).astype(np.float32)
    course, _ = compare(learned, replace(tiny_recorded, samples=samples, strength=strength))
    loud, soft = course[0], course[1]
    heard = loud > loud.max() - 3.0
    assert heard.sum() > 20
    assert (loud - soft)[heard].abs().max() < 0.1
