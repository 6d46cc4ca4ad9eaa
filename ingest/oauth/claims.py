"""What an access token says about itself: the token in, its claims out; not verified, which only its server can do."""

import binascii
import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any

Claims = Mapping[str, Any]
"""Of a JWT (RFC 7519 4, RFC 9068 2.2): names as the issuer writes them, values of whatever kind."""

FOR_EVER = 1e12
"""Seconds; more is no time."""


def read(token: str) -> Claims | None:
    """Read a token's claims; None if it is opaque, as Google's are."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 (header, claims, signature: RFC 7515 7.1)
        return None
    try:
        claims = json.loads(urlsafe_b64decode(parts[1] + "=="))
    except (binascii.Error, ValueError):
        return None
    return claims if isinstance(claims, dict) else None


def texts(claims: Claims, *names: str) -> list[str]:
    """Give every text that stands under these names; words of one text apart (RFC 8693 4.2), as lists keep theirs."""
    found: list[str] = []
    for name in names:
        value = claims.get(name)
        if isinstance(value, str):
            found += value.split()
        elif isinstance(value, list):
            found += [text for text in value if isinstance(text, str)]
    return found


def seconds(claims: Claims, name: str, default: float) -> float:
    """Give a time (RFC 7519 2, NumericDate: seconds since 1970)."""
    value = claims.get(name)
    return float(value) if isinstance(value, int | float) and abs(value) < FOR_EVER else default
