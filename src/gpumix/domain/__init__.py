"""Frozen records that the rooms pass to each other; no behaviour beyond their own invariants."""
