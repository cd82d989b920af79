"""Training loops, checkpoints, calibration."""
