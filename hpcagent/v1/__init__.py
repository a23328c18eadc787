"""Generated from proto/hpcagent/v1 by `make proto`; never edited by hand."""
