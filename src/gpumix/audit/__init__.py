"""Findings on a real fleet: what was paid for and wasted, one file a class of waste."""
