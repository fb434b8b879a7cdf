"""The parts of `tools/mutants.py`: make mutants, record and reach the tests they need, try them."""
