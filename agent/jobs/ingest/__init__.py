"""Broker to PostgreSQL: the other end of the outbox. The daemon never imports it."""
