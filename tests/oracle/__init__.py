"""Slow, obvious twins of the native modules, written from the KIS tables, not from the C code."""
