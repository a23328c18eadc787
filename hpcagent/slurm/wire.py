"""The message format between the daemon and its worker processes.

One frame each way per call: four bytes of length, then MessagePack. A channel carries one call at
a time, so there are no call numbers to match and no queue to overflow: whoever holds a channel
waits on its own file descriptor, until its own deadline.
"""

import select
import socket
import struct

import msgspec

from hpcagent.jobs.deadline import Deadline

MAX_FRAME = 256 << 20
"""Largest frame in bytes: far above any request or page; a larger length is a broken stream."""

_LENGTH = struct.Struct("!I")


class Call(msgspec.Struct, array_like=True, frozen=True):
    """What a worker is asked to do: an operation of ``worker.calls`` and its arguments."""

    operation: str
    arguments: dict[str, object]


class Done(msgspec.Struct, array_like=True, frozen=True, tag="done"):
    """The operation's value."""

    value: object


class Failed(msgspec.Struct, array_like=True, frozen=True, tag="failed"):
    """The operation's failure.

    ``kind`` is ``slurm`` (``code``: slurm_errno.h), ``no_reply`` (success without a reply),
    ``member`` (``said``: the member), ``os`` (``code``: errno, ``said``: the path) or ``bug``.
    """

    kind: str
    text: str
    code: int = 0
    said: str = ""


Reply = Done | Failed


class ChannelClosedError(Exception):
    """The other end is gone."""


class ChannelTimeoutError(Exception):
    """The deadline passed before a whole frame had come."""


_encoder = msgspec.msgpack.Encoder()
_replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)
_calls = msgspec.msgpack.Decoder(Call)


def frame(message: Call | Reply) -> bytes:
    """Return a message as it goes over a channel."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


def send(channel: socket.socket, message: Call | Reply) -> None:
    """Send a whole message. Raises ChannelClosedError if it cannot have arrived whole."""
    try:
        channel.sendall(frame(message))
    except OSError as error:
        raise ChannelClosedError from error


def receive_call(channel: socket.socket) -> Call:
    """Wait for the next call, for ever."""
    return _calls.decode(_receive(channel, None))


def receive_reply(channel: socket.socket, deadline: Deadline) -> Reply:
    """Wait for the reply. Raises ChannelTimeoutError, and leaves the frame for a later attempt."""
    _await_input(channel, deadline)
    return _replies.decode(_receive(channel, Deadline.after(_FRAME_SECONDS)))


_FRAME_SECONDS = 5.0
"""A worker that has begun to send a frame sends it whole; longer than this, it is stuck."""


def _await_input(channel: socket.socket, deadline: Deadline) -> None:
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    if not poll.poll(deadline.remaining() * 1000):
        raise ChannelTimeoutError


def _receive(channel: socket.socket, deadline: Deadline | None) -> bytearray:
    (length,) = _LENGTH.unpack(_receive_exactly(channel, _LENGTH.size, deadline))
    if length > MAX_FRAME:
        raise ChannelClosedError
    return _receive_exactly(channel, length, deadline)


def _receive_exactly(channel: socket.socket, size: int, deadline: Deadline | None) -> bytearray:
    data = bytearray(size)
    view, got = memoryview(data), 0
    while got < size:
        if deadline is not None:
            _await_input(channel, deadline)
        try:
            count = channel.recv_into(view[got:])
        except OSError as error:
            raise ChannelClosedError from error
        if count == 0:
            raise ChannelClosedError
        got += count
    return data
