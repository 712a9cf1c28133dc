"""Instrument: motion parser, voice and mixer of one pack, built from one set of choices."""

from dataclasses import dataclass
from typing import Literal

from synchresis.engines.gpu.stages import open_motion_parser
from synchresis.engines.packs import Pack
from synchresis.engines.playout import Playout, bind_voice
from synchresis.engines.runtime.engine import Backend
from synchresis.engines.score import Score
from synchresis.engines.voice.ensemble import Ensemble
from synchresis.engines.voice.mixer import MASTER_DB, Mixer
from synchresis.engines.zone import Zone


@dataclass(frozen=True, slots=True)
class InstrumentSettings:
    """What a player chooses.

    Attributes:
        zones: parts of the picture with their palettes and gains.
        lookahead_ns: τ; on the virtual clock "auto" is 0.
        sensitivity: odds of every impact are multiplied by it.
        seed: of the noise.
        gain_db: level of a palette's loudest hit, dBFS.
        backend: where the networks run.
    """

    zones: tuple[Zone, ...] = (Zone(),)
    lookahead_ns: int | Literal["auto"] = "auto"
    sensitivity: float = 1.0
    seed: int = 0
    gain_db: float = MASTER_DB
    backend: Backend = "auto"


class Instrument:
    """The stages between camera and speaker; states are made by `playout` and `bind_parser`."""

    def __init__(self, pack: Pack, settings: InstrumentSettings) -> None:
        """Open both engines; nothing is loaded before `prepare`.

        Raises:
            ParameterError, PackError: zones, palettes or numbers that cannot be used.
            EngineError, DeviceError: the backend asked for cannot run here.
        """
        self.pack = pack
        self.settings = settings
        self.lookahead_ns = 0 if settings.lookahead_ns == "auto" else settings.lookahead_ns
        self.voice = Ensemble(pack, settings.zones, seed=settings.seed, backend=settings.backend)
        self.mixer = Mixer(settings.zones, master_db=settings.gain_db)
        self.parser = open_motion_parser(
            pack,
            settings.zones,
            lookahead_ns=self.lookahead_ns,
            sensitivity=settings.sensitivity,
            backend=settings.backend,
        )

    def prepare(self) -> None:
        """Load, compile and warm up; seconds the first time."""
        self.parser.prepare()
        self.voice.prepare()
        self.mixer.prepare()

    def playout(
        self, *, delay_ns: int = 0, asap: bool = False, nominal_fps: float = 30.0
    ) -> Playout:
        """Score, voice and mixer with fresh states; D = 0 on the virtual clock."""
        score = Score(self.settings.zones, delay_ns, asap=asap, nominal_fps=nominal_fps)
        return Playout(score, bind_voice(self.voice, self.mixer), self.voice.palettes)

    def close(self) -> None:
        """Let go of the engines."""
        self.parser.close()
        self.voice.close()
        self.mixer.close()
