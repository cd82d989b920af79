"""Runs without the daemon: record, commission, archive, ingest, the checks of doctor."""
