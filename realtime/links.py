"""Links: sockets between nodes, with credit, so that nothing ages in a buffer nobody sees.

A receiver asks for as many messages as it can take and the sender sends no more. What must wait
waits at the sender, in plain sight: of frames only the newest, of events 64 in order. So an
overload costs frames, never time, and every loss is counted at both ends.
"""

import logging
import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import zmq

from synchresis.engines.timebase import NS_PER_S
from synchresis.errors import TransportError
from synchresis.realtime import messages
from synchresis.realtime.messages import Body, End, Link
from synchresis.realtime.security import Keys, secure_client, secure_server

Context: TypeAlias = "zmq.Context[zmq.Socket[bytes]]"

QUEUE: Final = 64
"""Events that may wait on a link."""

RENEW_S: Final = 0.25
"""A receiver that hears nothing asks again after this time."""

FORGET_S: Final = 5.0
"""A receiver that asked for nothing in this time is gone."""

PATIENCE_S: Final = 10.0
"""After this time without the other end a link says that it waits."""

_log = logging.getLogger(__name__)

_COPY_BELOW: Final = 65_536
"""Smaller parts are cheaper to copy than to track."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How a link treats what cannot be taken at once.

    Attributes:
        depth: messages that may wait; then the oldest is dropped.
        lossless: the sender waits instead, and nothing is dropped.
    """

    depth: int
    lossless: bool = False


NEWEST: Final = Policy(1)
"""For frames: the newest wins."""

EVENTS: Final = Policy(QUEUE)
"""For gestures: in order, bounded."""


def policy_for(what: Literal["frame", "gesture"], *, lossless: bool) -> Policy:
    """The policy of a kind of link on the device clock, or its lock-step twin."""
    depth = 1 if what == "frame" else QUEUE
    return Policy(depth, lossless)


@dataclass(slots=True)
class _Receiver:
    """A receiver as the sender sees it."""

    credit: int = 0
    number: int = 0
    heard_ns: int = 0
    waiting: "deque[tuple[Body, Link]]" = field(default_factory=deque)


@dataclass(slots=True)
class OutletCounts:
    """Messages sent, dropped because a receiver could not take them, and refused requests."""

    sent: int = 0
    dropped: int = 0
    malformed: int = 0


class Outlet:
    """The sending end of links; owned by one thread.

    Every receiver gets every message, each at its own pace.
    """

    def __init__(
        self,
        context: Context,
        addresses: Sequence[str],
        policy: Policy,
        *,
        keys: Keys | None = None,
    ) -> None:
        """Bind.

        Raises:
            TransportError: an address cannot be bound, or is open to others without keys.
        """
        self.counts = OutletCounts()
        self._policy = policy
        self._epoch = random.SystemRandom().getrandbits(48)
        self._receivers: dict[bytes, _Receiver] = {}
        self._socket = context.socket(zmq.ROUTER)
        _set_limits(self._socket)
        self._socket.router_mandatory = 1
        try:
            for address in addresses:
                secure_server(self._socket, address, keys)
                self._socket.bind(address)
        except zmq.ZMQError as err:
            self._socket.close()
            raise TransportError(f"{address} cannot be bound: {err}") from err
        except TransportError:
            self._socket.close()
            raise

    @property
    def receivers(self) -> int:
        """Receivers that have asked for something lately."""
        return len(self._receivers)

    def wait_for_receivers(self, count: int, stop: Callable[[], bool]) -> bool:
        """Wait until so many receivers have asked, and say so if it takes long.

        Returns:
            False if told to stop before.
        """
        late_s = time.monotonic() + PATIENCE_S
        while len(self._receivers) < count:
            if stop():
                return False
            self._serve(timeout_ms=50)
            if time.monotonic() > late_s:
                late_s = math.inf
                here = threading.current_thread().name
                _log.warning("%s waits for those that take from it: do their nodes run?", here)
        return True

    def send(
        self, body: Body, *, arrived_ns: int = 0, stop: Callable[[], bool] = lambda: False
    ) -> None:
        """Send to every receiver, or keep for those that cannot take it yet.

        Args:
            body: what to send; a frame's picture must never be written to again.
            arrived_ns: when the frame that it is about came out of its source.
            stop: asked while a lossless link waits.
        """
        self._serve(timeout_ms=0)
        for receiver in self._receivers.values():
            receiver.number += 1
            link = Link(receiver.number, self._epoch, 0, arrived_ns)
            if len(receiver.waiting) >= self._policy.depth and not self._policy.lossless:
                receiver.waiting.popleft()
                self.counts.dropped += 1
            receiver.waiting.append((body, link))
        self._pass_on()
        if self._policy.lossless:
            self.flush(stop)

    def flush(self, stop: Callable[[], bool]) -> None:
        """Pass on what waits, until nothing does or those that it is for are gone."""
        while self._waiting() and not stop():
            self._serve(timeout_ms=50)
            self._pass_on()

    def service(self, timeout_s: float = 0.0) -> None:
        """Take requests and pass on what waits."""
        self._serve(timeout_ms=round(timeout_s * 1000))
        self._pass_on()

    def close(self) -> None:
        """Unbind; the last messages get a second to leave."""
        self._socket.close(linger=1000)

    def _waiting(self) -> bool:
        return any(receiver.waiting for receiver in self._receivers.values())

    def _serve(self, timeout_ms: int) -> None:
        """Take all requests that are there."""
        if timeout_ms and not self._socket.poll(timeout_ms):
            return
        while True:
            try:
                identity, *parts = self._socket.recv_multipart(zmq.DONTWAIT, copy=False)
            except zmq.Again:
                break
            self._take_request(identity.bytes, [part.buffer for part in parts])
        self._forget()

    def _take_request(self, identity: bytes, parts: list[memoryview]) -> None:
        try:
            want = messages.decode_want(parts)
        except TransportError:
            self.counts.malformed += 1
            return
        receiver = self._receivers.setdefault(identity, _Receiver())
        receiver.heard_ns = time.perf_counter_ns()
        given = min(max(want.credit, 0), QUEUE)
        receiver.credit = given if want.renew else min(receiver.credit + given, QUEUE)

    def _forget(self) -> None:
        """Forget receivers that went away; lock-step receivers may take as long as they like."""
        if self._policy.lossless:
            return
        oldest_ns = time.perf_counter_ns() - round(FORGET_S * NS_PER_S)
        for identity in [i for i, r in self._receivers.items() if r.heard_ns < oldest_ns]:
            self._lose(identity)

    def _lose(self, identity: bytes) -> None:
        """A receiver is gone, and what waited for it is lost."""
        self.counts.dropped += len(self._receivers.pop(identity).waiting)

    def _pass_on(self) -> None:
        for identity, receiver in list(self._receivers.items()):
            while receiver.waiting and receiver.credit > 0:
                body, link = receiver.waiting.popleft()
                if not self._send_one(identity, body, link):
                    self._lose(identity)
                    break
                receiver.credit -= 1

    def _send_one(self, identity: bytes, body: Body, link: Link) -> bool:
        """Send to one receiver; False if it is gone."""
        stamped = Link(link.number, link.epoch, time.perf_counter_ns(), link.arrived_ns)
        parts = messages.encode(body, stamped)
        try:
            self._socket.send_multipart([identity, *parts], zmq.DONTWAIT, copy=False, track=False)
        except zmq.ZMQError:
            self.counts.dropped += 1
            return False
        self.counts.sent += 1
        return True


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as a node gets it: with its link header and the time it came."""

    body: Body
    link: Link
    received_ns: int


@dataclass(slots=True)
class InletCounts:
    """Messages received, lost before they came, dropped here, and refused."""

    received: int = 0
    lost: int = 0
    dropped: int = 0
    malformed: int = 0


class Inlet:
    """The receiving end of a link: a thread owns the socket, drains it, keeps what is fresh."""

    def __init__(
        self,
        context: Context,
        address: str,
        policy: Policy,
        *,
        keys: Keys | None = None,
        server: str | None = None,
        giver: str = "",
    ) -> None:
        """Connect, whether or not the other end is there yet.

        Args:
            context: of the process.
            address: to connect to.
            policy: of the link.
            keys: of this machine, None without links to others.
            server: public key of the other end's machine.
            giver: name of the node at the other end, to be told where nothing comes from it.

        Raises:
            TransportError: the address is wrong, or another machine without keys.
        """
        self.counts = InletCounts()
        self.address = address
        self._policy = policy
        self._giver = giver
        self._queue: deque[Delivery] = deque()
        self._filled = threading.Event()
        self._stop = threading.Event()
        self._epoch = 0
        self._number = 0
        self._socket = context.socket(zmq.DEALER)
        _set_limits(self._socket)
        try:
            secure_client(self._socket, address, keys, server)
            self._socket.connect(address)
        except zmq.ZMQError as err:
            self._socket.close()
            raise TransportError(f"{address} cannot be connected: {err}") from err
        except TransportError:
            self._socket.close()
            raise
        self._thread = threading.Thread(target=self._run, name=f"inlet {address}", daemon=True)
        self._thread.start()

    def take(self, timeout_s: float = 0.0) -> Delivery | None:
        """Oldest message that waits; without a timeout it takes no lock."""
        try:
            return self._queue.popleft()
        except IndexError:
            if timeout_s <= 0:
                return None
        self._filled.clear()
        if not self._queue:
            self._filled.wait(timeout_s)
        return self.take()

    def close(self) -> None:
        """Disconnect."""
        self._stop.set()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        with self._socket:
            self._socket.linger = 0
            self._want(self._policy.depth, renew=True)
            late_s = time.monotonic() + PATIENCE_S
            while not self._stop.is_set():
                if self._socket.poll(round(RENEW_S * 1000)):
                    self._receive()
                else:
                    self._want(self._policy.depth, renew=True)
                if self.counts.received:
                    late_s = math.inf
                elif self._giver and time.monotonic() > late_s:
                    late_s, what = math.inf, f"{self._giver} ({self.address})"
                    _log.warning("nothing comes from %s: does it run, do the keys fit?", what)

    def _receive(self) -> None:
        frames = self._socket.recv_multipart(copy=False)
        received_ns = time.perf_counter_ns()
        try:
            body, link = messages.decode([frame.buffer for frame in frames])
        except TransportError:
            self.counts.malformed += 1
        else:
            self._count(link)
            self._keep(Delivery(body, link, received_ns))
        self._want(1, renew=False)

    def _count(self, link: Link) -> None:
        self.counts.received += 1
        if link.epoch == self._epoch:
            self.counts.lost += max(link.number - self._number - 1, 0)
        self._epoch, self._number = link.epoch, link.number

    def _keep(self, delivery: Delivery) -> None:
        """Queue it; a full queue loses its oldest, or waits where nothing may be lost."""
        while self._policy.lossless and len(self._queue) >= self._policy.depth:
            if self._stop.wait(0.0005):
                return
        if len(self._queue) >= self._policy.depth and not isinstance(delivery.body, End):
            self.counts.dropped += self._drop_oldest()
        self._queue.append(delivery)
        self._filled.set()

    def _drop_oldest(self) -> int:
        try:
            self._queue.popleft()
        except IndexError:  # its reader was faster
            return 0
        return 1

    def _want(self, credit: int, *, renew: bool) -> None:
        """Ask for messages; a request that cannot leave now is renewed later."""
        try:
            self._socket.send_multipart(messages.encode_want(credit, renew=renew), zmq.DONTWAIT)
        except zmq.Again:
            return


def _set_limits(socket: "zmq.Socket[bytes]") -> None:
    """Bounded messages and quick recovery of broken connections."""
    socket.maxmsgsize = messages.MAX_PICTURE_BYTES + messages.MAX_HEADER_BYTES
    socket.copy_threshold = _COPY_BELOW
    socket.linger = 0
    socket.reconnect_ivl = 50
    socket.reconnect_ivl_max = 1000
    socket.heartbeat_ivl = 1000
    socket.heartbeat_timeout = 3000
