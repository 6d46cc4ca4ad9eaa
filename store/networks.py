"""Networks as registered: answers in, and what is known of an address's network out.

Ranges are compared as 16 bytes, alike on both engines.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from enrich.addresses import group, key
from enrich.values import Address, Network, NotFound
from store.reports import next_key
from store.schema import network


@dataclass(frozen=True, slots=True)
class Cached:
    """An answer that is still good."""

    key: int
    """network.id"""
    state: str
    """found or not_found"""
    good_until: datetime


def cached(connection: Connection, address: Address, now: datetime) -> Cached | None:
    """Find the narrowest network around an address whose answer is still good.

    No range is wider than a /24 or /48, so that only those that begin within the address's own are looked at.
    """
    columns, here = network.c, key(address)
    near = columns.first_address.between(key(group(address).network_address), here)
    query = select(columns.id, columns.state, columns.good_until)
    query = query.where(near, columns.last_address >= here, columns.good_until > now)
    found = connection.execute(
        query.order_by(columns.first_address.desc(), columns.last_address).limit(1)
    ).first()
    return found and Cached(*found)


def put(connection: Connection, answer: Network | NotFound, now: datetime, good_until: datetime) -> int:
    """Keep an answer, in the place of an older one about the same range; return its key.

    What a registry once said tells more than a file does, however old it is: it stays.
    """
    columns, row = network.c, _row(answer, now, good_until)
    same = (columns.first_address == row["first_address"], columns.last_address == row["last_address"])
    old = connection.execute(select(columns.id, columns.registry).where(*same)).first()
    if old is not None:
        if answer.registry is not None or old.registry is None:
            connection.execute(update(network).where(columns.id == old.id), row)
        return int(old.id)
    new = next_key(connection, network)
    connection.execute(insert(network), {"id": new, **row})
    return new


def _row(answer: Network | NotFound, now: datetime, good_until: datetime) -> dict[str, Any]:
    found = answer if isinstance(answer, Network) else None
    return {
        "first_address": key(answer.first),
        "last_address": key(answer.last),
        "handle": found and found.handle,
        "name": found and found.name,
        "owner": found and found.owner,
        "country": found and found.country,
        "registry": answer.registry,
        "asn": found and found.asn,
        "as_name": found and found.as_name,
        "registered": found and found.registered,
        "state": "found" if found else "not_found",
        "fetched_at": now,
        "good_until": good_until,
    }
