"""Backup and restore of the agent's state and configuration as one archive."""
