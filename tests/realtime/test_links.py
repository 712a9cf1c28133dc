import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import zmq

from synchresis.engines.frame import Frame
from synchresis.engines.gesture import Gesture, Levels
from synchresis.errors import ParameterError, TransportError
from synchresis.realtime import links
from synchresis.realtime.links import EVENTS, NEWEST, Context, Inlet, Outlet, Policy
from synchresis.realtime.messages import End, Sighting, decode, encode_want
from synchresis.realtime.security import (
    Gatekeeper,
    Keys,
    leaves_machine,
    read_keys,
    write_keys,
)

LOSSLESS = Policy(1, lossless=True)


def frame(n: int, size: int = 8) -> Frame:
    return Frame(np.full((size, size), n % 256, np.uint8), n, n)


def sighting(n: int) -> Sighting:
    return Sighting(Gesture(n, n - 1, n, 0, (), (Levels(),), n), "here", "camera")


def until(condition: Callable[[], bool], act: Callable[[], None] = lambda: None) -> None:
    """Wait for something that must come; the limit is only there to fail instead of hanging."""
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit, "never came"
        act()
        time.sleep(0.001)


@pytest.fixture
def context() -> Iterator[Context]:
    with zmq.Context() as context:
        yield context
        context.destroy(linger=0)


@pytest.fixture(params=["inproc", "ipc", "tcp"])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "tcp":
        with zmq.Context() as probe, probe.socket(zmq.PAIR) as socket:
            return f"tcp://127.0.0.1:{socket.bind_to_random_port('tcp://127.0.0.1')}"
    folder = tmp_path_factory.mktemp("s")
    return "inproc://link" if request.param == "inproc" else f"ipc://{folder}/s"


def connected(
    context: Context, address: str, policy: Policy, inlets: int = 1
) -> tuple[Outlet, list[Inlet]]:
    outlet = Outlet(context, [address], policy)
    receivers = [Inlet(context, address, policy) for _ in range(inlets)]
    assert outlet.wait_for_receivers(inlets, lambda: False)
    return outlet, receivers


def close(outlet: Outlet, inlets: list[Inlet]) -> None:
    for inlet in inlets:
        inlet.close()
    outlet.close()


def test_lossless_link_delivers_everything_in_order_to_everybody(
    context: Context, address: str
) -> None:
    outlet, inlets = connected(context, address, LOSSLESS, inlets=2)
    got: list[list[int]] = [[], []]

    def read(inlet: Inlet, into: list[int], pause_s: float) -> None:
        while True:
            delivery = inlet.take(1.0)
            if delivery is None:
                continue
            if isinstance(delivery.body, End):
                return
            assert isinstance(delivery.body, Frame)
            into.append(delivery.body.sequence)
            time.sleep(pause_s)

    readers = [
        threading.Thread(target=read, args=(inlet, into, pause))
        for inlet, into, pause in zip(inlets, got, (0.0, 0.002), strict=True)
    ]
    for reader in readers:
        reader.start()
    for n in range(60):
        outlet.send(frame(n, 320))
    outlet.send(End(60))
    for reader in readers:
        reader.join(timeout=60)
    assert got == [list(range(60))] * 2
    assert outlet.counts.dropped == 0
    assert all(inlet.counts.lost == inlet.counts.dropped == 0 for inlet in inlets)
    close(outlet, inlets)


def test_of_frames_the_newest_wins_and_losses_are_counted(context: Context, address: str) -> None:
    outlet, (inlet,) = connected(context, address, NEWEST)
    outlet.send(frame(0))
    until(lambda: inlet.counts.received == 1, outlet.service)
    # The reader sleeps; 99 frames pass.
    for n in range(1, 100):
        outlet.send(frame(n))
    until(lambda: bool(inlet._queue) and inlet._queue[-1].body.sequence == 99, outlet.service)
    delivery = inlet.take()
    assert delivery is not None
    assert isinstance(delivery.body, Frame)
    assert delivery.body.sequence == 99
    assert inlet.take() is None
    assert outlet.counts.dropped == inlet.counts.lost
    assert inlet.counts.lost + inlet.counts.dropped == 99
    close(outlet, [inlet])


@pytest.mark.parametrize(("policy", "kept"), [(NEWEST, [79]), (EVENTS, list(range(16, 80)))])
def test_what_waits_at_the_sender_is_the_newest_frame_or_64_events(
    context: Context, policy: Policy, kept: list[int]
) -> None:
    outlet = Outlet(context, ["inproc://slow"], policy)
    with context.socket(zmq.DEALER) as slow:
        slow.linger = 0
        slow.connect("inproc://slow")
        slow.send_multipart(encode_want(1, renew=True))
        assert outlet.wait_for_receivers(1, lambda: False)
        for n in range(80):
            outlet.send(sighting(n))
        assert numbers(slow) == [0]
        slow.send_multipart(encode_want(64, renew=True))
        until(lambda: outlet.counts.sent == 1 + len(kept), outlet.service)
        assert numbers(slow) == kept
    assert outlet.counts.dropped == 79 - len(kept)
    outlet.close()


def numbers(socket: "zmq.Socket[bytes]") -> list[int]:
    """Sequence numbers of the gestures that have come."""
    found = []
    while socket.poll(50):
        body, _ = decode([frame.buffer for frame in socket.recv_multipart(copy=False)])
        assert isinstance(body, Sighting)
        found.append(body.gesture.sequence)
    return found


def test_events_are_kept_in_order_up_to_64_and_losses_counted(
    context: Context, address: str
) -> None:
    outlet, (inlet,) = connected(context, address, EVENTS)
    for n in range(200):
        outlet.send(sighting(n))
    until(lambda: inlet.counts.received + inlet.counts.lost == 200, outlet.service)
    kept = []
    while (delivery := inlet.take()) is not None:
        assert isinstance(delivery.body, Sighting)
        kept.append(delivery.body.gesture.sequence)
    assert len(kept) == 64
    assert kept == sorted(kept)
    assert kept[-1] == 199
    assert inlet.counts.lost + inlet.counts.dropped == 200 - 64
    close(outlet, [inlet])


def test_times_travel_with_a_message(context: Context, address: str) -> None:
    outlet, (inlet,) = connected(context, address, EVENTS)
    before = time.perf_counter_ns()
    outlet.send(sighting(1), arrived_ns=12345)
    until(lambda: inlet.counts.received == 1, outlet.service)
    delivery = inlet.take()
    assert delivery is not None
    assert delivery.link.arrived_ns == 12345
    assert before <= delivery.link.sent_ns <= delivery.received_ns <= time.perf_counter_ns()
    close(outlet, [inlet])


def test_receiver_may_come_first_and_sender_may_come_back(context: Context, address: str) -> None:
    inlet = Inlet(context, address, EVENTS)
    for life in range(2):
        outlet = Outlet(context, [address], EVENTS)
        assert outlet.wait_for_receivers(1, lambda: False)
        outlet.send(sighting(life))
        until(lambda life=life: inlet.counts.received == life + 1, outlet.service)  # type: ignore[misc]
        outlet.close()
        if address.startswith("inproc"):
            break  # within a process nobody comes back
        time.sleep(0.05)
    assert inlet.counts.lost == 0
    inlet.close()


def test_receiver_that_went_away_holds_nobody_up(context: Context, address: str) -> None:
    outlet, inlets = connected(context, address, NEWEST, inlets=2)
    inlets[0].close()
    for n in range(50):
        outlet.send(frame(n))
    until(lambda: inlets[1].counts.received > 0, outlet.service)
    outlet.send(frame(50))
    until(
        lambda: bool(inlets[1]._queue) and inlets[1]._queue[-1].body.sequence == 50,
        outlet.service,
    )
    close(outlet, inlets)


def test_what_waited_for_a_receiver_that_is_gone_is_counted(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    outlet = Outlet(context, ["inproc://gone"], EVENTS)
    receiver = context.socket(zmq.DEALER)
    receiver.connect("inproc://gone")
    receiver.send_multipart(encode_want(3, renew=True))
    assert outlet.wait_for_receivers(1, lambda: False)
    for n in range(10):
        outlet.send(sighting(n))
    monkeypatch.setattr(links, "FORGET_S", 0.0)
    outlet.service()
    assert (outlet.receivers, outlet.counts.sent, outlet.counts.dropped) == (0, 3, 7)
    receiver.close()
    outlet.close()


def test_a_link_whose_other_end_never_comes_says_so(
    context: Context, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(links, "PATIENCE_S", 0.0)
    inlet = Inlet(context, "inproc://nobody", NEWEST, giver="eye")
    until(lambda: "nothing comes from eye (inproc://nobody)" in caplog.text)
    inlet.close()
    outlet = Outlet(context, ["inproc://nobody here"], NEWEST)
    assert not outlet.wait_for_receivers(1, lambda: "waits for those" in caplog.text)
    outlet.close()


def test_malformed_messages_are_counted_and_stop_nobody(context: Context, address: str) -> None:
    outlet, (inlet,) = connected(context, address, EVENTS)
    with context.socket(zmq.DEALER) as stranger:
        stranger.linger = 0
        stranger.connect(address)
        for parts in ([b""], [b"want"], [b"want", b"\xff\xff"], [b"x"] * 5, [b"frame", b"", b""]):
            stranger.send_multipart(parts)
        until(lambda: outlet.counts.malformed == 5, outlet.service)
    outlet._socket.send_multipart([next(iter(outlet._receivers)), b"gesture", b"rubbish"])
    outlet._socket.send_multipart([next(iter(outlet._receivers)), b"gesture"])
    outlet.send(sighting(7))
    until(lambda: inlet.counts.received == 1, outlet.service)
    assert inlet.counts.malformed == 2
    delivery = inlet.take()
    assert delivery is not None
    assert isinstance(delivery.body, Sighting)
    close(outlet, [inlet])


def test_taking_from_an_empty_link_does_not_wait(context: Context) -> None:
    inlet = Inlet(context, "inproc://nobody", EVENTS)
    assert inlet.take() is None
    assert inlet.take(0.01) is None
    inlet.close()


def test_an_address_in_use_is_refused(context: Context) -> None:
    first = Outlet(context, ["inproc://taken"], EVENTS)
    with pytest.raises(TransportError, match="inproc://taken cannot be bound"):
        Outlet(context, ["inproc://taken"], EVENTS)
    with pytest.raises(TransportError, match="tcp://nowhere cannot be connected"):
        keys = Keys(*zmq_keys())
        Inlet(context, "tcp://nowhere", EVENTS, keys=keys, server=keys.public)
    first.close()


@pytest.mark.parametrize(
    ("address", "leaves"),
    [
        ("inproc://x", False),
        ("ipc:///tmp/x", False),
        ("tcp://127.0.0.1:5000", False),
        ("tcp://127.9.9.9:5000", False),
        ("tcp://localhost:5000", False),
        ("tcp://[::1]:5000", False),
        ("tcp://*:5000", True),
        ("tcp://0.0.0.0:5000", True),
        ("tcp://studio:5000", True),
        ("tcp://192.168.0.7:5000", True),
        ("tcp://[2001:db8::1]:5000", True),
        ("tcp://127.evil.example:5000", True),
        ("tcp://127.0.0.1.evil.example:5000", True),
        ("tcp://localhost.evil.example:5000", True),
        ("tcp://127.0.0.1:0;192.168.0.7:5000", True),  # from one address to another
        ("tcp://127.0.0.1/@192.168.0.7:5000", True),
        ("ws://127.0.0.1:5000", True),
        ("udp://239.0.0.1:5000", True),
        ("127.0.0.1:5000", True),
    ],
)
def test_which_addresses_leave_the_machine(address: str, leaves: bool) -> None:
    assert leaves_machine(address) is leaves


def test_addresses_that_leave_the_machine_need_keys(context: Context) -> None:
    public, secret = (key.decode() for key in zmq.curve_keypair())
    nobody = Keys(public, secret)
    for keys in (None, nobody):
        with pytest.raises(TransportError, match="keys and an allow-list"):
            Outlet(context, ["tcp://*:0"], EVENTS, keys=keys)
    with pytest.raises(TransportError, match="public key of that machine"):
        Inlet(context, "tcp://192.0.2.1:5000", EVENTS)


@pytest.mark.parametrize("address", ["udp://127.0.0.1:5000", "nonsense://x"])
def test_transports_that_keys_do_not_protect_are_refused_even_with_keys(
    context: Context, address: str
) -> None:
    public, secret = zmq_keys()
    keys = Keys(public, secret, frozenset({public}))
    with pytest.raises(TransportError, match=f"{address} must begin with inproc://, ipc:// or tcp"):
        Outlet(context, [address], EVENTS, keys=keys)
    with pytest.raises(TransportError, match=f"{address} must begin with inproc://, ipc:// or tcp"):
        Inlet(context, address, EVENTS, keys=keys, server=public)


def curve_link(
    context: Context, client: Keys, server: Keys, server_key: str
) -> tuple[Outlet, Inlet]:
    outlet = Outlet(context, ["inproc://same", "tcp://0.0.0.0:*"], EVENTS, keys=server)
    port = outlet._socket.getsockopt_string(zmq.LAST_ENDPOINT).rpartition(":")[2]
    # 0.0.0.0 as a destination is this machine, under a name that leaves it.
    address = f"tcp://0.0.0.0:{port}"
    return outlet, Inlet(context, address, EVENTS, keys=client, server=server_key)


def pair() -> Keys:
    public, secret = zmq.curve_keypair()
    return Keys(public.decode(), secret.decode())


def test_listed_keys_may_connect_and_no_others(context: Context) -> None:
    client, stranger = pair(), pair()
    server = Keys(*zmq_keys(), frozenset({client.public}))
    gatekeeper = Gatekeeper(context, server)
    outlet, inlet = curve_link(context, client, server, server.public)
    assert outlet.wait_for_receivers(1, lambda: False)
    address = inlet.address
    wrong = Inlet(context, address, EVENTS, keys=stranger, server=server.public)
    until(lambda: gatekeeper.refused > 0, outlet.service)
    with context.socket(zmq.DEALER) as plain:
        plain.linger = 0
        plain.connect(address)
        plain.send_multipart([b"want", b"rubbish"])
        outlet.send(sighting(1))
        until(lambda: inlet.counts.received == 1, outlet.service)
    assert outlet.receivers == 1
    assert outlet.counts.malformed == 0
    inside = Inlet(context, "inproc://same", EVENTS)
    until(lambda: outlet.receivers == 2, outlet.service)
    for end in (inlet, wrong, inside, outlet):
        end.close()
    gatekeeper.stop()


def zmq_keys() -> tuple[str, str]:
    public, secret = zmq.curve_keypair()
    return public.decode(), secret.decode()


def test_keys_are_written_for_their_owner_only_and_read_back(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "studio.key"
    public = write_keys(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_keys(path).public == public
    with pytest.raises(Exception, match="cannot write a key"):
        write_keys(path)
    path.chmod(0o600)
    path.write_text("not a key")
    with pytest.raises(ParameterError, match="40 characters of Z85"):
        read_keys(path)
