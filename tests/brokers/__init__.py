"""Real brokers: how each is started, what was tried with it, and the table in docs/BROKERS.md."""
