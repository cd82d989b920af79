"""Sources whose rate is not what is configured, on a simulated clock."""
