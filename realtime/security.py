"""Who may connect: CURVE keys and the allow-list for links that leave the machine."""

import ipaddress
import logging
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import zmq
from zmq.utils import z85

from synchresis.errors import InputError, ParameterError, TransportError, reason_of

_log = logging.getLogger(__name__)

_KEY_LENGTH: Final = 40
_ZAP: Final = "inproc://zeromq.zap.01"
_ZAP_POLL_MS: Final = 100
_LOCAL_SCHEMES: Final = ("inproc", "ipc")


@dataclass(frozen=True, slots=True)
class Keys:
    """CURVE keys of one machine, in Z85.

    Attributes:
        public: what others put on their lists.
        secret: what nobody else may know.
        allowed: public keys of the machines that may connect here.
    """

    public: str
    secret: str
    allowed: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for key in (self.public, self.secret, *self.allowed):
            check_key(key)


def check_key(key: str) -> str:
    """A key as it is, if it can be one.

    Raises:
        ParameterError: it is not 40 characters of Z85.
    """
    try:
        whole = len(key) == _KEY_LENGTH and len(z85.decode(key)) == 32
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise ParameterError(
            f"a key must be {_KEY_LENGTH} characters of Z85, this one has {len(key)} characters"
        )  # without a piece of it: it may be secret
    return key


def write_keys(path: str | Path) -> str:
    """Make a pair of keys: the secret to `path`, readable by its owner only; returns the public.

    Raises:
        InputError: the file exists or cannot be written.
    """
    public, secret = zmq.curve_keypair()
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as err:
        raise InputError(f"{path}: cannot write a key ({err.strerror})") from err
    with os.fdopen(handle, "wb") as file:
        file.write(secret)
    return public.decode()


def read_keys(path: str | Path, allowed: frozenset[str] = frozenset()) -> Keys:
    """Keys of this machine from its secret.

    Raises:
        InputError: the file cannot be read.
        ParameterError: it holds no key.
    """
    try:
        secret = Path(path).read_text("ascii").strip()
    except UnicodeDecodeError as err:
        raise ParameterError(
            f"{path} is no key; `synchresis key` makes one under a name that no file has"
        ) from err
    except OSError as err:
        raise InputError(f"{path}: no key can be read ({reason_of(err)})") from err
    try:
        check_key(secret)
    except ParameterError as err:
        raise ParameterError(f"{path}: {err}") from err
    if os.name == "posix" and Path(path).stat().st_mode & 0o077:
        _log.warning("%s can be read by others; `chmod 600` it", path)
    return Keys(zmq.curve_public(secret.encode()).decode(), secret, allowed)


def leaves_machine(address: str) -> bool:
    """Whether others than this machine can reach, or are reached by, an address.

    Local are inproc, ipc and tcp to `localhost` or a loopback address; all else leaves, also what
    only looks like one of these: libzmq hands any name to the resolver.
    """
    scheme, _, rest = address.partition("://")
    if scheme in _LOCAL_SCHEMES:
        return False
    host = rest.rpartition(":")[0]
    return scheme != "tcp" or not _is_loopback(host)


def _is_loopback(host: str) -> bool:
    """Whether a host as libzmq takes it, IPv6 in brackets, is this machine and nothing else."""
    if host.lower() == "localhost":
        return True
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_scheme(address: str) -> None:
    """Refuse transports that keys would not protect."""
    scheme = address.partition("://")[0]
    if scheme not in (*_LOCAL_SCHEMES, "tcp"):
        raise TransportError(f"{address} must begin with inproc://, ipc:// or tcp://")


def secure_server(socket: "zmq.Socket[bytes]", address: str, keys: Keys | None) -> None:
    """Prepare a socket that will be bound to an address.

    Raises:
        TransportError: the address leaves the machine and there are no keys or no allow-list, or
            it is of a transport that cannot be protected.
    """
    _check_scheme(address)
    if not leaves_machine(address):
        return
    if keys is None or not keys.allowed:
        raise TransportError(
            f"{address} can be reached from other machines: give keys and an allow-list, or bind "
            "to 127.0.0.1"
        )
    socket.curve_server = True
    socket.curve_secretkey = keys.secret.encode()
    socket.curve_publickey = keys.public.encode()
    socket.zap_domain = b"synchresis"


def secure_client(
    socket: "zmq.Socket[bytes]", address: str, keys: Keys | None, server: str | None
) -> None:
    """Prepare a socket that will be connected to an address.

    Raises:
        TransportError: the address leaves the machine and keys or the server's key are missing, or
            it is of a transport that cannot be protected.
    """
    _check_scheme(address)
    if not leaves_machine(address):
        return
    if keys is None or server is None:
        raise TransportError(
            f"{address} is another machine: give keys and the public key of that machine"
        )
    socket.curve_serverkey = check_key(server).encode()
    socket.curve_secretkey = keys.secret.encode()
    socket.curve_publickey = keys.public.encode()


class Gatekeeper:
    """Answers libzmq's question whether a client may connect (ZAP, RFC 27), in its own thread."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", keys: Keys) -> None:
        """Begin; must happen before sockets are bound.

        Raises:
            TransportError: the context has a gatekeeper already.
        """
        self.refused = 0
        self._allowed = {z85.decode(key) for key in keys.allowed}
        self._socket = context.socket(zmq.REP)
        self._socket.linger = 0
        self._stop = threading.Event()
        try:
            self._socket.bind(_ZAP)
        except zmq.ZMQError as err:
            raise TransportError(f"cannot check who connects: {err}") from err
        self._thread = threading.Thread(target=self._run, name="gatekeeper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let nobody in any more."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with self._socket:
            while not self._stop.is_set():
                if self._socket.poll(_ZAP_POLL_MS):
                    self._answer(self._socket.recv_multipart())

    def _answer(self, request: list[bytes]) -> None:
        """Version, request, domain, address, identity, mechanism, key; who is not listed is out."""
        known = len(request) == 7 and request[5] == b"CURVE" and request[6] in self._allowed
        self.refused += not known
        verdict = (b"200", b"OK") if known else (b"400", b"not on the list")
        self._socket.send_multipart([b"1.0", request[1], *verdict, b"", b""])
