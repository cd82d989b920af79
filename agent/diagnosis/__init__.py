"""What a window means for this machine: decision, commissioned baseline, physics."""
