"""The agent as an edge node of Sparkplug B 3.0, its sources as devices. See docs/SPARKPLUG.md."""
