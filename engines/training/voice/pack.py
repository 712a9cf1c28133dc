"""Pack the training split of a folder of recordings into one small file.

`python -m synchresis.engines.training.voice.pack FOLDER OUT.npz`
"""

import sys
from pathlib import Path

from synchresis.engines.training.voice.recordings import gather, save


def main() -> None:
    """Read, trim, level and write."""
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    recordings = gather(folder)
    out.parent.mkdir(parents=True, exist_ok=True)
    save(recordings, out)
    seconds, size = len(recordings.samples) / 48_000, out.stat().st_size / 1e6
    print(f"{len(recordings.files)} recordings, {seconds:.0f} s, {size:.1f} MB")  # noqa: T201


if __name__ == "__main__":
    main()
