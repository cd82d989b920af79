"""The nouns that every layer shares, and the small tools below them all."""
