"""Built-in scenes as films without end."""

from collections.abc import Iterator
from dataclasses import replace

from synchresis.engines.frame import Frame
from synchresis.engines.scenes import SceneStream, scene_source
from synchresis.engines.timebase import NS_PER_S


class SceneSource:
    """A procedural scene, on and on; the same seed gives the same pictures.

    Attributes:
        stream: the scene itself, for its true events and sound.
    """

    def __init__(self, name: str, *, seed: int = 0, fps: float = 30.0) -> None:
        """Set the stage.

        Raises:
            ParameterError: there is no such scene.
        """
        self.name = f"scene:{name}"
        self.nominal_fps = fps
        self.stream: SceneStream = scene_source(name, seed=seed, fps=fps)
        self._newest_ns = 0

    @property
    def end_ns(self) -> int:
        """Where the newest frame ends."""
        return self._newest_ns + round(NS_PER_S / self.nominal_fps)

    def __iter__(self) -> Iterator[Frame]:
        """Frames without end, the first at 0 ns."""
        first_ns: int | None = None
        for frame in self.stream:
            first_ns = frame.captured_ns if first_ns is None else first_ns
            self._newest_ns = frame.captured_ns - first_ns
            picture = frame.picture.copy()
            picture.flags.writeable = False
            yield replace(frame, picture=picture, captured_ns=self._newest_ns)

    def close(self) -> None:
        """Nothing to let go of."""
