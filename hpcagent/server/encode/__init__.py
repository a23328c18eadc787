"""From the domain's words to the contract's messages: the only writer of an answer's fields.

What differs is the form: seconds become Timestamp and Duration, ``math.inf`` becomes Unlimited,
and bytes that were no UTF-8, which Slurm lets a job's name have, become U+FFFD, since protobuf
would refuse the whole answer for them.
"""
