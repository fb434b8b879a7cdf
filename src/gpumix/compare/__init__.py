"""One workload on every GPU."""
