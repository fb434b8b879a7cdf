"""Why an inventory has no plan: the keys in conflict, and changes that give it one."""
