"""Name servers as they are set, for dnspython."""

from collections.abc import Iterable

from dns.nameserver import Do53Nameserver, Nameserver


def name_servers(texts: Iterable[str]) -> list[Nameserver]:
    """Read `192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53`, `[2001:db8::53]:5353`."""
    return [_name_server(text) for text in texts]


def _name_server(text: str) -> Nameserver:
    host, _, port = text.rpartition(":") if text.count(":") == 1 or "]:" in text else (text, "", "53")
    return Do53Nameserver(host.strip("[]"), int(port))
