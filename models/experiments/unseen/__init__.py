"""Machines that no network has seen: judged through commissioning and the agent's own pipeline."""
