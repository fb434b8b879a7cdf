"""A record as its readers need it: tables, sentences, charts."""
