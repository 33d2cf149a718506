"""Made-up creatures with descriptions, as a table and in PokeAPI's layout: a name can be inferred from the text."""
