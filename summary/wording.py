"""A group of evidence in; why it has its verdict, and what a mail administrator does next, out, in words."""

from collections.abc import Callable, Sequence
from typing import Final

from summary.groups import Group
from summary.reading import Dkim, Spf
from summary.verdicts import Cause

LONGEST = 80
"""Characters of a name that a stranger chose."""
NAMED = 2
"""Names in a sentence; the others are counted."""


def reason(group: Group) -> str:
    """Say in one sentence why the group has its verdict."""
    text = _REASONS[group.cause](group) + _ending(group)
    return f"{text[0].upper()}{text[1:]}."


def next_step(group: Group) -> str | None:
    """Say what to do next; None: nothing."""
    make = _STEPS.get(group.cause)
    return make(group) if make else None


# --- how DKIM and SPF stand


def dkim(group: Group) -> str:
    """Say how DKIM stands."""
    key = _keys(group)
    match group.dkim:
        case Dkim.PASSES:
            return f"DKIM passes{key}"
        case Dkim.UNALIGNED:
            return f"its signature{key} verifies and does not count for {_names(group.authors)}"
        case Dkim.TEMPORARY:
            return f"receivers could not fetch the key of its signature{key}"
        case Dkim.BROKEN:
            return f"its DKIM signature{key} does not verify"
        case Dkim.OTHERS:
            return f"it is signed only as {_names(group.signers)}, not as {_names(group.authors)}"
        case Dkim.NONE:
            return "it has no DKIM signature that verifies" if group.signers else "it has no DKIM signature"


def spf(group: Group) -> str:
    """Say how SPF stands."""
    name, result = group.checked[0] if group.checked else ("", "")
    match group.spf:
        case Spf.PASSES:
            return "SPF passes for the machine's name" if group.main[0].reading.automatic else "SPF passes"
        case Spf.UNALIGNED:
            return f"SPF passes for {_short(name)} and does not count for {_names(group.authors)}"
        case Spf.TEMPORARY:
            return f"the SPF record of {_short(name)} could not be fetched"
        case Spf.REFUSED:
            return _refused(_short(name), result)
        case Spf.OTHERS:
            return f"SPF passes for {_names(group.paths)}, which does not align"
        case Spf.NONE:
            return "SPF does not pass"


def _refused(name: str, result: str) -> str:
    match result:
        case "none":
            return f"{name} has no SPF record"
        case "permerror":
            return f"the SPF record of {name} has an error in it"
        case _:
            return f"the SPF record of {name} does not list it"


def _keys(group: Group) -> str:
    """Name the signatures in brackets; empty where none is reported."""
    keys = [
        f"d={_short(domain)}" + (f" s={_short(selector)}" if selector else "")
        for domain, selector in group.keys
    ]
    return f" ({_some(keys)})" if keys else ""


def _names(names: Sequence[str]) -> str:
    return _some([_short(name) for name in names])


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMED])
    more = len(names) - NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[:LONGEST]}…"


# --- reasons


def _passes(group: Group) -> str:
    if group.dkim is Dkim.PASSES and group.spf is Spf.PASSES:
        return f"DKIM{_keys(group)} and SPF pass"
    if group.dkim is Dkim.PASSES and group.spf is Spf.OTHERS:
        return f"{dkim(group)}; its return path is its own ({_names(group.paths)}), as is usual"
    return dkim(group) if group.dkim is Dkim.PASSES else spf(group)


def _ending(group: Group) -> str:
    if group.remainder:
        share = group.remainder / group.messages
        return f"; {group.remainder:,} of {group.messages:,} messages ({share:.1%}) do not, too few to be the set-up"
    if group.cause is Cause.STRANGER and group.stopped:
        return (
            "; receivers rejected it" if group.stopped == "reject" else "; receivers put it into quarantine"
        )
    return ""


def _reported(group: Group) -> str:
    said = set(group.reasons)
    if "mailing_list" in said:
        how = "it came from a mailing list"
    elif said & {"forwarded", "trusted_forwarder"}:
        how = "it was forwarded"
    else:
        how = "it was passed on with a seal that they trust (ARC)"
    return f"receivers say that {how}: {dkim(group)}"


def _another_passes(group: Group) -> str:
    fate = "could not be checked" if group.dkim is Dkim.TEMPORARY else "did not survive"
    return f"passed on by others: your signature{_keys(group)} {fate}, and {_names(_others(group))} passes instead"


def _others(group: Group) -> list[str]:
    """Name the other organisations that pass: by their signatures, else by the return path."""
    return group.signers or group.paths


def _empty_path(group: Group) -> str:
    return f"bounces and automatic replies, whose return path is empty: {dkim(group)}, and SPF sees the machine's name alone"


def _scanned(group: Group) -> str:
    return (
        f"it scans mail for recipients and puts it back on its way, which breaks your signature{_keys(group)} and SPF; "
        "nothing of yours is wrong"
    )


def _scanned_unsure(group: Group) -> str:
    return (
        f"two are possible, a recipient's gateway that puts back what it scanned or an outgoing gateway of yours: "
        f"{dkim(group)}, and {spf(group)}"
    )


def _new_key(group: Group) -> str:
    return (
        f"two are possible, a sender of yours whose key is not published or a forged signature: it{_keys(group)} "
        "verifies nowhere"
    )


def _altered(group: Group) -> str:
    return (
        f"two are possible, mail of yours that was altered and passed on or a forged signature: it{_keys(group)} "
        "verifies elsewhere and not here"
    )


def _member(group: Group) -> str:
    return (
        "two are possible, a colleague or partner with another account there or a stranger who uses your name: "
        f"it comes from {_names(_others(group))}"
    )


_REASONS: Final[dict[Cause, Callable[[Group], str]]] = {
    Cause.PASSES: _passes,
    Cause.REMAINDER: _passes,
    Cause.SPF_ALONE: lambda group: f"passes by SPF alone, which forwarding breaks: {dkim(group)}",
    Cause.DKIM_ALONE: lambda group: f"passes by DKIM alone{_keys(group)}: {spf(group)}",
    Cause.INTACT: lambda group: f"passed on by others with your signature whole{_keys(group)}",
    Cause.REPORTED: _reported,
    Cause.FORWARDER: lambda group: f"a service that passes mail on for its users: {dkim(group)}",
    Cause.ANOTHER_PASSES: _another_passes,
    Cause.OWN: lambda group: f"{dkim(group)}, and {spf(group)}",
    Cause.SHARED: lambda group: (
        f"two are possible, yours or another customer's of this gateway: {dkim(group)}, and {spf(group)}"
    ),
    Cause.UNALIGNED: lambda group: dkim(group) if group.dkim is Dkim.UNALIGNED else spf(group),
    Cause.EMPTY_PATH: _empty_path,
    Cause.SCANNED: _scanned,
    Cause.SCANNED_UNSURE: _scanned_unsure,
    Cause.NEW_KEY: _new_key,
    Cause.ALTERED: _altered,
    Cause.MEMBER: _member,
    Cause.SENDER: lambda group: f"nothing shows that you use it: {dkim(group)}, and {spf(group)}",
    Cause.STRANGER: lambda group: f"nothing ties it to you: {dkim(group)}, and {spf(group)}",
}


# --- next steps


def _sign(group: Group) -> str:
    """Say how DKIM is mended."""
    if group.dkim is Dkim.TEMPORARY:
        return f"See that the name servers of {_names(group.authors)} answer every query in a second, large ones over TCP too."
    if group.host.service:
        return group.host.service.dkim_step
    return (
        f"Have it sign with DKIM as {_short(group.authors[0])}; what cannot sign (IIS SMTP, scanners, applications) goes out "
        "through a server or service that can."
    )


def _list(group: Group) -> str:
    if group.host.service:
        return group.host.service.spf_step
    return f"List it in the SPF record of {_short(group.checked[0][0] if group.checked else group.domain)}."


def _list_if_yours(group: Group) -> str:
    return f"If it is a machine of yours: {_list(group)} If not, nothing."


def _own(group: Group) -> str:
    service = group.host.service
    return _list(group) if service and not service.signs else _sign(group)


def _align(group: Group) -> str:
    if group.is_disputed:
        return (
            f"Nothing: what passes is the author's very domain. Ask {_names(group.reporters)} if it goes on."
        )
    tag = "adkim" if group.dkim is Dkim.UNALIGNED else "aspf"
    return f"Let it use {_short(group.authors[0])} itself, or publish {tag}=r if the record of {group.domain} says {tag}=s."


def _sign_replies(group: Group) -> str:
    author, host = _short(group.authors[0]), group.host
    if host.own or host.service is None:
        return (
            f"Have it sign bounces and automatic replies with DKIM as {author}, or greet (HELO) with a name below "
            f"{group.domain} that has an SPF record."
        )
    return (
        f"Have bounces and automatic replies signed with DKIM as {author}, at {host.who} or by a gateway on their way out: "
        "the signing rule must look at the From address, because the return path is empty."
    )


def _say_if_yours(group: Group) -> str:
    return (
        f'If {group.host.who} is your outgoing gateway, write uses = ["{group.host.key}"] below '
        f'[domains."{group.domain}"]; if not, nothing.'
    )


def _find_key(group: Group) -> str:
    domain, selector = group.keys[0] if group.keys else (group.domain, "")
    return (
        f"Ask who sends through {group.host.who}; if it is yours, publish its key as {_short(selector)}._domainkey."
        f"{_short(domain)}. If nobody knows it, nothing: a stricter policy stops it."
    )


def _ask_member(group: Group) -> str:
    return (
        f"Ask whether anybody of yours sends from there. If so, it should send from your own account at {group.host.who}, "
        f"or as {_names(_others(group))}. If not, nothing: a stricter policy stops it."
    )


def _ask(group: Group) -> str:
    return f"Ask who of you uses {group.host.who}. If somebody does: {_own(group)} If nobody does, a stricter policy stops it."


def _ignore(group: Group) -> str | None:
    if group.stopped == "reject":
        return None
    return "Nothing, unless a machine of yours stands there: a stricter policy stops it."


_STEPS: Final[dict[Cause, Callable[[Group], str | None]]] = {
    Cause.SPF_ALONE: _sign,
    Cause.DKIM_ALONE: lambda group: _list(group) if group.certain else _list_if_yours(group),
    Cause.OWN: _own,
    Cause.SHARED: lambda group: f"If it is yours: {_own(group)}",
    Cause.UNALIGNED: _align,
    Cause.EMPTY_PATH: _sign_replies,
    Cause.SCANNED_UNSURE: _say_if_yours,
    Cause.NEW_KEY: _find_key,
    Cause.ALTERED: lambda group: (
        f"Nothing, unless {group.host.who} passes mail on for you: then it must not alter what is signed."
    ),
    Cause.MEMBER: _ask_member,
    Cause.SENDER: _ask,
    Cause.STRANGER: _ignore,
}
