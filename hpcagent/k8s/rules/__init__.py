"""What is wrong with a task, or may not be asked for: every fault, by its path."""
