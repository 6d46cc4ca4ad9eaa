"""An address in, its reverse name out, and whether the name leads back to it (RFC 8601 2.7.3)."""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from time import monotonic

import dns.name
import dns.reversename
from dns.exception import DNSException, Timeout
from dns.rdatatype import RdataType
from dns.resolver import NXDOMAIN, NoAnswer, NoResolverConfiguration, Resolver

from enrich.name_servers import name_servers as read
from enrich.values import NAMES, Address, Failed, Name

MOST_NAMES = 5
"""Names of one address that are looked at: shared hosts have hundreds."""

HOST = re.compile(r"(?=.{4,253}\Z)([a-z0-9_-]+\.)+[a-z][a-z0-9-]*[a-z0-9]")
"""What a host may be called (RFC 1123 2.1), with the underscore that many have; whatever else stands in a PTR is no
name, and least of all one with a dot within a label."""

KINDS = {4: RdataType.A, 6: RdataType.AAAA}


class Names:
    """Looks reverse names up; several threads may do so at once."""

    def __init__(self, *, name_servers: Sequence[str] = (), timeout: float = 10) -> None:
        self._name_servers = name_servers
        self._timeout = timeout

    def name(self, address: Address) -> Name | Failed | None:
        """Give the name of an address, None where it has none; seconds of waiting are bounded by twice the timeout.

        Of several names the first by the alphabet that leads back to the address, else the first of all.
        """
        until = monotonic() + self._timeout
        try:
            names = self._pointers(address, until)
            confirmed = next(filter(lambda it: self._leads_to(it, address, until), names), None)
        except DNSException as error:
            return Failed(NAMES, _reason(error), reached=self._is_there())
        return Name(confirmed or names[0], confirmed is not None) if names else None

    def _pointers(self, address: Address, until: float) -> list[str]:
        reverse = dns.reversename.from_address(str(address))
        found = (text.lower().removesuffix(".") for text in self._ask(reverse, RdataType.PTR, until))
        return sorted(filter(HOST.fullmatch, found))[:MOST_NAMES]

    def _leads_to(self, name: str, address: Address, until: float) -> bool:
        """Look the name up. One that cannot be looked up for now is a failure: it may well lead here (RFC 8601 2.7.3)."""
        kind = KINDS[address.version]
        return str(address) in self._ask(dns.name.from_text(name), kind, until)

    def _ask(self, name: dns.name.Name, kind: RdataType, until: float) -> Iterator[str]:
        """Ask one question, past all aliases (RFC 2317 5.2). Raises DNSException."""
        left = max(0.0, until - monotonic())
        try:
            yield from map(str, self._resolver.resolve(name, kind, lifetime=left))
        except (NXDOMAIN, NoAnswer):
            return

    @cached_property
    def _resolver(self) -> Resolver:
        """Made when it is first used: a system without name servers is a failure to tell, not a defect."""
        made = Resolver(configure=not self._name_servers)
        if self._name_servers:
            made.nameservers = [*read(self._name_servers)]
        return made

    def _is_there(self) -> bool:
        """Tell whether the name servers answer at all: a reverse zone without servers says nothing about others."""
        try:
            list(self._ask(dns.name.root, RdataType.NS, monotonic() + self._timeout))
        except DNSException:
            return False
        return True


def _reason(error: DNSException) -> str:
    if isinstance(error, Timeout):
        return "no answer from the name servers in time"
    if isinstance(error, NoResolverConfiguration):
        return "this machine has no name servers: check /etc/resolv.conf, or set enrich.name_servers"
    return f"the name servers failed: {error}"
