"""Tensor descriptions."""

import numpy as np
import pytest

from synchresis.engines.runtime.tensors import TensorSpec
from synchresis.errors import EngineError


def test_allocates_with_the_batch_filled_in() -> None:
    array = TensorSpec("h", ("B", 3), "float16", init=2.0).allocate(4)
    assert (array.shape, array.dtype) == ((4, 3), np.float16)
    assert (array == 2).all()


@pytest.mark.parametrize("spec", [TensorSpec("h", ("B", "T")), TensorSpec("h", ("B",), "object")])
def test_other_axes_and_types_are_refused(spec: TensorSpec) -> None:
    with pytest.raises(EngineError, match="tensor h"):
        spec.allocate(1)
