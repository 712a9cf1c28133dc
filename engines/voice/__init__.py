"""Voice: controls and palettes in, samples out, one hop at a time; see `ensemble.Ensemble`.

Nothing is imported here: training uses parts of this package where only NumPy is installed.
"""
