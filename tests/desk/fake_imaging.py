"""DICOMweb of a desk in memory: it has no study. tests/dicomweb asks a real one."""

from collections.abc import Iterator, Sequence

from bridge.web.dicomweb import Admission, Attributes, Instance, Pixels, Search, Viewer, Waiting
from guarantee.errors import Absent
from guarantee.opinion import Reader


class FakeImaging:
    """Nothing is here."""

    def admit(self, result: str, session: str) -> Admission:
        return Admission(study="1.2.3", token="t" * 43, opens_within_s=600)

    def admitted(self, token: str) -> Viewer | None:
        return None

    def search(self, wanted: Search) -> Sequence[Attributes]:
        return []

    def images(self, study: str) -> Sequence[Instance]:
        raise Absent("no such study")

    def waiting(self, study: str) -> Sequence[Waiting]:
        return []

    def draft(self, result: str, reader: Reader) -> Sequence[Instance]:
        raise Absent("no such result")

    def attributes(self, instance: Instance) -> Attributes:
        raise Absent("no such instance")

    def pixels(self, instance: Instance) -> Pixels:
        raise Absent("no such instance")

    def pieces(self, instance: Instance) -> Iterator[bytes]:
        raise Absent("no such instance")

    def frame(self, instance: Instance, number: int, *, decoded: bool) -> bytes:
        raise Absent("no such instance")
