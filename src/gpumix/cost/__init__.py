"""What it costs: dated cash flows, energy, taxes, unit costs."""
