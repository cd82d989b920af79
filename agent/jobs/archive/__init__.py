"""Archives: recordings through the agent's own pipeline into Parquet. Never part of the daemon."""
