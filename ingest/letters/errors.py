"""Why something could not be handed over."""


class DeliveryError(Exception):
    """A letter or an alert was not taken; `reason` says why in one line, without a secret.

    `temporary` tells what another try may mend, or a person before it, from a refusal of this very letter.
    """

    def __init__(self, reason: str, *, temporary: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.temporary = temporary
