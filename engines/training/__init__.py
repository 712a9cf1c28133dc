"""Training: torch models, losses, data and export; never imported by the live path."""
