"""From the contract's messages to the domain's words: the only readers of a request's fields.

Whatever cannot be accepted is noted with its path and the reading goes on, so that a caller is told
everything at once.
"""
