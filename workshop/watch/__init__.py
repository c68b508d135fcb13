"""Collects and grades submissions as they arrive, without anyone pressing a button."""
