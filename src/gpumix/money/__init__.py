"""A plan's money from its ledger: how sure it is, what would flip it, what stands against it."""
