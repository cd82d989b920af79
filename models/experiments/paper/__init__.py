"""The cells of the paper, trained again."""
