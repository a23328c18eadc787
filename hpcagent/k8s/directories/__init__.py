"""The directories of tasks: made and removed as their users."""
