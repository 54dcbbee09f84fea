"""What is wrong with a link.

LinkError
├── BadLink          a parameter is missing, given twice or out of its form
└── UntrustedLink    it is understood, and may not open anything
"""


class LinkError(Exception):
    """Root of what is wrong with a link."""


class BadLink(LinkError):
    """A parameter is missing, given twice or out of its form.

    Args:
        parameter: its name, from our own list; "" when nobody knows that name.
    """

    def __init__(self, parameter: str) -> None:
        super().__init__(f"the link is not understood: {parameter or 'a parameter that has no such name'}")
        self.parameter = parameter


class UntrustedLink(LinkError):
    """The link may not open anything.

    Args:
        why: "unsigned", "launcher", "signature", "early", "late", "used" or "many"; for the log and the engineer,
            never for whoever holds the link.
    """

    def __init__(self, why: str) -> None:
        super().__init__(f"the link is not trusted: {why}")
        self.why = why
