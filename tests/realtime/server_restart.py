"""Plays live on a sound server that is killed and started again; run by test_server_restart.py.

Says "playing", "away", "back" and "heard" as each comes; ends with 0 after the last.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from synchresis.engines.instrument import Instrument, InstrumentSettings
from synchresis.engines.packs import load_pack
from synchresis.engines.zone import Zone
from synchresis.realtime.live import LiveSession, LiveSettings
from synchresis.realtime.sources import SourceSettings

LIMIT_S = 120.0


def kill_server() -> None:
    """The server of `.ci/audio-server` that this process was started by; its manager ends too."""
    pid = (Path(os.environ["SYNCHRESIS_AUDIO_SERVER"]) / "server.pid").read_text()
    os.kill(int(pid), signal.SIGKILL)


def start(program: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([program], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def stop(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


def loudest(seconds: float) -> float:
    """What comes back from the default input."""
    import rtmixer

    with rtmixer.Recorder(channels=2, samplerate=48_000, latency="low") as recorder:
        ring = rtmixer.RingBuffer(8, 1 << 18)
        recorder.record_ringbuffer(ring)
        time.sleep(seconds)
        heard = np.frombuffer(bytes(ring.read(ring.read_available)), np.float32)
    return float(np.abs(heard).max(initial=0.0))


def main(pack: str) -> None:
    settings = InstrumentSettings(zones=(Zone(palette="model:wood"),), lookahead_ns=0)
    instrument = Instrument(load_pack(pack), settings)
    instrument.prepare()
    live = LiveSettings(SourceSettings("scene:ball"), buffer_hops=12)
    with ExitStack() as stack, LiveSession(instrument, live) as session:

        def go_on_until(condition: Callable[[], bool], word: str) -> None:
            limit = time.monotonic() + LIMIT_S
            while not condition():
                assert time.monotonic() < limit, f"never {word}"
                assert session.poll(0.01)
            sys.stdout.write(f"{word}\n")
            sys.stdout.flush()

        def hear() -> bool:
            session.hit()
            return loudest(0.5) > 0.01

        go_on_until(lambda: session.status().state == "playing", "playing")
        kill_server()
        go_on_until(lambda: session.status().sound_away, "away")
        for program in ("pipewire", "wireplumber"):
            stack.callback(stop, start(program))
        go_on_until(lambda: not session.status().sound_away, "back")
        go_on_until(hear, "heard")


if __name__ == "__main__":
    main(sys.argv[1])
