"""What exists: packaged tables of GPUs, models, offers and sites; the user's sheets over them."""
