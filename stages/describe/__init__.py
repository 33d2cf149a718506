"""Import descriptions of named things, with the name masked: a table, "Name: text" lines, PokeAPI's tables, the hub."""
