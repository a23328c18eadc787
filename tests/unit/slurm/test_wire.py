"""Frames between the daemon and its workers, cut and late in every way."""

import math
import os
import socket
import struct
import threading
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcagent.jobs.deadline import Deadline
from hpcagent.slurm import wire

Ends = tuple[socket.socket, socket.socket]
SOON, NOW = 10.0, 0.0
LARGE = "x" * (4 << 20)
"""Far more than a socket holds."""


@pytest.fixture
def ends() -> Iterator[Ends]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.floats(
        allow_nan=False
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip
replies = st.builds(wire.Done, plain) | st.builds(
    wire.Failed, st.text(), st.text(), st.integers(-1, 2**32), st.text()
)


@given(reply=replies, data=st.data())
def test_a_frame_cut_anywhere_arrives_whole(reply: wire.Reply, data: st.DataObject) -> None:
    """Every part but the last leaves the reader without a reply, and loses nothing."""
    frame = wire.frame(reply)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(frame) - 1), max_size=5)))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        inbox = wire.Inbox(ours)
        for start, end in zip([0, *cuts], cuts, strict=False):
            theirs.sendall(frame[start:end])
            with pytest.raises(wire.ChannelTimeoutError):
                inbox.reply(Deadline.after(NOW))
        theirs.sendall(frame[cuts[-1] if cuts else 0 :])
        assert inbox.reply(Deadline.after(SOON)) == reply


@given(sent=st.lists(replies, max_size=5))
def test_frames_in_one_stream_are_told_apart(sent: list[wire.Reply]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"".join(map(wire.frame, sent)))
        inbox = wire.Inbox(ours)
        assert [inbox.reply(Deadline.after(SOON)) for _ in sent] == sent
        with pytest.raises(wire.ChannelTimeoutError):
            inbox.reply(Deadline.after(NOW))


def test_a_call_arrives_with_its_arguments(ends: Ends) -> None:
    call = wire.Call("submit", {"members": {"time_limit": math.inf, "environment": ["A=ü"]}})
    wire.send(ends[0], wire.frame(call))
    assert wire.Inbox(ends[1]).call() == call


def test_a_reply_after_the_deadline_can_still_be_read(ends: Ends) -> None:
    inbox = wire.Inbox(ends[0])
    with pytest.raises(wire.ChannelTimeoutError):
        inbox.reply(Deadline.after(NOW))
    wire.send(ends[1], wire.frame(wire.Done("late")))
    assert inbox.reply(Deadline.after(NOW)) == wire.Done("late")


def test_a_worker_that_stops_within_a_frame_costs_no_more_than_the_deadline(ends: Ends) -> None:
    ends[1].sendall(wire.frame(wire.Done("never whole"))[:-1])
    deadline = Deadline.after(0.05)
    with pytest.raises(wire.ChannelTimeoutError):
        wire.Inbox(ends[0]).reply(deadline)
    assert Deadline.after(0).at - deadline.at < 1


def test_a_worker_that_does_not_read_costs_no_more_than_the_deadline(ends: Ends) -> None:
    deadline = Deadline.after(0.05)
    with pytest.raises(wire.ChannelTimeoutError):
        wire.send(ends[0], wire.frame(wire.Call("submit", {"script": LARGE})), deadline)
    assert Deadline.after(0).at - deadline.at < 1


@pytest.mark.parametrize("deadline", [None, SOON])
def test_a_frame_larger_than_the_socket_arrives_whole(ends: Ends, deadline: float | None) -> None:
    read: list[wire.Reply] = []
    inbox = wire.Inbox(ends[1])
    reader = threading.Thread(target=lambda: read.append(inbox.reply(Deadline.after(SOON))))
    reader.start()
    wire.send(
        ends[0],
        wire.frame(wire.Done(LARGE)),
        None if deadline is None else Deadline.after(deadline),
    )
    reader.join()
    assert read == [wire.Done(LARGE)]


@pytest.mark.parametrize("sent", [0, 3, 4, 10])
def test_a_peer_that_closes_within_a_frame_is_gone(ends: Ends, sent: int) -> None:
    ends[1].sendall(wire.frame(wire.Done("x" * 20))[:sent])
    ends[1].close()
    with pytest.raises(wire.ChannelClosedError):
        wire.Inbox(ends[0]).reply(Deadline.after(SOON))


def test_a_peer_that_closes_with_a_call_unread_is_gone(ends: Ends) -> None:
    wire.send(ends[0], wire.frame(wire.Call("hello", {})))
    ends[1].close()
    with pytest.raises(wire.ChannelClosedError):
        wire.Inbox(ends[0]).reply(Deadline.after(SOON))


def test_nothing_can_be_sent_to_a_peer_that_is_gone(ends: Ends) -> None:
    ends[1].close()
    with pytest.raises(wire.ChannelClosedError):
        wire.send(ends[0], wire.frame(wire.Call("hello", {})), Deadline.after(SOON))


def test_a_length_beyond_all_reason_is_a_broken_stream(ends: Ends) -> None:
    ends[1].sendall(struct.pack("!I", wire.MAX_FRAME + 1))
    with pytest.raises(wire.ChannelClosedError):
        wire.Inbox(ends[0]).reply(Deadline.after(SOON))


@given(body=st.binary(max_size=40))
def test_any_frame_is_a_reply_or_a_broken_stream(body: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(struct.pack("!I", len(body)) + body)
        inbox = wire.Inbox(ours)
        try:
            reply = inbox.reply(Deadline.after(SOON))
        except wire.ChannelClosedError:
            return
        assert isinstance(reply, wire.Done | wire.Failed)


def test_a_message_beyond_the_largest_frame_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_FRAME", 1000)
    assert wire.frame(wire.Done("x" * 900))
    with pytest.raises(ValueError, match="1000 is the most"):
        wire.frame(wire.Done("x" * 1001))


@pytest.mark.parametrize("value", [2**64, "\udcff", object()])
def test_what_has_no_form_is_refused_before_anything_is_sent(value: object) -> None:
    with pytest.raises((ValueError, TypeError, OverflowError, msgspec.MsgspecError)):
        wire.frame(wire.Done(value))


def test_a_reply_brings_an_open_file_along(ends: Ends) -> None:
    ours, theirs = ends
    reader, writer = os.pipe()
    wire.hand_over(theirs, wire.Opened(reader))
    reply = wire.Inbox(ours).reply(Deadline.after(SOON))
    assert isinstance(reply, wire.Done)
    assert isinstance(reply.value, int)
    assert not os.get_inheritable(reply.value)
    os.write(writer, b"through")
    assert os.read(reply.value, 99) == b"through"
    os.close(writer)
    wire.discard(reply)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(reply.value)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(reader)


def test_an_open_file_whose_reply_never_comes_is_closed(ends: Ends) -> None:
    ours, theirs = ends
    reader, writer = os.pipe()
    socket.send_fds(theirs, [wire.frame(wire.Done(None, opened=True))[:5]], [reader])
    os.close(reader)
    inbox = wire.Inbox(ours)
    with pytest.raises(wire.ChannelTimeoutError):
        inbox.reply(Deadline.after(NOW))
    theirs.close()
    with pytest.raises(wire.ChannelClosedError):
        inbox.reply(Deadline.after(SOON))
    with pytest.raises(BrokenPipeError):
        os.write(writer, b"x")
    os.close(writer)
