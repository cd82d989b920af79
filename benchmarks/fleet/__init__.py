"""A fleet of boxes against one broker: the agent's own outbox, sender, sink and records."""
