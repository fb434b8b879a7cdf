"""The event simulator of continuous batching, compiled."""
