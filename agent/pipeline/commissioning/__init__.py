"""What is learned of a healthy machine, by the verb and by the running agent alike."""
