import argparse
import copy
import functools
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")

from synchresis.engines.evaluation.tracks import LOOKAHEADS_MS  # noqa: E402
from synchresis.engines.packs import load_pack  # noqa: E402
from synchresis.engines.scenes.families import silent_families  # noqa: E402
from synchresis.engines.scenes.world import SimSettings, simulate  # noqa: E402
from synchresis.engines.training.motion.checkpoint import load_network, write_checkpoint  # noqa: E402
from synchresis.engines.training.motion.commands import (  # noqa: E402
    add_train_arguments,
    settings_of,
)
from synchresis.engines.training.motion.feed import with_shares  # noqa: E402
from synchresis.engines.training.motion.network import (  # noqa: E402
    MotionNetwork,
    NetworkSettings,
)
from synchresis.engines.training.motion.publish import network_of, publish  # noqa: E402
from synchresis.engines.training.motion.train import (  # noqa: E402
    Trainer,
    TrainSettings,
)
from synchresis.engines.training.motion.validate import load_tracks  # noqa: E402
from synchresis.engines.training.motion.weights import SHIPPED, write_weights  # noqa: E402
from synchresis.errors import InputError, ParameterError  # noqa: E402

SILENT = set(silent_families())
TINY = NetworkSettings(pixel=4, fine=8, middle=8, deep=8, embedding=4)


def settings(out, minutes):
    return TrainSettings(
        minutes=minutes,
        out=out,
        batch=2,
        frames=12,
        films=2,
        validation=2,
        final=2,
        report_s=1.0,
        families=("ball",),
        network=TINY,
    )


def test_a_run_reports_saves_scores_and_goes_on_where_it_was(tmp_path):
    Trainer(settings(tmp_path, 0.03)).run()
    lines = [json.loads(line) for line in (tmp_path / "motion.jsonl").read_text().splitlines()]
    assert lines[-1]["steps"] >= 1 and lines[-1]["worlds"] >= 2
    begun, *reports = lines
    assert begun["run"] == 1 and begun["steps"] == 0
    assert begun["settings"]["families"] == ["ball"] and begun["settings"]["rate"] == 1.5e-3
    assert all(np.isfinite(line["loss_dense"]) for line in reports)
    tracks = load_tracks(tmp_path / "motion_tracks.npz")
    assert set(tracks) == set(LOOKAHEADS_MS) and len(tracks[0]) == 2
    again = Trainer(settings(tmp_path, 0.03))
    assert again.steps == lines[-1]["steps"] and again.spent_s > 0.03 * 60
    own = again.average.network.state_dict()
    kept = load_network(tmp_path / "motion.pt").state_dict()
    for name, value in own.items():
        torch.testing.assert_close(value, kept[name])


def test_a_share_of_what_is_learned_from_is_silent():
    usual = SimSettings(families=("stick", "mime", "ball", "flag"), weights=(1.0, 1.0, 1.0, 1.0))
    assert with_shares(usual, None) is usual
    shared = with_shares(usual, 0.5)
    odds = dict(zip(shared.families, shared.weights, strict=True))
    assert odds["mime"] + odds["flag"] == pytest.approx(0.5)
    assert odds["stick"] + odds["ball"] == pytest.approx(0.5)
    assert odds["stick"] / odds["ball"] == pytest.approx(2.5 / 1.2)  # as usual
    every = with_shares(SimSettings(), 0.25)
    silent = sum(o for f, o in zip(every.families, every.weights, strict=True) if f in SILENT)
    assert silent == pytest.approx(0.25) and sum(every.weights) == pytest.approx(1.0)
    names = {simulate(seed, with_shares(SimSettings(frames=8), 1.0)).name for seed in range(6)}
    assert names <= SILENT


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_no_share_of_silence_is_refused(share):
    with pytest.raises(ParameterError, match="is no share"):
        with_shares(SimSettings(), share)


def test_silence_needs_silent_families_and_others(tmp_path):
    with pytest.raises(ParameterError, match="silent and sounding"):
        Trainer(replace(settings(tmp_path / "out", 0.03), silence_share=0.5))
    assert not (tmp_path / "out").exists()
    with pytest.raises(ParameterError, match="silent and sounding"):
        with_shares(SimSettings(families=("flag",)), 0.5)


def test_families_have_their_own_shares():
    usual = SimSettings(families=("stick", "mime", "ball", "flag", "puppet"))
    shared = with_shares(usual, 0.5, [("puppet", 0.3), ("ball", 0.1)])
    odds = dict(zip(shared.families, shared.weights, strict=True))
    assert odds == pytest.approx(
        {"stick": 0.4, "ball": 0.1, "puppet": 0.3, "mime": 0.2 * 2 / 2.7, "flag": 0.2 * 0.7 / 2.7}
    )
    alone = with_shares(usual, None, [("puppet", 0.4)])
    odds = dict(zip(alone.families, alone.weights, strict=True))
    assert odds["puppet"] == 0.4 and odds["stick"] == pytest.approx(0.6 * 2.5 / 6.4)
    assert with_shares(usual, 1.0, [("puppet", 1.0)]).weights == (0, 0, 0, 0, 1.0)


@pytest.mark.parametrize(
    ("silence", "families", "match"),
    [
        (0.5, [("puppet", 0.6)], "-0.10 is left for"),
        (None, [("ball", 0.6), ("puppet", 0.6)], "-0.20 is left"),
        (None, [("ball", -0.1)], "ball=-0.1 is no share"),
        (None, [("boll", 0.1)], "boll.*not among the families"),
        (None, [("ball", 0.1), ("ball", 0.2)], "ball.*named twice"),
        (None, [("ball", 0.1), ("ball", 0.1)], "ball.*named twice"),
    ],
)
def test_shares_that_do_not_fit_are_refused(silence, families, match):
    with pytest.raises(ParameterError, match=match):
        with_shares(SimSettings(), silence, families)


def test_shares_are_given_as_name_and_number(capsys):
    parser = argparse.ArgumentParser()
    add_train_arguments(parser)
    args = parser.parse_args(["--out", "x", "--family-shares", "puppet=0.2", "drapes=0.1"])
    assert settings_of(args).family_shares == (("puppet", 0.2), ("drapes", 0.1))
    with pytest.raises(SystemExit):
        parser.parse_args(["--out", "x", "--family-shares", "puppet"])
    assert "'puppet' is not NAME=SHARE" in capsys.readouterr().err


def test_a_network_is_published_with_statistics_that_follow_the_stream(tmp_path):
    weights, pack = tmp_path / "small.safetensors", tmp_path / "pack"
    write_weights(MotionNetwork(TINY).eval(), weights)
    with pytest.raises(ParameterError, match=r"tracks\.npz was scored with statistics that stand"):
        network_of(weights, adapts=True, scored=tmp_path / "tracks.npz")
    for adapts in (False, True):
        publish(network_of(weights, adapts=adapts), pack, worlds=1)
        expected = MotionNetwork(replace(TINY, adapts=adapts)).state_shapes()
        assert [state.name for state in load_pack(pack).motion.states] == list(expected)


def test_a_run_begins_from_given_weights_and_their_sizes(tmp_path):
    weights = tmp_path / "small.safetensors"
    torch.manual_seed(5)
    write_weights(MotionNetwork(replace(TINY, adapts=True)).eval(), weights)
    given = replace(settings(tmp_path, 0.02), network=NetworkSettings(), start=weights, steps=2)
    begun = Trainer(given)
    for name, value in load_network(weights).state_dict().items():
        torch.testing.assert_close(begun.network.state_dict()[name], value)
    begun.run()
    saved = load_network(tmp_path / "motion.pt")
    assert saved.settings == TINY
    again = Trainer(given)  # goes on with what was learned, not from the weights once more
    assert again.steps == 2
    first = again.network.pixels1[0].weight
    assert not torch.equal(first, load_network(weights).pixels1[0].weight)
    for other in (replace(given, start=None), replace(given, start=None, network=TINY)):
        with pytest.raises(ParameterError, match=r"motion\.pt began otherwise"):
            Trainer(other)
    write_checkpoint(tmp_path / "motion.pt", average={}, sizes=TINY, refined_steps=1)
    with pytest.raises(InputError, match="holds no training that can be gone on with"):
        Trainer(given)


def test_training_as_played_keeps_what_the_stream_adapts(tmp_path):
    start = tmp_path / "start.safetensors"
    write_weights(MotionNetwork(TINY).eval(), start)
    begun = load_network(start).state_dict()
    given = replace(settings(tmp_path / "run", 0.0), start=start, steps=2, played=True, askew=0.5)
    trainer = Trainer(given)
    trainer.run()
    network = load_network(tmp_path / "run/motion.pt")
    assert network.settings.adapts and trainer.network.settings.adapts
    for name, value in network.state_dict().items():
        early = name.startswith(("pixels", "flow1", "merge"))
        kept = early or "running" in name or "tracked" in name
        assert torch.equal(value, begun[name]) == kept, name


def test_half_precision_on_a_cpu_learns_from_the_same_losses(tmp_path):
    found = {}
    for half in (False, True):
        trainer = Trainer(replace(settings(tmp_path, 1.0), bfloat16=half))
        batch = trainer.held_out(2)
        trainer.material = SimpleNamespace(draw=lambda draws, batch=batch: batch)
        found[half] = trainer.step(0.0)
        assert all(value.dtype == torch.float32 for value in trainer.network.parameters())
    assert not torch.equal(found[True], found[False])
    torch.testing.assert_close(found[True], found[False], rtol=0.05, atol=0.01)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_network_that_is_kept_is_read_as_the_one_that_learns(compiled, tmp_path, monkeypatch):
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    start = tmp_path / "start.safetensors"
    write_weights(MotionNetwork(TINY).eval(), start)
    given = replace(settings(tmp_path / "run", 0.0), start=start, keep=start, steps=1, played=True)
    trainer = Trainer(replace(given, compiled=compiled))
    earlier = getattr(trainer.earlier, "_orig_mod", trainer.earlier)
    assert (earlier is not trainer.earlier) == compiled
    assert earlier.settings.adapts and not earlier.training
    before = copy.deepcopy(earlier.state_dict())
    trainer.run()
    for name, value in earlier.state_dict().items():
        assert torch.equal(value, before[name]), name
    moved = trainer.network.state_dict()
    assert any(not torch.equal(value, before[name]) for name, value in moved.items())
    assert Trainer(replace(given, keep=None, out=tmp_path / "other")).earlier is None


def test_training_as_played_needs_weights_to_begin_from(tmp_path):
    with pytest.raises(ParameterError, match="played"):
        Trainer(replace(settings(tmp_path, 1.0), played=True))


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_no_more_than_all_scenes_are_askew(share, tmp_path):
    with pytest.raises(ParameterError, match=f"askew={share}"):
        Trainer(replace(settings(tmp_path, 1.0), askew=share))


@pytest.mark.parametrize("length", [{"minutes": 0}, {"steps": -1}, {"minutes": -1, "steps": 0}])
def test_a_run_has_a_length(length, tmp_path):
    with pytest.raises(ParameterError, match="must be above 0"):
        Trainer(replace(settings(tmp_path, 1), **length))


def test_where_a_run_begins_is_named_on_the_command_line(tmp_path, capsys):
    def parsed(*words):
        parser = argparse.ArgumentParser()
        add_train_arguments(parser)
        return settings_of(parser.parse_args(["--out", str(tmp_path), *words]))

    assert parsed("--start", "shipped").start == SHIPPED
    assert parsed().start is None
    for words in (("--start", "nosuch.pt"), ("--start", "shipped", "--sizes", "8", "8", "8", "8")):
        with pytest.raises(SystemExit):
            parsed(*words)
    assert "no file 'nosuch.pt'" in capsys.readouterr().err


def test_what_is_no_checkpoint_is_refused_by_name(tmp_path):
    junk = {"a.pt": b"no zip", "b.pt": b"", "d.pt": b".hello world", "c.safetensors": b"no header"}
    for name, content in junk.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=name) as refused:
            load_network(tmp_path / name)
        assert "weights_only" not in str(refused.value)  # torch's advice is not ours
    for content in ({"sizes": {}}, torch.zeros(3)):
        torch.save(content, tmp_path / "other.pt")
        with pytest.raises(InputError, match=r"other\.pt is no checkpoint of a motion training"):
            load_network(tmp_path / "other.pt")
    with pytest.raises(InputError, match=r"nosuch\.pt: cannot be read"):
        load_network(tmp_path / "nosuch.pt")
