"""DICOMweb's studies, images and drafts, over the store, the vault and the renderer: what the desk hands its routes.

It renders drafts and keeps none; it is given nothing that could send one.
"""

import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from threading import Lock
from typing import Any, Final, Generic, TypeVar

from bridge import accounts
from bridge.db.store import SqlStore
from bridge.db.studies import Wanted
from bridge.flows import viewing
from bridge.flows.review import Review
from bridge.web.dicomweb import Admission, Attributes, Instance, Pixels, Search, Viewer, Waiting
from bridge.web.errors import TooManyAttempts
from bridge.wiring.first_reads import shown_at_the_desk
from dicom_adapters.image.attributes import attributes
from dicom_adapters.image.retrieved import decoded_frame, encoding_of, stored_frame
from dicom_adapters.render.draft import Draft, draft_uid
from dicom_adapters.render.renderer import DicomRenderer, Options
from guarantee.case import Case, CaseKind, Manifest, Source
from guarantee.content import Content
from guarantee.errors import Absent, BlobMissing, NotEligible, Refused
from guarantee.ids import Digest, ResultId, digest
from guarantee.opinion import Reader
from guarantee.states import ResultState

LOOKED_AT_MAX: Final = 10_000
"""Studies whose patient's name is compared, newest first: about 0.3 s. Beyond, a name alone does not find them."""

RESULTS_MAX: Final = 200
"""Results of one study that are looked at. A study has a handful."""

DRAFTS_KEPT: Final = 4
"""Rendered drafts kept in memory, 20 MB for ten organs on 600 slices: a viewer asks for one again and again."""

DESCRIBED_KEPT: Final = 4_000
"""Instances whose attributes are kept in memory, about 15 kB each: metadata first, then frame by frame."""

PIECE_BYTES: Final = 1024 * 1024

UNOPENED: Final = timedelta(minutes=10)
"""How long a token waits for its viewer: to start a Java program on a slow post takes a minute."""

ADMITTED: Final = timedelta(hours=1)
"""Longest life of a token, however long its session lives: then its row is deleted, like those of launches."""

ADMISSIONS_MAX: Final = 100
"""Tokens of one session in an hour; somebody who opens each exam of a shift beside it needs thirty."""

_KINDS: Final = ("seg-series", "sr-series")
_log = logging.getLogger("aval.desk")
K = TypeVar("K")
V = TypeVar("V")


class Kept(Generic[K, V]):
    """The values that were asked for last, made once; threads may ask together."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._found: OrderedDict[K, V] = OrderedDict()
        self._lock = Lock()

    def get(self, key: K, make: Callable[[], V]) -> V:
        """Return the value of ``key``; make it when it is not here."""
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]
        made = make()
        with self._lock:
            self._found[key] = made
            while len(self._found) > self._most:
                self._found.popitem(last=False)
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class RealImaging:
    """Implements bridge.web.dicomweb.Imaging."""

    store: SqlStore
    review: Review
    sign_ins: accounts.Desk
    options: Options
    _drafts: Kept[tuple[ResultId, Digest], tuple[Instance, ...]] = field(default_factory=lambda: Kept(DRAFTS_KEPT))
    _described: Kept[str, Attributes] = field(default_factory=lambda: Kept(DESCRIBED_KEPT))
    _encoded: Kept[str, Pixels] = field(default_factory=lambda: Kept(DESCRIBED_KEPT))

    def admit(self, result: str, session: str) -> Admission:
        """Let another viewer look at the study of a result."""
        now, token, holder = self.review.clock.now(), secrets.token_urlsafe(32), accounts.token_digest(session)
        with self.store.reading() as unit:
            case = shown_at_the_desk(result, unit).case
        if case.kind is not CaseKind.STUDY:
            raise Absent(result)
        with self.store.transaction("desk:viewer") as unit:
            if unit.viewings.holds(holder, ADMISSIONS_MAX):
                raise TooManyAttempts(int(ADMITTED.total_seconds()))
            unit.viewings.add(accounts.token_digest(token), holder, case.uid, now)
        _log.info("viewer.admitted result=%s", result)
        return Admission(study=case.uid, token=token, opens_within_s=int(UNOPENED.total_seconds()))

    def admitted(self, token: str) -> Viewer | None:
        """Return for whom a bearer token stands."""
        now, ticket = self.review.clock.now(), accounts.token_digest(token)
        with self.store.reading() as unit:
            found = unit.viewings.find(ticket, unused_since=now - UNOPENED, since=now - ADMITTED)
        if found is None:
            return None
        session, study, is_used = found
        sitting = accounts.session_behind(session, self.sign_ins, active=False)
        if sitting is None:
            return None
        if not is_used:
            with self.store.transaction("desk:viewer") as unit:
                unit.viewings.use(ticket, now)
        return Viewer(reader=sitting[0], study=study)

    def search(self, wanted: Search) -> Sequence[Attributes]:
        """Return the studies that fit."""
        with self.store.reading() as unit:
            cases = unit.studies.find(_wanted(wanted), LOOKED_AT_MAX)
            named = [case for case in cases if _is_named(case, wanted.name)]
            page = named[wanted.offset : wanted.offset + wanted.limit]
            modalities = unit.studies.modalities([case.uid for case in page])
        return [found for case in page if (found := self._study(case, modalities.get(case.uid, ()))) is not None]

    def images(self, study: str) -> Sequence[Instance]:
        """Return what was received of a study, and is in use."""
        return [_instance(study, source) for source in self._sources(self._case(study))]

    def waiting(self, study: str) -> Sequence[Waiting]:
        """Return the drafts of care that wait."""
        case = self._case(study)
        with self.store.reading() as unit:
            rows = unit.views.of_cases([case.id], RESULTS_MAX)
        return [
            Waiting(result=row.result.id, series=self._series_of_draft(row.result.id, row.result.draft))
            for row in rows
            if row.result.state is ResultState.AWAITING_REVIEW and row.result.draft is not None
        ]

    def draft(self, result: str, reader: Reader) -> Sequence[Instance]:
        """Return the objects of a draft, when ``reader`` may see it."""
        with self.store.reading() as unit:
            row = shown_at_the_desk(result, unit)
        shown = viewing.may_see_draft(row.result.id, reader, self.review)
        if row.result.draft != shown:
            raise Absent(result)  # it was replaced between the two looks
        found = self._drafts.get((row.result.id, shown), lambda: self._rendered(row.result.id, shown))
        _log.info("draft.viewed result=%s objects=%d", result, len(found))
        return found

    def attributes(self, instance: Instance) -> Attributes:
        """Return the attributes of an instance."""
        return self._described.get(instance.digest, lambda: attributes(self._file(instance)))

    def pixels(self, instance: Instance) -> Pixels:
        """Return how its pixels are kept."""
        return self._encoded.get(instance.digest, lambda: _pixels(self._file(instance)))

    def pieces(self, instance: Instance) -> Iterator[bytes]:
        """Yield the bytes of an instance."""
        held = self._file(instance)
        if isinstance(held, bytes):
            yield held
            return
        with held.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                yield piece

    def frame(self, instance: Instance, number: int, *, decoded: bool) -> bytes:
        """Return one frame."""
        return (decoded_frame if decoded else stored_frame)(self._file(instance), number)

    # ---------------------------------------------------------------------------------------------------- inside

    def _case(self, study: str) -> Case:
        with self.store.reading() as unit:
            found = unit.studies.find(Wanted(uids=(study,)), 1)
        if not found:
            raise Absent("no such study")
        return found[0]

    def _sources(self, case: Case) -> Sequence[Source]:
        """Return the inputs of a complete study as they were judged; of one that is being received, what is in use."""
        if case.manifest is not None:
            return Manifest.from_bytes(self.review.vault.get(case.manifest)).sources
        with self.store.reading() as unit:
            inputs = unit.cases.inputs(CaseKind.STUDY, case.uid)
        return [one.source for one in inputs if one.is_used]

    def _study(self, case: Case, modalities: Sequence[str]) -> Attributes | None:
        """Return a study's attributes: the patient as we know them, the rest as its first image says."""
        images = [_instance(case.uid, source) for source in self._sources(case)]
        if not images:
            return None
        try:
            header = self.attributes(images[0])
        except (NotEligible, BlobMissing):  # one broken image must not hide a patient's other studies
            header = {}
        counts = {"00201206": len({image.series for image in images}), "00201208": len(images)}
        known = _identity(case) | {"00080061": {"vr": "CS", "Value": list(modalities)}}
        return {**header, **known, **{tag: {"vr": "IS", "Value": [count]} for tag, count in counts.items()}}

    def _series_of_draft(self, result: ResultId, draft: Digest) -> tuple[str, ...]:
        return tuple(draft_uid(kind, result, draft, self.options.site_namespace) for kind in _KINDS)

    def _rendered(self, result_id: ResultId, shown: Digest) -> tuple[Instance, ...]:
        with self.store.reading() as unit:
            row = shown_at_the_desk(result_id, unit)
        card = self.review.catalogue.card_of(row.result.model.id)
        if card is None:
            raise Refused(f"the card of {row.result.model.id} is not installed here; its draft cannot be rendered")
        vault = self.review.vault
        draft = Draft(
            result=row.result,
            case=row.case,
            card=card,
            content=Content.from_bytes(vault.get(shown)),
            sources=Manifest.from_bytes(vault.get(row.result.manifest)).sources,
            at=row.moved_at,
        )
        seg_series, sr_series = self._series_of_draft(result_id, shown)
        return tuple(
            Instance(
                study=row.case.uid,
                series=seg_series if made.name == "draft-seg" else sr_series,
                uid=made.uid,
                kind=attributes(made.data)["00080016"]["Value"][0],
                digest=digest(made.data),
                draft=result_id,
                data=made.data,
            )
            for made in DicomRenderer(self.options, vault.get).render_draft(draft)
        )

    def _file(self, instance: Instance) -> bytes | Path:
        return instance.data or self.review.vault.path(Digest(instance.digest))


def _instance(study: str, source: Source) -> Instance:
    return Instance(study=study, series=source.group, uid=source.uid, kind=source.kind, digest=source.digest)


def _pixels(data: bytes | Path) -> Pixels:
    found = encoding_of(data)
    return Pixels(syntax=found.syntax, media_type=found.media_type, frames=found.frames)


def _wanted(search: Search) -> Wanted:
    return Wanted(
        uids=search.studies,
        patient=search.patient,
        accession=search.accession,
        first_day=search.first_day,
        last_day=search.last_day,
        modality=search.modality,
    )


def _is_named(case: Case, pattern: str) -> bool:
    """Return whether the patient's name fits in one of its writings."""
    if not pattern:
        return True
    escaped = pattern.casefold().replace("[", "[[]")
    names = [case.patient.name, *case.patient.name.split("=")]
    return any(fnmatchcase(name.casefold(), escaped) for name in names)


def _identity(case: Case) -> dict[str, Mapping[str, Any]]:
    who = case.patient
    groups = zip(("Alphabetic", "Ideographic", "Phonetic"), who.name.split("="), strict=False)
    day, _, moment = case.started.partition("T")
    said: dict[str, tuple[str, Any]] = {
        "00080020": ("DA", day.replace("-", "")),
        "00080030": ("TM", moment.replace(":", "")),
        "00080050": ("SH", case.order),
        "00081030": ("LO", case.description),
        "00100010": ("PN", {name: group for name, group in groups if group}),
        "00100020": ("LO", who.identifier),
        "00100021": ("LO", who.issuer),
        "00100030": ("DA", who.birth_date.replace("-", "")),
        "00100040": ("CS", who.sex),
        "0020000D": ("UI", case.uid),
    }
    return {tag: {"vr": vr, "Value": [value]} if value else {"vr": vr} for tag, (vr, value) in said.items()}
