"""Which autonomous system announces an address, and which registry gave it out: one TXT query (origin.asn.cymru.com)."""

from ipaddress import ip_network

from dns.resolver import NXDOMAIN, NoAnswer
from ipwhois.asn import IPASN
from ipwhois.exceptions import ASNLookupError, ASNRegistryError
from ipwhois.net import Net

from enrich.values import Origin


def ask_origin(net: Net) -> Origin | None:
    """Ask for the origin of ipwhois' address; None where nobody announces it, or no registry that we know gave it out.

    IPASN.lookup() would not tell an address without an origin from name servers that do not answer. Raises ipwhois'
    ASNLookupError with dnspython's exception as its context, and ASNParseError.
    """
    try:
        texts = [str(text) for text in net.get_asn_dns()]
    except ASNLookupError as error:
        if isinstance(error.__context__, NXDOMAIN | NoAnswer):
            return None
        raise
    announced = [fields for text in texts if (fields := _fields(net, text))]
    if not announced:
        return None
    narrowest = max(announced, key=lambda fields: ip_network(fields["asn_cidr"]).prefixlen)
    return Origin(narrowest["asn_registry"], _number(narrowest["asn"]), narrowest["asn_country_code"] or None)


def _fields(net: Net, text: str) -> dict[str, str] | None:
    """Read `64500 | 192.0.2.0/24 | US | arin | 2010-01-01`."""
    try:
        fields: dict[str, str] = IPASN(net).parse_fields_dns(text)
    except ASNRegistryError:
        return None
    return fields


def _number(text: str) -> int | None:
    """Take the first of several systems that announce the same network: `64500 64501`."""
    first, *_ = [*text.split(), ""]
    return int(first) if first.isdecimal() else None
