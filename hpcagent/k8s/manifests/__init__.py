"""From a task to its manifests: pure functions."""
