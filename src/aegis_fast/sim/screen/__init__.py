"""Serve the page at /_sim/: its files, and the JSON that it reads."""
