"""What this machine sounds like when it is healthy, learned once, and how far a window is off."""
