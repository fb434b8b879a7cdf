"""One deployment under traffic."""
