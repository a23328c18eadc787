"""A process that asks NSS, for NSS may hang for as long as its server does.

Started as ``python -m hpcagent.k8s.lookup FD``: a claim comes as a line of JSON over the socket,
the facts go back as another. It ends when the daemon closes its end, or is gone.
"""

import socket
import sys

import msgspec

from hpcagent import nss
from hpcagent.jobs.identity import Claim


def serve(daemon: socket.socket) -> None:
    """Answer questions until there are no more."""
    with daemon, daemon.makefile("rwb") as lines:
        for line in lines:
            facts = nss.look_up(msgspec.json.decode(line, type=Claim))
            lines.write(msgspec.json.encode(facts) + b"\n")
            lines.flush()


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
