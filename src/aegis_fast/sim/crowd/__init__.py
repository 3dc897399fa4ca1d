"""Everybody else in the market: what issues are worth, who trades them, and their past."""
