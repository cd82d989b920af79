"""Orders from outside: commands and model roll-outs."""
