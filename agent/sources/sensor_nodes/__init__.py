"""The formats of sensor nodes: frames and lines of numbers, and putting them in order."""
