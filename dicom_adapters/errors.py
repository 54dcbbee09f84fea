"""What DICOM input can be refused for, beside what guarantee/errors.py says.

    PortError (guarantee/errors.py)
    ├── MalformedInstance        these bytes are not an instance that we may keep; sending them again will not help
    ├── NotExportable            this object does not leave under a pseudonym: the message says why
    └── RequestRefused           what a peer asks of us is refused, with a status of DIMSE

Codes of ``MalformedInstance``, stable for tables, metrics and translations:

    not-dicom               no PS3.10 preamble, prefix or file meta information
    executable              the preamble is that of a program or a script
    truncated               a length points beyond the end of the file
    broken                  lengths, items or delimiters contradict each other
    stray-group             command or file meta elements inside the data set
    repeated-element        an element that identifies or places the instance, or its pixels, occurs twice
    too-deep                sequences nested deeper than we follow
    too-many-elements       more elements than we follow
    header-too-large        more header than we read
    deflated                a deflated transfer syntax
    instance-too-large      more bytes than the listener takes for one instance
    uid-missing, uid-form   a UID that names the instance is absent, or is not one
    rejection-unreadable    a rejection note that does not say clearly what it rejects
    class-mismatch          the data set is not the instance that was announced
"""

from guarantee.errors import PortError


class MalformedInstance(PortError):
    """These bytes are not an instance that we may keep; sending them again will not help."""


class NotExportable(PortError):
    """This object does not leave under a pseudonym.

    Codes: "burned-in", "recognizable", "overlay-in-pixels", "document", "deflated", "unreadable", "element-too-large",
    "secret-short", "option-unknown".
    """


class RequestRefused(PortError):
    """What a peer asks of us is refused.

    Args:
        status: PS3.7, Annex C.
        code, detail: recorded; no patient data.
    """

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.status = status
