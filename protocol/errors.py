"""Whose doing it was: theirs (a peer broke a rule) or ours (a person typed what cannot be)."""


class RemoteProtocolError(Exception):
    """Bytes from elsewhere broke a rule of SPEC.md.

    `rule` is the rule's number ("R2.3"); `penalty` is what the sender pays, in points: 0 where an
    honest peer of another age could have sent it.
    """

    def __init__(self, rule: str, message: str, penalty: int = 10) -> None:
        super().__init__(f"{rule}: {message}")
        self.rule = rule
        self.penalty = penalty
        self.message = message


class LocalProtocolError(ValueError):
    """What the person at this node asked for cannot be published.

    The message is one line that says what is allowed; `field` names the part at fault, if any.
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field
