"""The signal around a fault, kept as a file that a person or a training can look at."""
