"""The daemon: composition root, publisher, reload, health, metrics, watchdog."""
