"""A live parser for the tests of the motion side."""

import pytest

from synchresis.engines.motion.parser import MotionParser


@pytest.fixture(scope="module")
def parser(tiny_pack):
    made = MotionParser(tiny_pack, backend="onnx")
    made.prepare()
    yield made
    made.close()
