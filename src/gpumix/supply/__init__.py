"""What is available, rented or owned, each with its whole cost over the horizon."""
