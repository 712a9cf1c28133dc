"""Training of the motion engine."""
