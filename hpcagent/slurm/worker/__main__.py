"""Serve libslurm over inherited sockets: ``python -m hpcagent.slurm.worker CONF LIFELINE FD...``.

One thread for each channel. The process ends when its lifeline does, that is with the daemon,
however the daemon ends; signals meant for the daemon's process group do not reach it.
"""

import os
import signal
import socket
import sys
import threading

import _slurm
from hpcagent.slurm import wire
from hpcagent.slurm.worker import calls

TASKS_LENGTH = "4096"
"""Bytes of an array's index expression before libslurm cuts it short; of its own accord 64."""


def main(argv: list[str]) -> None:
    """Start Slurm's library, serve every channel, and leave with the daemon."""
    conf, lifeline, *channels = argv
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.environ["SLURM_BITSTR_LEN"] = TASKS_LENGTH
    os.umask(0o077)  # not the daemon's, which could keep a new directory from its own user
    try:
        _slurm.check_library()
        _slurm.init(conf or None)
    except (_slurm.LibraryError, OSError) as error:  # trying again would not mend it
        sys.stderr.write(f"{error}\n")
        sys.exit(os.EX_CONFIG)
    for descriptor in channels:
        channel = socket.socket(fileno=int(descriptor))
        threading.Thread(target=serve, args=(channel,), daemon=True).start()
    socket.socket(fileno=int(lifeline)).recv(1)
    os._exit(0)  # threads may be inside libslurm, where nothing can be unwound


def serve(channel: socket.socket) -> None:
    """Answer the calls of one channel until the daemon closes it."""
    inbox = wire.Inbox(channel)
    try:
        while True:
            reply = calls.answer(inbox.call())
            if isinstance(reply, wire.Done) and isinstance(reply.value, wire.Opened):
                wire.hand_over(channel, reply.value)
            else:
                wire.send(channel, _frame(reply))
    except wire.ChannelClosedError:
        channel.close()


def _frame(reply: wire.Reply) -> bytes:
    try:
        return wire.frame(reply)
    except (TypeError, ValueError, OverflowError) as error:
        return wire.frame(wire.Failed("bug", f"a reply that cannot be sent: {error}"))


if __name__ == "__main__":
    main(sys.argv[1:])
