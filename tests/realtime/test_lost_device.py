import threading

import pytest

from synchresis.realtime import lost_device
from synchresis.realtime.lost_device import release_lost


def test_a_lost_device_that_lets_go_is_waited_for() -> None:
    released: list[str] = []
    assert release_lost(lambda: released.append(threading.current_thread().name), name="lost")
    assert released == ["lost"]


def test_one_that_never_does_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost_device, "CLOSE_S", 0.01)
    goes_on = threading.Event()
    assert not release_lost(goes_on.wait, name="stuck")  # type: ignore[arg-type]
    (stuck,) = (thread for thread in threading.enumerate() if thread.name == "stuck")
    assert stuck.daemon, "the program can end meanwhile"
    goes_on.set()
    stuck.join()
