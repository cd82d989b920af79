"""The health record for Prometheus, and a liveness check."""
