"""Apply every rewriting to an engine, and compare what it gives before and after.

`python -m synchresis.engines.training.graph PACK` rewrites the engines of a pack in place, and its
half-precision files where it has them; its prior of taught readouts stays theirs.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto
from safetensors.numpy import load, save

from synchresis.engines.gpu.parity_inputs import motion_steps, voice_steps
from synchresis.engines.packs import load_pack, update_pack
from synchresis.engines.packs.loading import Pack
from synchresis.engines.runtime.engine import Which
from synchresis.engines.runtime.onnx_cpu import OnnxCpuEngine
from synchresis.engines.runtime.tensors import EngineSpec
from synchresis.engines.teach.prior import FILE as PRIOR
from synchresis.engines.training.graph.flatten import flatten
from synchresis.engines.training.graph.launches import launches
from synchresis.engines.training.graph.model import Graph
from synchresis.engines.training.graph.rules import RULES
from synchresis.errors import EngineError

Steps = Iterable[Mapping[str, NDArray[np.generic]]]

STEPS: Final = 300
"""Steps compared before a pack is changed."""

LARGEST_DIFFERENCE: Final = 1e-4
"""Largest difference of an output, as a share of the larger of 1 and its peak."""


def simplify(model: bytes) -> bytes:
    """Return the same engine in nodes that cost less; as it was where no rule finds anything."""
    graph = Graph(model)
    changed = _apply_rules(graph)
    count = len(graph.nodes)
    if flatten(graph):
        changed |= _apply_rules(graph)
    return graph.content() if changed or len(graph.nodes) != count else model


def simplify_pack(folder: Path) -> list[str]:
    """Rewrite the engines of a pack; returns a line for each.

    Raises:
        EngineError: an engine gives other outputs than before; the pack is left as it was.
    """
    from synchresis.engines.training.half_precision import to_half

    pack, files, lines = load_pack(folder), {}, []
    for which in _engines(pack):
        entry = pack.motion if which == "motion" else pack.voice
        before = pack.read(entry.file)
        after = simplify(before)
        make = motion_steps if which == "motion" else voice_steps
        worst = difference(before, after, entry.spec, make(entry.spec, 1, STEPS))
        counts = f"{len(Graph(before).nodes)} nodes became {len(Graph(after).nodes)}"
        counts += f", {launches(before)} launches {launches(after)} (estimated)"
        lines.append(f"{entry.file}: {counts}, largest difference {worst:.2g}")
        if not worst <= LARGEST_DIFFERENCE:
            raise EngineError(f"{lines[-1]}, must be at most {LARGEST_DIFFERENCE:g}")
        files[entry.file] = after
        if (folder / entry.half_file).is_file():
            files[entry.half_file] = to_half(after)
        if which == "motion":
            files |= _prior(pack, after)
    update_pack(folder, {}, files)
    return lines


def _prior(pack: Pack, after: bytes) -> dict[str, bytes]:
    """The pack's prior as that of the engine rewritten, which gives the same; none if it has none.

    One that belongs to yet another engine is left as it is.
    """
    if PRIOR not in pack.manifest.files:
        return {}
    tensors = load(pack.read(PRIOR))
    if tensors["engine"].tobytes().hex() != pack.file_hash(pack.motion.file):
        return {}
    now = np.frombuffer(hashlib.sha256(after).digest(), np.uint8)
    return {PRIOR: save({**tensors, "engine": now})}


def difference(before: bytes, after: bytes, spec: EngineSpec, steps: Steps) -> float:
    """Largest difference of any output over a stream, relative to the larger of 1 and its peak."""
    engines = [OnnxCpuEngine(model, spec) for model in (before, after)]
    for engine in engines:
        engine.prepare()
    states = [engine.initial_state() for engine in engines]
    errors = {output.name: 0.0 for output in spec.outputs}
    peaks = {output.name: 1.0 for output in spec.outputs}
    for inputs in steps:
        want, got = (e.step(inputs, s) for e, s in zip(engines, states, strict=True))
        for name in errors:
            worst = float(np.abs(got[name] - want[name]).max())
            errors[name] = float(np.maximum(errors[name], worst))  # keeps NaN
            peaks[name] = max(peaks[name], float(np.abs(want[name]).max()))
    return float(np.max([errors[name] / peaks[name] for name in errors]))


def _apply_rules(graph: Graph) -> bool:
    """Until no rule finds anything; says whether any did."""
    found = False
    while any([_changed(graph, node) for node in list(graph.nodes)]):
        graph.refresh()
        found = True
    return found


def _changed(graph: Graph, node: NodeProto) -> bool:
    used = any(graph.readers(name) or name in graph.outputs for name in node.output)
    return used and any(rule(graph, node) for rule in RULES)


def _engines(pack: Pack) -> list[Which]:
    both: tuple[Which, ...] = ("motion", "voice")
    return [which for which in both if pack.has(which)]
