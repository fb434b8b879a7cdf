"""What can be had, rented or owned, each with its whole cost over the horizon."""
