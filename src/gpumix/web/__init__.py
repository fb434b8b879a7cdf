"""Pages, REST and tools for assistants: they call verbs and show what report makes of a record."""
