import os
import threading

import pytest

from synchresis.realtime.priority import raise_priority

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_setscheduler"),
    reason="the system has no real-time scheduling",
)


def priorities(monkeypatch, inherited):
    """What a thread asks for that was started with a priority."""
    asked = []
    monkeypatch.setattr(os, "sched_getparam", lambda _: os.sched_param(inherited))
    monkeypatch.setattr(os, "sched_setscheduler", lambda *given: asked.append(given))
    assert raise_priority()
    ((process, policy, parameter),) = asked
    assert process == 0, "this thread alone"
    assert policy == os.SCHED_FIFO
    return parameter.sched_priority


def test_the_sounding_thread_stays_ahead_of_the_programs_other_threads(monkeypatch):
    ordinary = priorities(monkeypatch, 0)
    assert ordinary > 0
    assert priorities(monkeypatch, 20) > 20
    assert priorities(monkeypatch, 99) == 99


def test_a_system_that_refuses_changes_nothing(monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    assert not raise_priority()


def test_other_threads_keep_their_priority():
    before = os.sched_getscheduler(0)
    thread = threading.Thread(target=raise_priority)
    thread.start()
    thread.join()
    assert os.sched_getscheduler(0) == before
