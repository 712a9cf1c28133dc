"""An ONNX graph that can be rewritten: who makes and who reads each tensor, constants, shapes."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, helper, numpy_helper

Array = NDArray[Any]


class Graph:
    """Nodes of an ONNX model, to be read and rewritten; `content` gives the model back.

    Attributes:
        nodes: in an order that may be run, except for those added since `refresh`.
        constants: weights and other constants by name.
        opsets: version of each set of operators.
        shapes: shape of each tensor that is known; an axis is a number or a name.
    """

    def __init__(self, model: bytes) -> None:
        self._proto: ModelProto = onnx.load_from_string(model)
        graph = self._proto.graph
        self.constants: dict[str, Array] = {
            tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer
        }
        self.nodes: list[NodeProto] = list(graph.node)
        self.inputs = [value.name for value in graph.input]
        self.outputs = [value.name for value in graph.output]
        self.opsets = {entry.domain: entry.version for entry in self._proto.opset_import}
        self._added = 0
        self._taken = {*self.constants, *self.inputs}
        self._taken |= {name for node in self.nodes for name in node.output}
        self.refresh()

    def refresh(self) -> None:
        """Drop what nobody reads, put the nodes into order, learn all shapes again."""
        self._sweep()
        self.nodes = self._ordered()
        self._index()
        self.shapes = self._inferred_shapes()

    def maker(self, name: str) -> NodeProto | None:
        """The node that makes a tensor; None for inputs and constants."""
        return self._makers.get(name)

    def readers(self, name: str) -> list[NodeProto]:
        """The nodes that read a tensor."""
        return list(self._readers[name])

    def lonely(self, name: str) -> bool:
        """Whether a tensor has one reader and is no output of the graph."""
        return len(self._readers[name]) == 1 and name not in self.outputs

    def constant(self, array: Array) -> str:
        """Name of a new constant."""
        name = self._name("constant")
        self.constants[name] = np.asarray(array, order="C")
        return name

    def add(self, operator: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Add a node with one output; returns the output's name."""
        output = self._name(operator.lower())
        node = helper.make_node(operator, list(inputs), [output], **attributes)
        self.nodes.append(node)
        self._makers[output] = node
        for name in inputs:
            self._readers[name].append(node)
        return output

    def adopt(self, name: str, node: NodeProto) -> None:
        """Note that a node makes a tensor."""
        self._makers[name] = node

    def replace(self, old: str, new: str, *, keep: NodeProto | None = None) -> None:
        """Let every reader of `old` but `keep` read `new`; an output keeps its name."""
        for node in self.readers(old):
            if node is keep:
                continue
            for index, name in enumerate(node.input):
                if name == old:
                    node.input[index] = new
            self._readers[new].append(node)
            self._readers[old].remove(node)
        if old in self.outputs:
            self._rename_output(old, new)

    def content(self) -> bytes:
        """The model."""
        self.refresh()
        graph = self._proto.graph
        del graph.node[:], graph.initializer[:], graph.value_info[:]
        graph.node.extend(self.nodes)
        for node in graph.node:  # where each came from, with paths of the machine that exported it
            node.ClearField("metadata_props")
            node.ClearField("doc_string")
        read = {name for node in self.nodes for name in node.input}
        graph.initializer.extend(
            numpy_helper.from_array(array, name)
            for name, array in self.constants.items()
            if name in read
        )
        onnx.checker.check_model(self._proto)
        content: bytes = self._proto.SerializeToString()
        return content

    def _rename_output(self, old: str, new: str) -> None:
        """Free an output's name from the node that made it, for what is made in its stead."""
        maker = self._makers.pop(old)
        spare = self._name("spare")
        maker.output[list(maker.output).index(old)] = spare
        self._makers[spare] = maker
        source = self._makers.get(new)
        if source is None or new in self.outputs:
            source = helper.make_node("Identity", [new], [old])
            self.nodes.append(source)
        else:
            source.output[list(source.output).index(new)] = old
            for node in self.readers(new):
                for index, name in enumerate(node.input):
                    if name == new:
                        node.input[index] = old
                self._readers[old].append(node)
            self._readers[new].clear()
        self._makers[old] = source

    def _name(self, stem: str) -> str:
        """A name that nothing in the graph has yet, also where it was rewritten before."""
        while True:
            self._added += 1
            name = f"{stem}_s{self._added}"
            if name not in self._taken:
                self._taken.add(name)
                return name

    def _index(self) -> None:
        self._makers: dict[str, NodeProto] = {}
        self._readers: dict[str, list[NodeProto]] = defaultdict(list)
        for node in self.nodes:
            for name in node.output:
                self._makers[name] = node
            for name in node.input:
                self._readers[name].append(node)

    def _sweep(self) -> None:
        while True:
            read = {name for node in self.nodes for name in node.input} | set(self.outputs)
            kept = [node for node in self.nodes if read & set(node.output)]
            if len(kept) == len(self.nodes):
                return
            self.nodes = kept

    def _ordered(self) -> list[NodeProto]:
        """Nodes so that each comes after what it reads, otherwise as they were."""
        known = {*self.inputs, *self.constants, ""}
        waiting, ordered = list(self.nodes), []
        while waiting:
            later = []
            for node in waiting:
                if known.issuperset(node.input):
                    ordered.append(node)
                    known.update(node.output)
                else:
                    later.append(node)
            if len(later) == len(waiting):
                raise ValueError(f"the graph has a circle through {waiting[0].output[0]}")
            waiting = later
        return ordered

    def _inferred_shapes(self) -> dict[str, tuple[int | str, ...]]:
        proto = ModelProto()
        proto.CopyFrom(self._proto)
        graph = proto.graph
        del graph.node[:], graph.initializer[:], graph.value_info[:]
        graph.node.extend(self.nodes)
        graph.initializer.extend(numpy_helper.from_array(a, n) for n, a in self.constants.items())
        inferred = onnx.shape_inference.infer_shapes(proto, data_prop=True).graph
        shapes = {name: array.shape for name, array in self.constants.items()}
        for value in (*inferred.value_info, *inferred.input, *inferred.output):
            axes = value.type.tensor_type.shape.dim
            shapes[value.name] = tuple(axis.dim_param or axis.dim_value for axis in axes)
        return shapes


def attributes(node: NodeProto) -> dict[str, Any]:
    """Attributes of a node by name."""
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}
