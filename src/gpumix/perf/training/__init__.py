"""How fast one training job runs: terms, steps, layouts, memory."""
