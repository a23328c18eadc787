"""A process that asks NSS, for NSS may hang for as long as its server does.

Started as ``python -m hpcagent.k8s.lookup FD``: a claim comes as a line of JSON, the facts go back.
"""

import sys

import msgspec

from hpcagent import nss
from hpcagent.jobs.identity import Claim
from hpcagent.k8s.side_processes import answer_all


def answer(question: bytes) -> bytes:
    """Return what NSS knows of a claim."""
    return msgspec.json.encode(nss.look_up(msgspec.json.decode(question, type=Claim)))


if __name__ == "__main__":
    answer_all(int(sys.argv[1]), answer)
