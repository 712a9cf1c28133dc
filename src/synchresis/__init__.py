"""Synchresis: hear what you see, as you see it."""

__version__ = "0.1.0"
