"""Training of the voice: packing recordings, event mixtures, network, losses, export."""
