"""Addresses that are due in, those to ask about out: one speaks for its /24 or /48 until the answer is there."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network

from enrich import addresses
from enrich.values import Address
from store.lookups import Due


@dataclass(slots=True)
class Group:
    """What waits in one /24 or /48, most messages first."""

    around: IPv4Network | IPv6Network
    waiting: dict[Address, Due] = field(default_factory=dict)

    @property
    def speaker(self) -> Address:
        """The address to ask about: the first, but after a failure the next, in turn."""
        waiting = list(self.waiting)
        return waiting[self.waiting[waiting[0]].failures % len(waiting)]


class Groups:
    """All that waits for an answer."""

    def __init__(self) -> None:
        self._groups: dict[IPv4Network | IPv6Network, Group] = {}
        self.waiting = 0

    def add(self, due: Iterable[Due]) -> list[Group]:
        """Take addresses, those that wait already left out; give the groups that have nobody to speak for them yet."""
        new = []
        for each in due:
            address = addresses.parse(each.source_ip)
            around = addresses.group(address)
            if around not in self._groups:
                new.append(self._groups.setdefault(around, Group(around)))
            group = self._groups[around]
            self.waiting += address not in group.waiting
            group.waiting.setdefault(address, each)
        return new

    def of(self, address: Address) -> Group:
        """Give the group that an address waits in."""
        return self._groups[addresses.group(address)]

    def take(self, group: Group, answered: Iterable[Address]) -> list[Due]:
        """Let addresses wait no longer; a group with nobody in it is forgotten."""
        taken = [group.waiting.pop(address) for address in list(answered)]
        self.waiting -= len(taken)
        if not group.waiting:
            del self._groups[group.around]
        return taken
