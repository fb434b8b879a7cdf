"""Fleets whose waste is known: the plan of every device, its samples, its bill, what is planted."""
