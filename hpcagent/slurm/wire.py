"""The message format between the daemon and its worker processes.

One frame each way per call: four bytes of length, then MessagePack. A channel carries one call at
a time, so there are no call numbers to match and no queue to overflow: whoever holds a channel
waits on its own file descriptor, until its own deadline. A reply may bring an open file along
(SCM_RIGHTS, unix(7)).
"""

import errno
import os
import select
import socket
import struct
from typing import TypeVar

import msgspec

from hpcagent.jobs.deadline import Deadline

MAX_FRAME = 256 << 20
"""Largest frame in bytes: far above any request or page; a larger length is a broken stream."""

_AT_ONCE = 1 << 20
"""How many bytes are asked of the kernel at once; a socket holds about 200 kB."""
_LENGTH = struct.Struct("!I")
_DESCRIPTOR = struct.Struct("i")
_ROOM_BESIDE = socket.CMSG_SPACE(_DESCRIPTOR.size)
"""For one open file beside the data."""


class Call(msgspec.Struct, array_like=True, frozen=True):
    """What a worker is asked to do: an operation of ``worker.calls`` and its arguments."""

    operation: str
    arguments: dict[str, object]


class Done(msgspec.Struct, array_like=True, frozen=True, tag="done"):
    """The operation's value; with ``opened`` that is a descriptor of the receiver's own."""

    value: object
    opened: bool = False


class Failed(msgspec.Struct, array_like=True, frozen=True, tag="failed"):
    """The operation's failure.

    ``kind`` is ``slurm`` (``code``: slurm_errno.h), ``no_reply`` (success without a reply),
    ``accounting`` (slurmdbd does not answer; ``code`` as with ``slurm``),
    ``member`` (``said``: the member), ``os`` (``code``: errno, ``said``: the path), ``identity``
    (the agent may not act as the user) or ``bug``.
    """

    kind: str
    text: str
    code: int = 0
    said: str = ""


class Opened:
    """An operation's value that is an open file: it goes to the daemon with the reply."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor


Reply = Done | Failed


class ChannelClosedError(Exception):
    """The other end is gone, or what it sent is no frame."""


class ChannelTimeoutError(Exception):
    """The deadline passed before a whole frame had gone or come."""


_encoder = msgspec.msgpack.Encoder()
_replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)
_calls = msgspec.msgpack.Decoder(Call)


def frame(message: Call | Reply) -> bytes:
    """Return a message as it goes over a channel. ValueError, TypeError: it cannot."""
    body = _encoder.encode(message)
    if len(body) > MAX_FRAME:
        raise ValueError(f"a message of {len(body)} bytes; {MAX_FRAME} is the most")
    return _LENGTH.pack(len(body)) + body


def hand_over(channel: socket.socket, opened: Opened) -> None:
    """Send the reply that brings an open file along, and close the file here.

    Raises ChannelClosedError.
    """
    data = frame(Done(None, opened=True))
    try:
        sent = socket.send_fds(channel, [data], [opened.descriptor])
    except OSError as error:
        raise ChannelClosedError from error
    finally:
        os.close(opened.descriptor)
    send(channel, data[sent:])


def discard(reply: Reply) -> None:
    """Let go of a reply that nobody takes."""
    match reply:
        case Done(int(descriptor), opened=True):
            os.close(descriptor)
        case _:
            pass


def send(channel: socket.socket, data: bytes, deadline: Deadline | None = None) -> None:
    """Send a whole frame; without a deadline, however long it takes.

    ChannelClosedError, ChannelTimeoutError: it cannot have arrived whole, and the channel is of
    no more use.
    """
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[channel.send(rest, 0 if deadline is None else socket.MSG_DONTWAIT) :]
        except BlockingIOError:
            _await(channel, select.POLLOUT, deadline)
        except OSError as error:
            raise ChannelClosedError from error


class Inbox:
    """The frames that come over a channel.

    What has come of a frame is kept, so that whoever waits may leave at any moment, and another
    may wait for the rest.
    """

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._data = bytearray()
        self._descriptors: list[int] = []

    def call(self) -> Call:
        """Wait for the next call, for ever."""
        return _decode(_calls, self._frame(None))

    def reply(self, deadline: Deadline) -> Reply:
        """Wait for the next reply. Raises ChannelTimeoutError, ChannelClosedError."""
        reply = _decode(_replies, self._frame(deadline))
        if isinstance(reply, Done) and reply.opened:
            if not self._descriptors:  # this process has too many files open to take another
                return Failed("os", os.strerror(errno.EMFILE), errno.EMFILE)
            return Done(self._descriptors.pop(), opened=True)
        return reply

    def close(self) -> None:
        """Let go of open files that came with a reply of which the rest never came."""
        while self._descriptors:
            os.close(self._descriptors.pop())

    def _frame(self, deadline: Deadline | None) -> bytes:
        while missing := self._missing():
            if deadline is not None:
                _await(self._channel, select.POLLIN, deadline)
            self._data += self._some(missing)
        body = bytes(memoryview(self._data)[_LENGTH.size :])
        self._data.clear()
        return body

    def _missing(self) -> int:
        """How many bytes are still to come of the frame, as far as is known."""
        if len(self._data) < _LENGTH.size:
            return _LENGTH.size - len(self._data)
        (length,) = _LENGTH.unpack_from(self._data)
        if length > MAX_FRAME:
            raise ChannelClosedError
        return int(_LENGTH.size + length - len(self._data))

    def _some(self, most: int) -> bytes:
        try:
            # socket.recv_fds() does not pass flags on, and the file would outlive an exec.
            data, beside, _, _ = self._channel.recvmsg(
                min(most, _AT_ONCE), _ROOM_BESIDE, socket.MSG_CMSG_CLOEXEC
            )
        except OSError as error:
            self.close()
            raise ChannelClosedError from error
        for level, kind, descriptors in beside:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                self._descriptors += _DESCRIPTOR.unpack(descriptors)
        if not data:
            self.close()
            raise ChannelClosedError
        return data


_Message = TypeVar("_Message")


def _decode(decoder: msgspec.msgpack.Decoder[_Message], body: bytes) -> _Message:
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, ValueError) as error:  # ValueError: text that is not UTF-8
        raise ChannelClosedError from error


def _await(channel: socket.socket, event: int, deadline: Deadline | None) -> None:
    poll = select.poll()
    poll.register(channel, event)
    if not poll.poll(None if deadline is None else deadline.remaining() * 1000):
        raise ChannelTimeoutError
