from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper
from safetensors.numpy import save

from synchresis.engines.gpu.parity_inputs import motion_steps, voice_steps
from synchresis.engines.packs import load_pack, update_pack
from synchresis.engines.teach.prior import FILE as PRIOR
from synchresis.engines.teach.prior import Prior, prior_of
from synchresis.engines.training.graph import simplify as simplifying
from synchresis.engines.training.graph.simplify import difference, simplify, simplify_pack
from synchresis.errors import EngineError


def nodes(content: bytes) -> int:
    return len(onnx.load_from_string(content).graph.node)


@pytest.mark.parametrize("which", ["motion", "voice"])
def test_default_pack_gives_the_same_from_no_more_nodes(which) -> None:
    pack = load_pack()
    entry = pack.motion if which == "motion" else pack.voice
    before = pack.read(entry.file)
    after = simplify(before)
    make = motion_steps if which == "motion" else voice_steps
    assert difference(before, after, entry.spec, make(entry.spec, 1, 60)) < 3e-5
    assert nodes(after) <= nodes(before)
    assert simplify(after) == after  # a pack may be rewritten twice
    assert b"stack_trace" not in after


def test_pack_is_rewritten_with_its_half_precision(make_tiny_pack) -> None:
    pack = make_tiny_pack("small")
    before = {entry.file: pack.read(entry.file) for entry in (pack.motion, pack.voice)}
    lines = simplify_pack(pack.path)
    assert [line.split(":")[0] for line in lines] == list(before)
    again = load_pack(pack.path)
    for file, content in before.items():
        seen = file == again.motion.file
        entry, make = (again.motion, motion_steps) if seen else (again.voice, voice_steps)
        assert difference(content, again.read(file), entry.spec, make(entry.spec, 1, 30)) < 1e-5


def test_prior_goes_with_the_engine_rewritten(make_tiny_pack) -> None:
    pack = make_tiny_pack("small")
    length = next(t.shape[-1] for t in pack.motion.outputs if t.name == "embedding")
    flat = Prior.flat(length)
    learned = replace(flat, mean=flat.mean + 0.5)
    for engine, kept in ((pack.file_hash(pack.motion.file), True), ("ab" * 32, False)):
        update_pack(pack.path, {}, {PRIOR: save(learned.tensors(engine))})
        simplify_pack(pack.path)
        again = load_pack(pack.path)
        assert (prior_of(again).mean == learned.mean).all() == kept


def test_pack_that_would_change_is_left_alone(make_tiny_pack, monkeypatch) -> None:
    pack = make_tiny_pack("small")

    def wrong(model: bytes) -> bytes:
        proto = onnx.load_from_string(model)
        for tensor in proto.graph.initializer:
            if tensor.data_type == TensorProto.FLOAT:
                doubled = 2 * numpy_helper.to_array(tensor) + 0.1
                tensor.CopyFrom(numpy_helper.from_array(doubled.astype(np.float32), tensor.name))
        return proto.SerializeToString()

    monkeypatch.setattr(simplifying, "simplify", wrong)
    with pytest.raises(EngineError, match=r"largest difference .*, must be at most"):
        simplify_pack(pack.path)
    assert load_pack(pack.path).hash == pack.hash
