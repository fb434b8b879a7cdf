"""What the user can ask: words and files in, one record out."""
