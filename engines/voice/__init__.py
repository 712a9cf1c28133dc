"""Voice: controls and palettes in, samples out, one hop at a time."""

from synchresis.engines.voice.ensemble import Ensemble, EnsembleState
from synchresis.engines.voice.mixer import Mixer, MixerState
from synchresis.engines.voice.model_voice import ModelVoice, ModelVoiceState
from synchresis.engines.voice.palettes import resolve
from synchresis.engines.voice.voice import Voice, VoiceState

__all__ = [
    "Ensemble",
    "EnsembleState",
    "Mixer",
    "MixerState",
    "ModelVoice",
    "ModelVoiceState",
    "Voice",
    "VoiceState",
    "resolve",
]
