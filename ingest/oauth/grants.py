"""What a token endpoint gives, as a value."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Grant:
    """An access token, and for how many seconds it is good from the moment it was asked for."""

    token: str = field(repr=False)
    seconds: float
