"""Choosing over a horizon: the cheapest mix that keeps every promise."""
