"""Keys from a terminal, one at a time."""

import os
import pty
import termios
from collections.abc import Iterator

import pytest

from synchresis.realtime.cli import keys
from synchresis.realtime.cli.keys import Keys


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The far end of a terminal that is our input."""
    master, slave = pty.openpty()
    with os.fdopen(slave) as stdin:
        monkeypatch.setattr(keys.sys, "stdin", stdin)
        yield master
    os.close(master)


def test_keys_come_one_by_one_without_enter(terminal: int) -> None:
    with Keys() as pressed:
        assert pressed.active
        assert pressed.read() == ""
        os.write(terminal, b"pm")
        assert [pressed.read() for _ in range(3)] == ["p", "m", ""]


def test_the_terminal_is_given_back(terminal: int) -> None:
    before = termios.tcgetattr(keys.sys.stdin)
    with pytest.raises(KeyError), Keys():
        assert termios.tcgetattr(keys.sys.stdin) != before
        raise KeyError
    assert termios.tcgetattr(keys.sys.stdin) == before


def test_without_a_terminal_there_are_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull) as stdin:
        monkeypatch.setattr(keys.sys, "stdin", stdin)
        with Keys() as pressed:
            assert not pressed.active
            assert pressed.read() == ""
