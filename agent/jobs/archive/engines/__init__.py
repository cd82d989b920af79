"""What runs the workers: one module for each engine, named in `agent/cli/score.py`."""
