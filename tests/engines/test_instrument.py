"""What a player chooses reaches the stages."""

import numpy as np
import pytest
from numpy.typing import NDArray

from synchresis.engines.instrument import Instrument, InstrumentSettings
from synchresis.engines.packs import Pack
from synchresis.engines.playout import Playout
from synchresis.engines.timebase import HOP
from synchresis.engines.zone import Zone
from synchresis.errors import PackError, ParameterError

MODEL = (Zone(palette="model:gravel"),)


def opened(pack: Pack, settings: InstrumentSettings) -> Instrument:
    instrument = Instrument(pack, settings)
    instrument.prepare()
    return instrument


def sound(playout: Playout, hops: int = 40) -> NDArray[np.float32]:
    """Of one test hit."""
    playout.hit()
    return np.concatenate([playout.step(hop).copy() for hop in range(hops)])


@pytest.mark.parametrize(("chosen", "expected"), [("auto", 0), (40_000_000, 40_000_000)])
def test_the_lookahead_reaches_the_parser(chosen: int, expected: int, tiny_pack: Pack) -> None:
    instrument = Instrument(tiny_pack, InstrumentSettings(lookahead_ns=chosen, backend="onnx"))
    assert instrument.lookahead_ns == instrument.parser.lookahead_ns == expected


def test_the_sensitivity_reaches_the_parser(tiny_pack: Pack) -> None:
    plain, keen = (
        Instrument(tiny_pack, InstrumentSettings(sensitivity=s, backend="onnx")) for s in (1, 4)
    )
    assert keen.parser.settings.bar < plain.parser.settings.bar


def test_the_gain_reaches_the_mixer(tiny_pack: Pack) -> None:
    loud, soft = (
        sound(opened(tiny_pack, InstrumentSettings(MODEL, gain_db=gain)).playout())
        for gain in (-12.0, -18.0)
    )
    assert np.abs(loud).max() / np.abs(soft).max() == pytest.approx(10 ** (6 / 20), rel=0.01)


def test_the_seed_reaches_the_voice(tiny_pack: Pack) -> None:
    first, again, other = (
        sound(opened(tiny_pack, InstrumentSettings(MODEL, seed=seed)).playout())
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_loudest_hit_is_near_12_db_below_full_scale(tiny_pack: Pack) -> None:
    heard = sound(opened(tiny_pack, InstrumentSettings(MODEL)).playout())
    near_and_aside_db = 12 + 3 + 2  # half of the power in each ear, halfway up the picture
    level_db = 20 * np.log10(np.abs(heard).max())
    assert level_db == pytest.approx(-near_and_aside_db, abs=4)


def test_playouts_of_an_instrument_do_not_share_their_state(tiny_pack: Pack) -> None:
    instrument = opened(tiny_pack, InstrumentSettings(MODEL))
    first = instrument.playout()
    sound(first)
    assert not np.abs(instrument.playout().step(0)).max() > 0


def test_the_delay_reaches_the_score(tiny_pack: Pack) -> None:
    instrument = opened(tiny_pack, InstrumentSettings(MODEL))
    assert instrument.playout(delay_ns=30_000_000).delay_ns == 30_000_000
    assert instrument.playout().delay_ns == 0
    assert len(instrument.playout().step(0)) == HOP


def test_what_cannot_be_is_refused(tiny_pack: Pack) -> None:
    with pytest.raises(PackError, match="'tin'"):
        Instrument(tiny_pack, InstrumentSettings((Zone(palette="tin"),)))
    with pytest.raises(ParameterError, match="lookahead"):
        Instrument(tiny_pack, InstrumentSettings(MODEL, lookahead_ns=10**9))
