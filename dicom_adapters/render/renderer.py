"""The Renderer port for a PACS: an endorsed content becomes a segmentation and a structured report.

Nothing here asks the time, draws a number or keeps anything: the same endorsement gives the same bytes, in this process
and in any other.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pydicom.dataset import Dataset

from dicom_adapters.render.draft import Draft, Subject
from dicom_adapters.render.envelope import Options, Software, encode
from dicom_adapters.render.read_back import read_back
from dicom_adapters.render.rejection import build_rejection
from dicom_adapters.render.report import build_report
from dicom_adapters.render.segmentation import build_segmentation
from dicom_adapters.render.source import Read, Sources
from dicom_adapters.render.spelling import choose_charset
from guarantee.errors import Malformed
from guarantee.ports import Endorsed, ReadBack, Rendered, Withdrawn

__all__ = ["DicomRenderer", "Options", "Software"]

MEDIA_TYPE: Final = "application/dicom"


class DicomRenderer:
    """Implements guarantee.ports.Renderer.

    Args:
        read: returns the bytes of a digest, as Vault.get does.
    """

    def __init__(self, options: Options, read: Read) -> None:
        self._options = options
        self._read = read

    def render(self, endorsed: Endorsed) -> Sequence[Rendered]:
        """Return the objects to send: the segmentation first, when there is one, the report last.

        Raises:
            Malformed: not about images, or something of the content cannot be written whole; the message says what.
            BlobMissing: the vault does not hold a source image or a mask.
        """
        if endorsed.decision.content != endorsed.content.digest:
            raise Malformed(f"the content is not the one that decision {endorsed.decision.id} is about")
        return self._objects(endorsed)

    def render_draft(self, draft: Draft) -> Sequence[Rendered]:
        """Return the objects of ``draft`` to look at, named "draft-seg" and "draft-sr"; none of them may be sent.

        Raises:
            Malformed: not about images, or something of the content cannot be written whole.
            BlobMissing: the vault does not hold a source image or a mask.
        """
        return tuple(replace(made, name=f"draft-{made.name}") for made in self._objects(draft))

    def read_back(self, objects: Sequence[Rendered]) -> ReadBack:
        """Return what ``objects`` say, from their bytes alone.

        Raises:
            Malformed: they cannot be read, or contradict each other.
        """
        return read_back(objects)

    def render_withdrawal(self, withdrawn: Withdrawn) -> Sequence[Rendered]:
        """Return one rejection note that lists every object of ``withdrawn.package``.

        Raises:
            Malformed: the package holds no DICOM object.
            BlobMissing: the vault no longer holds what was sent.
        """
        note = build_rejection(withdrawn, self._read, self._options)
        return (self._rendered("rejection-note", note, withdrawn.original.content.language),)

    def _objects(self, subject: Subject) -> tuple[Rendered, ...]:
        sources = Sources(subject, self._read)
        outputs, objects = self._options.outputs, []
        segmentation = None
        if "seg" in outputs and subject.content.segments:
            segmentation = build_segmentation(subject, sources, self._read, self._options)
            objects.append(("seg", segmentation.dataset))
        if "sr" in outputs:
            objects.append(("sr", build_report(subject, sources, segmentation, self._options)))
        if not objects:
            raise Malformed(f"outputs {outputs} leave nothing to send of a content without segments")
        language = subject.content.language
        return tuple(self._rendered(name, dataset, language) for name, dataset in objects)

    def _rendered(self, name: str, dataset: Dataset, language: str) -> Rendered:
        choose_charset(dataset, self._options, language)
        data = encode(dataset, self._options)
        return Rendered(name=name, media_type=MEDIA_TYPE, uid=str(dataset.SOPInstanceUID), data=data)
