"""Rewritings of what ONNX Runtime does slowly to pictures."""

from typing import Final

from onnx import NodeProto

from synchresis.engines.training.graph.model import Graph, attributes

FOLDED: Final = [0, 1, 3, 5, 2, 4]
"""Order of axes in which `pixel_unshuffle` of torch is exported."""

BLOCK: Final = 16
"""Channels that ONNX Runtime's CPU keeps together where it can, 512 bits wide."""


def folded_picture(graph: Graph, node: NodeProto) -> bool:
    """Pixels of one channel folded into channels by reshaping are folded by one node.

    Of several channels the order is another: `SpaceToDepth` has the place within the block first.
    """
    turned = graph.maker(node.input[0]) if node.op_type == "Reshape" else None
    if turned is None or turned.op_type != "Transpose" or attributes(turned)["perm"] != FOLDED:
        return False
    parted = graph.maker(turned.input[0])
    if parted is None or parted.op_type != "Reshape":
        return False
    picture, parts = parted.input[0], graph.shapes.get(parted.output[0], ())[1:]
    numbers = [length for length in parts if isinstance(length, int)]
    if len(numbers) != 5 or numbers[0] != 1 or numbers[2] != numbers[4]:
        return False
    _, rows, block, cols, _ = numbers
    before, after = (graph.shapes.get(name, ())[1:] for name in (picture, node.output[0]))
    whole, folded = (1, rows * block, cols * block), (block * block, rows, cols)
    if tuple(before) != whole or tuple(after) != folded:
        return False
    graph.replace(node.output[0], graph.add("SpaceToDepth", [picture], blocksize=block))
    return True


def joined_channels(graph: Graph, node: NodeProto) -> bool:
    """A 1 x 1 convolution of joined channels is the sum of one of each part.

    Joining and putting the whole into blocks of channels cost ONNX Runtime's CPU more than two more
    convolutions, whose sums it takes in passing; only where parts are whole blocks.
    """
    joined = graph.maker(node.input[0]) if node.op_type == "Conv" else None
    weights = graph.constants.get(node.input[1]) if joined is not None else None
    if joined is None or weights is None or joined.op_type != "Concat":
        return False
    kind, ready = attributes(node), graph.lonely(joined.output[0])
    if attributes(joined)["axis"] != 1 or kind.get("group", 1) != 1 or not ready:
        return False
    if weights.shape[2:] != (1, 1) or any(step != 1 for step in kind.get("strides", [1])):
        return False
    if any(kind.get("pads", [])) or kind.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        return False
    widths = [graph.shapes.get(name, (0, 0))[1] for name in joined.input]
    if any(not isinstance(width, int) or width % BLOCK or not width for width in widths):
        return False
    begin, total, bias = 0, "", list(node.input[2:])
    for name, width in zip(joined.input, widths, strict=True):
        assert isinstance(width, int)
        part = graph.constant(weights[:, begin : begin + width])
        made = graph.add("Conv", [name, part, *bias], kernel_shape=[1, 1])
        total, bias, begin = graph.add("Add", [total, made]) if total else made, [], begin + width
    graph.replace(node.output[0], total)
    return True


def there_and_back(graph: Graph, node: NodeProto) -> bool:
    """An axis of length one that goes and comes back was never away."""
    before = graph.maker(node.input[0]) if node.op_type == "Unsqueeze" else None
    if before is None or before.op_type != "Squeeze" or len(before.input) < 2:
        return False
    gone, back = (graph.constants.get(one.input[1]) for one in (before, node))
    if gone is None or back is None or gone.tolist() != back.tolist() or (gone < 0).any():
        return False
    graph.replace(node.output[0], before.input[0])
    return True
