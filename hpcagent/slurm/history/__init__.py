"""Jobs that are over: what accounting and the agent's journal know of them."""
