"""Evaluation: what the system hears and sees, against the truth."""
