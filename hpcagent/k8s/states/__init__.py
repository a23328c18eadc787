"""From the objects of a job to what is told of it."""
