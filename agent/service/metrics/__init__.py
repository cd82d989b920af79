"""What `health` tells, for Prometheus and for who asks whether the agent lives."""
