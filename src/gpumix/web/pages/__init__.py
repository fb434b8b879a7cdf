"""One file a page: what its address may state, and the answer that all its renderers show."""
