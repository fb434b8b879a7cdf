"""gpumix: the cheapest mix of GPUs that keeps every promise."""
