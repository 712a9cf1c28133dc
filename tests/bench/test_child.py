import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import psutil
import pytest

from synchresis.bench.child import Child

SOON_S = 20


@pytest.fixture
def work(monkeypatch):
    """Functions of a module that fresh interpreters find: they inherit the path."""
    monkeypatch.syspath_prepend(Path(__file__).parent)
    return import_module("child_work")


def test_a_child_can_say_one_thing(work):
    child = Child(work.answer, 41)
    assert child.hear(SOON_S) == {"number": 42}
    child.join(SOON_S)
    assert child.exitcode == 0


def test_a_child_that_says_nothing_is_not_waited_for(work):
    child = Child(work.be_silent)
    assert child.hear(SOON_S) is None
    child.join(SOON_S)
    assert child.exitcode == 0


def test_a_child_that_does_not_end_is_killed(work):
    child = Child(work.sleep)
    assert child.hear(SOON_S) == child.pid
    child.join(0)
    assert child.exitcode == -signal.SIGKILL


def test_a_child_does_not_outlive_a_parent_that_was_killed():
    program = [sys.executable, str(Path(__file__).with_name("child_work.py"))]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        assert child.is_running()
        parent.kill()
        gone, left = psutil.wait_procs([child], timeout=SOON_S)
    assert gone, left
