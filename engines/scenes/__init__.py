"""Procedural audiovisual worlds: pictures, their true events and their true sound."""

from synchresis.engines.scenes.families import evaluation_families, train_families
from synchresis.engines.scenes.play import SceneEvent
from synchresis.engines.scenes.scene import Scene, SceneStream, scene_names, scene_source
from synchresis.engines.scenes.shot import Conditions
from synchresis.engines.scenes.world import SimSettings, World, simulate

__all__ = [
    "Conditions",
    "Scene",
    "SceneEvent",
    "SceneStream",
    "SimSettings",
    "World",
    "evaluation_families",
    "scene_names",
    "scene_source",
    "simulate",
    "train_families",
]
