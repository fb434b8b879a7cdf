"""Which to choose: numbers only, nothing of GPUs or tokens. Could be published alone."""
