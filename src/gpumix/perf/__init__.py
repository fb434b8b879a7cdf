"""How fast one replica or one job is: pure formulas, one idea a file."""
