"""How fast: tables of questions, the evidence behind the answers, and how wrong they are."""
