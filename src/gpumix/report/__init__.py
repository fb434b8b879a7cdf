"""One Plan, many renderings."""
