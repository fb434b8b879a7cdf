"""What a replica sustains under real traffic."""
