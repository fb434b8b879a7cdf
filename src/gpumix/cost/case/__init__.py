"""The ledger of a case: lines, power and people of an option become dated entries, and answers."""
