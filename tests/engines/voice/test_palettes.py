import numpy as np
import pytest

from synchresis.engines.packs import Pack
from synchresis.engines.voice.materials import MATERIALS
from synchresis.engines.voice.palettes import is_model, parse_mix, resolve
from synchresis.errors import PackError, ParameterError


def test_a_name_is_its_embedding(tiny_pack: Pack) -> None:
    np.testing.assert_array_equal(resolve("wood", tiny_pack), tiny_pack.embedding("wood"))


def test_a_mix_is_the_weighted_mean(tiny_pack: Pack) -> None:
    mix = resolve("wood:0.7+glass:0.3", tiny_pack)
    expected = 0.7 * tiny_pack.embedding("wood") + 0.3 * tiny_pack.embedding("glass")
    np.testing.assert_allclose(mix, expected, atol=1e-7)


def test_weights_need_not_add_up_to_one(tiny_pack: Pack) -> None:
    np.testing.assert_allclose(
        resolve("wood:7 + glass:3", tiny_pack), resolve("wood:0.7+glass:0.3", tiny_pack), atol=1e-7
    )


def test_models_need_no_pack_and_mix() -> None:
    mix = resolve("model:wood:1+model:glass:3", None)
    expected = (MATERIALS["wood"].embedding() + 3 * MATERIALS["glass"].embedding()) / 4
    np.testing.assert_allclose(mix, expected, atol=1e-6)
    assert is_model("model:wood")
    assert not is_model("wood")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty name"),
        ("wood+", "empty name"),
        ("wood:x", "must be a number"),
        ("wood:-1", "must be 0 or more"),
        ("wood:nan", "must be 0 or more"),
        ("wood:0", "more than 0"),
    ],
)
def test_unreadable_mixes_are_refused(text: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        parse_mix(text)


def test_unknown_names_are_told_with_what_there_is(tiny_pack: Pack) -> None:
    with pytest.raises(PackError, match=r"'cheese'.*glass, wood"):
        resolve("cheese", tiny_pack)
    with pytest.raises(ParameterError, match=r"model:cheese.*model:wood"):
        resolve("model:cheese", None)


def test_models_and_learned_palettes_do_not_mix(tiny_pack: Pack) -> None:
    with pytest.raises(ParameterError, match="use one kind"):
        resolve("wood+model:glass", tiny_pack)
