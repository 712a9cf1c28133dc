import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from synchresis.realtime.cli.stopping import ended_by_signals, terminated_in_order
from synchresis.realtime.threads import NodeThread

PREPARING = """
import signal, sys, time
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored where tests are run under nohup
from synchresis.engines.instrument import Instrument
from synchresis.realtime.cli.main import main

def prepare(self):
    print("preparing", flush=True)
    time.sleep(60)

Instrument.prepare = prepare
sys.exit(main(sys.argv[1:]))
"""
"""The command line with networks that take a minute to get ready."""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("command", ["live --camera scene:ball --out", "render scene:ball -o"])
def test_a_signal_while_getting_ready_leaves_nothing(
    sent: signal.Signals, command: str, tmp_path: Path, tiny_pack
) -> None:
    arguments = [*command.split(), "out.wav", "--seconds", "5", "--pack", str(tiny_pack.path)]
    with subprocess.Popen(
        [sys.executable, "-c", PREPARING, *arguments],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stdout is not None
        said = running.stdout.readline()
        begun = list(tmp_path.glob(".out.wav*.part"))
        running.send_signal(sent)
        _, errors = running.communicate(timeout=30)
    assert said == b"preparing\n", errors
    assert running.returncode == 130, errors
    assert b"Traceback" not in errors
    assert bool(begun) == command.startswith("live"), "the file that must not stay"
    assert list(tmp_path.iterdir()) == []


def test_a_hangup_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with terminated_in_order():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_node_that_ctrl_c_finds_running_is_waited_for() -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    node = NodeThread("slow", lambda stopping: bool(stopping.wait(60)) and None)
    assert not node.running
    node.start()
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            node.ended.wait(30)
        assert node.running
        node.stopping.set()
        assert node.ended.wait(30)
        assert not node.running
    finally:
        signal.signal(signal.SIGALRM, before)


def test_the_handler_of_before_comes_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), terminated_in_order():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    assert signal.getsignal(signal.SIGTERM) is before
    with ended_by_signals():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    assert signal.getsignal(signal.SIGTERM) is before


def test_other_threads_leave_signals_alone() -> None:
    done = []

    def work() -> None:
        with terminated_in_order():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
