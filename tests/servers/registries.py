"""The registries and name servers of fixtures/registries, with faults on demand.

    with FaultyServers(records) as servers:
        servers.play("arin", limited(retry_after="7"))
        servers.play("origin", silence)
        servers.heal("arin")

A fault belongs to a registry, to "origin", or to a type of record ("PTR", "A", "AAAA"), until healed. An RDAP fault
takes the exchange and the honest reply, and gives another reply, or None once it has had its way with the connection;
a DNS fault takes the query and the honest response, and gives what is sent, or None.
"""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from functools import partial
from ipaddress import ip_network
from typing import Any, TypeAlias

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from fixtures.registries.server import (
    Address,
    Exchange,
    Json,
    Network,
    Records,
    RegistryServers,
    Reply,
    kind_of,
    rdap,
)

RdapFault: TypeAlias = Callable[[Exchange, Reply], Reply | None]
DnsFault: TypeAlias = Callable[[dns.message.Message, dns.message.Message], bytes | None]


class FaultyServers(RegistryServers):
    """RegistryServers that fail as they are told to."""

    def __init__(self, records: Records, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(records, tls)
        self._faults: dict[str, Any] = {}

    def play(self, who: str, fault: RdapFault | DnsFault) -> None:
        """Let a registry, or the name servers for a kind of question, fail from now on."""
        self._faults[who] = fault

    def heal(self, who: str) -> None:
        """Let it answer again."""
        self._faults.pop(who, None)

    def answer(self, exchange: Exchange, who: str, address: Address) -> Reply | None:
        """Answer for a registry."""
        honest = super().answer(exchange, who, address)
        fault: RdapFault | None = self._faults.get(who)
        return fault(exchange, honest) if fault and honest else honest

    def resolve(self, query: dns.message.Message) -> dns.message.Message | bytes | None:
        """Answer for the name servers."""
        honest = super().resolve(query)
        fault: DnsFault | None = self._faults.get(kind_of(query))
        assert isinstance(honest, dns.message.Message)
        return fault(query, honest) if fault else honest


# What a registry may do.


def says(status: int, body: bytes = b"", **headers: str) -> RdapFault:
    """Answer with this, whatever was asked; `_` in the name of a header stands for `-`."""
    reply = Reply(status, body, {name.replace("_", "-"): value for name, value in headers.items()})
    return lambda _exchange, _honest: reply


def limited(retry_after: str | None = None) -> RdapFault:
    """Refuse for the number of queries (RFC 7480 5.5), with an HTML body as RIPE does."""
    headers = {} if retry_after is None else {"Retry_After": retry_after}
    return says(429, b"<html>Too many requests</html>", **headers)


def html(status: int = 200) -> RdapFault:
    """Answer as a proxy or a maintenance page does."""
    return says(status, b"<!DOCTYPE html><html><body>Back soon</body></html>", Content_Type="text/html")


def document(change: Callable[[Json], object]) -> RdapFault:
    """Let a change be made to the JSON of an honest answer; what it returns is sent, or the changed answer."""

    def fault(_exchange: Exchange, honest: Reply) -> Reply:
        if not honest.body:
            return honest
        answer = json.loads(honest.body)
        changed = change(answer)
        return Reply.of(answer if changed is None else changed, honest.status)

    return fault


def fields(**values: object) -> RdapFault:
    """Answer with other values in some fields: `fields(parentHandle=None)`."""
    return document(lambda answer: answer.update(values))


def without(*names: str) -> RdapFault:
    """Answer without some fields: `without("handle")`."""
    return document(lambda answer: {name: value for name, value in answer.items() if name not in names})


rate_limit_notice = fields(notices=[{"title": "Rate Limit Notice", "description": ["Slow down"]}])
"""Refuse for the number of queries as LACNIC does: status 200, a notice."""


def parent_block(network: str = "0.0.0.0/0", name: str = "NON-RIPE-NCC-MANAGED-ADDRESS-BLOCK") -> RdapFault:
    """Answer with the block that somebody else's addresses lie in, as RIPE and APNIC do."""
    block = ip_network(network)
    answer = rdap(
        Network(block[0], block[-1], "ripencc", str(block), name, "Internet Assigned Numbers Authority")
    )
    return lambda _exchange, _honest: Reply.of(answer)


def redirect(location: str, status: int = 302) -> RdapFault:
    """Redirect to any place."""
    return says(status, Location=location)


def oversized(mebibytes: int = 4) -> RdapFault:
    """Answer with valid JSON that never seems to end."""
    return document(lambda answer: answer | {"remarks": [{"description": ["x" * (mebibytes << 20)]}]})


def drips(seconds: float = 0.05) -> RdapFault:
    """Send the honest answer byte by byte, beginning with the status line."""
    return partial(_drip, seconds)


def _drip(seconds: float, exchange: Exchange, honest: Reply) -> None:
    text = f"HTTP/1.0 {honest.status} OK\r\nContent-Length: {len(honest.body)}\r\n\r\n".encode() + honest.body
    for byte in text:
        if exchange.server.servers.ending.wait(seconds):
            return
        exchange.wfile.write(bytes([byte]))


def drips_body(seconds: float = 0.05) -> RdapFault:
    """Send the head of the honest answer at once and its body byte by byte."""

    def fault(exchange: Exchange, honest: Reply) -> None:
        head = f"HTTP/1.0 {honest.status} OK\r\nContent-Length: {len(honest.body)}\r\n\r\n"
        exchange.wfile.write(head.encode())
        for byte in honest.body:
            if exchange.server.servers.ending.wait(seconds):
                return
            exchange.wfile.write(bytes([byte]))

    return fault


def hangs(exchange: Exchange, _honest: Reply) -> None:
    """Accept the question and say nothing until the end."""
    exchange.server.servers.ending.wait()


def held(until: threading.Event) -> RdapFault:
    """Answer honestly, but not before an event."""

    def fault(exchange: Exchange, honest: Reply) -> Reply | None:
        while not until.wait(0.02):
            if exchange.server.servers.ending.is_set():
                return None
        return honest

    return fault


def resets(exchange: Exchange, _honest: Reply) -> None:
    """Break the connection off with a TCP reset."""
    # Closing with a linger of 0 s sends RST instead of FIN (socket(7)); the last of the file objects closes it.
    exchange.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    exchange.rfile.close()
    exchange.wfile.close()
    exchange.connection.close()


def breaks_off(exchange: Exchange, honest: Reply) -> None:
    """Send half of the body that was promised."""
    exchange.send_response(honest.status)
    exchange.send_header("Content-Length", str(len(honest.body)))
    exchange.end_headers()
    exchange.wfile.write(honest.body[: len(honest.body) // 2])


# What a name server may do.


def nxdomain(query: dns.message.Message, _honest: dns.message.Message) -> bytes:
    """Say that there is no such name."""
    return _refusal(query, dns.rcode.NXDOMAIN)


def servfail(query: dns.message.Message, _honest: dns.message.Message) -> bytes:
    """Say that it failed."""
    return _refusal(query, dns.rcode.SERVFAIL)


def silence(_query: dns.message.Message, _honest: dns.message.Message) -> None:
    """Say nothing."""


def garbage(_query: dns.message.Message, _honest: dns.message.Message) -> bytes:
    """Send what is no DNS message."""
    return b"\x00garbage\xff" * 9


def answers(*values: str) -> DnsFault:
    """Answer with records of the type that was asked for, in their text form: `answers('"no | such"')`."""

    def fault(query: dns.message.Message, _honest: dns.message.Message) -> bytes:
        question = query.question[0]
        response = dns.message.make_response(query)
        response.answer = [dns.rrset.from_text_list(question.name, 60, "IN", question.rdtype, values)]
        return response.to_wire()

    return fault


def truncated(query: dns.message.Message, _honest: dns.message.Message) -> bytes:
    """Ask to come again by TCP, even there."""
    response = dns.message.make_response(query)
    response.flags |= dns.flags.TC
    return response.to_wire()


def _refusal(query: dns.message.Message, code: dns.rcode.Rcode) -> bytes:
    response = dns.message.make_response(query)
    response.set_rcode(code)
    return response.to_wire()
