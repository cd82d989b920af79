"""The forms that a network comes in, and which of them is the fastest on this box."""
