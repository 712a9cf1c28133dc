"""Engines: packs, runtimes, stages, models, scenes, training and evaluation."""
