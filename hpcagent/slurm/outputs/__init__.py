"""Reading what a job writes, as its user."""
