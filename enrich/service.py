"""One service of the catalogue: whoever holds one may trust it."""

import re
from fnmatch import fnmatchcase
from functools import cache
from typing import Annotated, Final, Literal

from publicsuffixlist import PublicSuffixList
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Kind = Literal[
    "mailbox",
    "bulk",
    "transactional",
    "crm",
    "marketing",
    "tickets",
    "hr",
    "survey",
    "shop",
    "collaboration",
    "gateway",
    "forwarder",
    "list",
    "hoster",
    "relay",
    "other",
]

COMMON_SELECTORS: Final = frozenset(
    {"default", "dkim", "email", "k1", "key", "key1", "mail", "mail1", "mx", "s", "s1", "s2", "sel", "sel1", "smtp"}
)  # fmt: skip
"""What anybody may call a key: it tells a service only where the machine does too, and no shape may cover it by chance."""

_DOMAIN = re.compile(
    r"(?=.{4,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"
)
_SELECTOR = re.compile(r"[a-z0-9._*?\[\]!-]+")


def _domain(name: str) -> str:
    if not _DOMAIN.fullmatch(name):
        raise ValueError(
            f'"{name}" must be a domain name in lower case such as "mail.example.org"; it covers those below it'
        )
    if _suffixes().publicsuffix(name) == name:
        raise ValueError(f'"{name}" is a public suffix: name a domain that belongs to the service')
    return name


@cache
def _suffixes() -> PublicSuffixList:
    """Read the registries' part of the list: hosters put names of their own into the other part."""
    return PublicSuffixList(accept_unknown=True, only_icann=True)


def _selector(shape: str) -> str:
    if not _SELECTOR.fullmatch(shape):
        raise ValueError(f'"{shape}" must be a selector in lower case; * and ? stand for what varies')
    covered = sorted(name for name in COMMON_SELECTORS - {shape} if fnmatchcase(name, shape))
    if covered:
        raise ValueError(f'"{shape}" is too wide: it covers "{covered[0]}", which anybody may use')
    return shape


def _owner(name: str) -> str:
    if not words(name):
        raise ValueError(f'"{name}" must be the words with which the registered owner begins')
    return name


def _sentences(text: str) -> str:
    if len(text.split()) < 2 or not text.endswith(".") or text != text.strip():  # noqa: PLR2004 (a sentence has two words)
        raise ValueError(
            'must be one to three sentences that end with a full stop; if it cannot be done, say "cannot"'
        )
    return text


def _url(text: str) -> str:
    if not re.fullmatch(r"https://[!-~]+", text):
        raise ValueError('must be the address of a page such as "https://www.example.org/"')
    return text


def words(name: str) -> tuple[str, ...]:
    """Give the words of an owner's name, in which it is compared: letters and digits, whatever their case."""
    return tuple(re.findall(r"[^\W_]+", name.casefold()))


Name = Annotated[str, Field(min_length=1)]
Domains = tuple[Annotated[str, AfterValidator(_domain)], ...]
Selectors = tuple[Annotated[str, AfterValidator(_selector)], ...]
Owners = tuple[Annotated[str, AfterValidator(_owner)], ...]
Asns = tuple[Annotated[int, Field(ge=1, lt=1 << 32)], ...]
Sentences = Annotated[str, AfterValidator(_sentences)]


class Service(BaseModel):
    """One service that sends or relays mail."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    kind: Kind
    url: Annotated[str, AfterValidator(_url)]
    """Where its own documentation begins."""
    signs: bool
    """It can sign with its customer's domain."""
    aligns_spf: bool
    """Its return path can be the customer's domain or one below it."""
    scans: bool = False
    """A gateway that also stands before recipients, and puts what it has scanned back on its way."""
    dkim_domains: Domains = ()
    """d= of its own signatures; here and below, a domain covers those below it."""
    selectors: Selectors = ()
    """Shapes (fnmatch) of the selectors with which it signs as its customer."""
    return_paths: Domains = ()
    """Domains of its own return paths."""
    spf_includes: Domains = ()
    """What customers put into their SPF record."""
    names: Domains = ()
    """What the reverse names of its outgoing servers end with."""
    owners: Owners = ()
    """Words with which the registered owner of its networks begins."""
    asns: Asns = ()
    """Autonomous systems that are its own."""
    dkim_step: Sentences
    """What its administrator does where DKIM fails or is missing."""
    spf_step: Sentences
    """The same for SPF."""

    @model_validator(mode="after")
    def _fits(self) -> "Service":
        if self.scans and self.kind != "gateway":
            raise ValueError('scans is for a gateway: remove it, or write kind = "gateway"')
        evidence = (self.dkim_domains, self.selectors, self.return_paths, self.names, self.owners, self.asns)
        if self.kind != "relay" and not any(evidence):
            raise ValueError(
                "cannot be recognised: give dkim_domains, selectors, return_paths, names, owners or asns"
            )
        return self
