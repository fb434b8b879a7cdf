"""The YAML a team writes -> domain records; the only reader of user input beside catalog's sheets.

yaml.py reads text with its line numbers, quantities.py turns `800 ms` and `2B` into base units,
schema.py says what an inventory may hold, validate.py holds a file against it, demand.py and
trace.py make demand of it, read.py joins them and reports every problem at once.
"""

from gpumix.inventory.read import EXAMPLE, read_inventory, starter_text

__all__ = ["EXAMPLE", "read_inventory", "starter_text"]
