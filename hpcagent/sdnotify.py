"""Tells systemd what state the daemon is in: the protocol of sd_notify(3), without libsystemd.

Nothing happens where no NOTIFY_SOCKET is set, as on a terminal.
"""

import os
import socket
import time


def notify(*assignments: str) -> None:
    """Send assignments, as ``READY=1``, in one datagram. Raises OSError if nobody receives it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # in the abstract namespace, unix(7)
        address = f"\0{address[1:]}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(address)
        sender.send("\n".join(assignments).encode())


def ready(status: str) -> None:
    """Tell that the daemon can work, after its start or a reload."""
    notify("READY=1", f"STATUS={status}")


def reloading() -> None:
    """Tell that a reload begins; one datagram, or systemd would take it for an older one."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")


def stopping(status: str) -> None:
    """Tell that the daemon is about to end."""
    notify("STOPPING=1", f"STATUS={status}")


def watchdog() -> None:
    """Tell that the daemon is alive, which systemd wants to hear every ``watchdog_seconds``."""
    notify("WATCHDOG=1")


def watchdog_seconds() -> float | None:
    """After how long a silence systemd would restart this process; None: never."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    return int(microseconds) / 1e6 if microseconds.isdigit() else None
