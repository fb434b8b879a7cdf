"""What a measurement is worth to a plan, and how it is made."""
