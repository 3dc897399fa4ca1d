"""Slow, obvious twins of native modules and of the simulated exchange, written from the rules."""
