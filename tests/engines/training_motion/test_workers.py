import itertools
import subprocess
import sys
import time

import pytest

pytest.importorskip("torch")

from synchresis.engines.training.motion.workers import Workers

KILLED = """
import itertools, os, signal
from synchresis.engines.training.motion import workers
workers.LOOK_S = 0.1
if __name__ == "__main__":
    made = workers.Workers(itertools.count, [(0,)], ahead=2)
    assert made.take(60.0) == 0
    print(made._processes[0].pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_every_process_makes_arrives_in_its_order() -> None:
    workers = Workers(range, [(0, 5), (100, 103)], ahead=2)
    made = [workers.take(60.0) for _ in range(8)]
    assert [n for n in made if n < 100] == [0, 1, 2, 3, 4]
    assert [n for n in made if n >= 100] == [100, 101, 102]
    workers.close()
    assert workers.alive() == 0
    assert workers.take() is None


def test_processes_that_wait_for_room_are_stopped() -> None:
    workers = Workers(itertools.count, [(0,), (0,)], ahead=1)
    assert workers.take(60.0) == 0
    assert workers.alive() == 2
    workers.close()
    assert workers.alive() == 0


def test_a_process_ends_when_its_training_is_killed(tmp_path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    worker = int(done.stdout)
    deadline = time.monotonic() + 60.0
    while running(worker):
        assert time.monotonic() < deadline, "it is still there"
        time.sleep(0.1)


def running(process: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
