"""Source to ring: the source thread, which opens a source and copies what it delivers."""
