"""What the listener serves beside C-ECHO and C-STORE: each service names its contexts and answers its requests."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final, Protocol, TypeAlias

from pydicom.dataset import Dataset
from pynetdicom.dsutils import decode
from pynetdicom.presentation import PresentationContext

from dicom_adapters.associate.reception import NOTICE_BYTES_MAX, Overflow
from dicom_adapters.errors import MalformedInstance, RequestRefused
from dicom_adapters.read.nested import INVALID_VALUE
from dicom_adapters.read.structure import Encoding, walk
from guarantee.errors import PortError

SUCCESS: Final = 0x0000
PROCESSING_FAILURE: Final = 0x0110
DUPLICATE_INSTANCE: Final = 0x0111
NO_SUCH_INSTANCE: Final = 0x0112
NO_SUCH_ACTION: Final = 0x0123
NOT_AUTHORISED: Final = 0x0124
RESOURCES: Final = 0x0213
"""Statuses of normalised services (PS3.7, Annex C)."""

Reply: TypeAlias = tuple[int, Dataset | None]
"""A status, and what goes with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, on an association that was admitted.

    Args:
        name: from the configuration.
        aet: calling AE title.
    """

    name: str
    aet: str


Serve: TypeAlias = Callable[[Any, Caller], Reply]


class Service(Protocol):
    """One service, or several that share their messages."""

    @property
    def contexts(self) -> Sequence[PresentationContext]:
        """Presentation contexts it accepts."""

    @property
    def handlers(self) -> Mapping[Any, Serve]:
        """What answers each event of pynetdicom. It raises a PortError when it cannot, RequestRefused to say why."""

    def stop(self) -> None:
        """End; what is under way is given up."""


def answered(serve: Serve, event: Any, caller: Caller, turn_away: Callable[[str, str, str], object]) -> Reply:
    """Return the answer to a request; a refusal is recorded through ``turn_away``."""
    try:
        return serve(event, caller)
    except RequestRefused as refusal:
        status, code, detail = refusal.status, refusal.code, refusal.detail
    except PortError as error:
        status, code, detail = RESOURCES, error.code, error.detail
    except Exception as error:  # noqa: BLE001 - the boundary to pynetdicom: never success, never a crash
        status, code, detail = PROCESSING_FAILURE, "unexpected", type(error).__name__
    turn_away(caller.name, code, detail)
    return status, None


def read_dataset(request: Any, context: Any, attribute: str) -> Dataset:
    """Return the data set of a request, once its structure is known to be harmless.

    Args:
        attribute: of pynetdicom's primitive, e.g. "AttributeList".

    Raises:
        RequestRefused: none, too long, or not readable.
    """
    received = getattr(request, attribute)
    if received is None:
        raise RequestRefused(INVALID_VALUE, "no-data-set", "the request has no data set")
    data = b"" if isinstance(received, Overflow) else received.getvalue()
    if isinstance(received, Overflow) or len(data) > NOTICE_BYTES_MAX:
        raise RequestRefused(RESOURCES, "notice-too-large", f"more than {NOTICE_BYTES_MAX} bytes")
    syntax = context.transfer_syntax
    encoding = Encoding(implicit=syntax.is_implicit_VR, little=syntax.is_little_endian)
    try:
        walk(data, 0, encoding, frozenset())
        return decode(BytesIO(data), syntax.is_implicit_VR, syntax.is_little_endian)
    except MalformedInstance as error:
        raise RequestRefused(INVALID_VALUE, error.code, "the data set cannot be read") from error
