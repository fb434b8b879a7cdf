"""What exists: packaged tables of GPUs, models, offers and sites, and the user's sheets over them."""
