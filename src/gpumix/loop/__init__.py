"""After the plan: whether it still holds, what to do when it does not, and what then differs."""
