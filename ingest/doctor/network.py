"""The way to a server, step by step and each with a time limit: a name and a port in, findings out."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from ipaddress import ip_address
from threading import Thread
from typing import Any, TypeVar

from ingest.doctor.findings import DeadEndError, Finding, Level, ok, warning, wrong

NAME_SECONDS = 5.0
CONNECT_SECONDS = 5.0
TALK_SECONDS = 8.0
"""How long one answer of a server that is there may take."""

EXPIRES_DAYS = 14
"""A certificate that ends sooner should have been renewed by now."""

Result = TypeVar("Result")

_CERTIFICATE: dict[int, str] = {  # the numbers of OpenSSL's X509_verify_cert_error_string(3)
    9: "compare the clocks of this machine and of the server",
    10: "its time is over: renew it on the server",
    18: "it is signed by itself: name it in ca_file (a PEM file), or let a known authority sign one",
    19: "its authority is unknown here: name that authority's certificate in ca_file (a PEM file)",
    20: "its authority is unknown here: name that authority's certificate in ca_file (a PEM file); if the authority "
    "is a known one, the server does not send the certificates in between",
    62: "set host to a name that stands in the certificate",
    64: "set host to a name that stands in the certificate",
}


def begin(act: Callable[[], Result]) -> "Future[Result]":
    """Start something in a thread that the end of the program does not wait for."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(act())
        except BaseException as error:  # noqa: BLE001 (raised where the result is asked for)
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future


def within(seconds: float, act: Callable[[], Result]) -> Result:
    """Give what `act` gives, or raise TimeoutError: the system's resolver knows no time limit of its own."""
    return begin(act).result(seconds)


class Network:
    """Servers as they were found in one run: one that does not answer is asked once."""

    def __init__(self) -> None:
        self._dead: set[tuple[str, int]] = set()

    def reach(self, host: str, port: int) -> Iterator[Finding]:
        """Look the name up, and connect. Raises DeadEndError."""
        if (host, port) in self._dead:
            text = f"{host}:{port} is not asked again, see above"
            raise DeadEndError(Finding("connection", Level.SKIPPED, text))
        try:
            yield _name(host)
            yield _connection(host, port)
        except DeadEndError:
            self.give_up(host, port)
            raise

    def give_up(self, host: str, port: int) -> None:
        """Do not ask this server again."""
        self._dead.add((host, port))


def _name(host: str) -> Finding:
    try:
        found = within(NAME_SECONDS, lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
    except TimeoutError:
        text = f"{host}: the name servers gave no answer within {NAME_SECONDS:.0f} s"
        raise DeadEndError(
            wrong("name", text, "check /etc/resolv.conf, and that its servers can be reached")
        ) from None
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no name of a host"
        advice = f"check host in the configuration; then ask the DNS: getent hosts {host}"
        raise DeadEndError(wrong("name", f"{host} has no address ({reason})", advice)) from None
    addresses = list(dict.fromkeys(str(address[4][0]) for address in found))
    has = "is an address" if addresses == [host] else f"has the address {', '.join(addresses)}"
    return ok("name", f"{host} {has}")


def _connection(host: str, port: int) -> Finding:
    place = f"{host}:{port}"
    try:
        within(CONNECT_SECONDS, lambda: socket.create_connection((host, port), CONNECT_SECONDS).close())
    except TimeoutError:
        text = f"no answer from {place} within {CONNECT_SECONDS:.0f} s"
        advice = f"let this machine through to {place} (TCP): a firewall on the way drops it, or the server is down"
    except ConnectionRefusedError:
        text, advice = f"{place} refuses connections", "check host and port, and that the server runs"
    except OSError as error:
        text = f"no way to {place} ({error.strerror or error})"
        advice = "check the network of this machine, and its firewall"
    else:
        return ok("connection", f"port {port} answers")
    raise DeadEndError(wrong("connection", text, advice))


def certificate(peer: Mapping[str, Any]) -> Finding:
    """Judge a certificate that was found good, in the form of SSLSocket.getpeercert, by the time it has left."""
    end = str(peer["notAfter"])
    days = int((ssl.cert_time_to_seconds(end) - time.time()) // 86_400)
    text = f"trusted, good until {end}"
    if days < EXPIRES_DAYS:
        advice = "renew it on the server, or find out why that did not happen by itself"
        return warning("certificate", f"{text}: {days} days left", advice)
    return ok("certificate", f"{text} ({days} days)")


def unencrypted(address: str, what: str) -> Finding:
    """Judge a connection without TLS by where the other end is, and what is sent there."""
    if ip_address(address).is_loopback:
        return ok("TLS", "none, to this very machine")
    advice = 'set tls = "implicit", or "starttls"'
    return warning("TLS", f'tls = "none": whoever is on the way reads {what}', advice)


def no_tls(check: str, error: ssl.SSLError, port: int) -> Finding:
    """Say why TLS did not come about."""
    if isinstance(error, ssl.SSLCertVerificationError):
        advice = _CERTIFICATE.get(
            error.verify_code, "name its authority in ca_file, or mend it on the server"
        )
        return wrong("certificate", f"not trusted ({error.verify_message.rstrip('.')})", advice)
    advice = (
        f'check that port {port} and tls belong together ("implicit": TLS from the start; else "starttls")'
    )
    return wrong(check, f"TLS failed ({error.reason or error})", advice)
