import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import numpy as np
from synchresis.engines.training.heap import keep_freed_memory
if "keep" in sys.argv:
    assert keep_freed_memory()
fault = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
np.ones(8_000_000)
before = fault()
for _ in range(10):
    np.ones(8_000_000)
print(fault() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="these are settings of glibc")
def test_memory_once_freed_is_not_fetched_again():
    def faults(*words):
        command = [sys.executable, "-c", FAULTS, *words]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    assert faults("keep") < 100 < faults()
