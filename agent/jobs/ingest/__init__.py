"""Stores published messages in PostgreSQL. The daemon never imports it."""
