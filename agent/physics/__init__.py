"""What an engineer can check the network's claim by: levels, velocity, lines of the bearing."""
