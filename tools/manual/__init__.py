"""Generated pages of the documentation that are more than one table: REST, the house, decisions."""
