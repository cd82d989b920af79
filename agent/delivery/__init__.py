"""Decision to sink: what is found is kept on disk until somebody else has it."""
