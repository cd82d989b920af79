"""What small nodes send: frames, lines of numbers, and how they are put in order."""
