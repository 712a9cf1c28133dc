"""A sound server that is killed and started again while a session plays; it has one of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from synchresis.engines.packs import Pack

pytestmark = pytest.mark.audio

ROOT = Path(__file__).parents[2]


def test_a_session_is_heard_again_on_a_server_that_was_started_again(tiny_pack: Pack) -> None:
    around = ("SYNCHRESIS_AUDIO_SERVER", "LD_LIBRARY_PATH")
    alone = {name: value for name, value in os.environ.items() if name not in around}
    script = ROOT / "tests/realtime/server_restart.py"
    done = subprocess.run(
        [ROOT / ".ci/audio-server", sys.executable, script, tiny_pack.path],
        capture_output=True,
        text=True,
        env=alone,
        timeout=280,
        check=False,
    )
    assert done.stdout.split() == ["playing", "away", "back", "heard"], done.stderr[-2000:]
    assert done.returncode == 0
