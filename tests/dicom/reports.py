"""Reports as the adapter renders them: of every kind of endorsed content, and what is in them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from io import BytesIO

from pydicom import dcmread
from pydicom.dataset import Dataset

from dicom_adapters.render.envelope import Options
from dicom_adapters.render.renderer import DicomRenderer
from guarantee.agreement import disagreement
from guarantee.amend import AddedFinding, Edits, FindingEdit, QuantityEdit
from guarantee.content import Content, Presence, Text
from guarantee.policy import Role
from guarantee.ports import Endorsed, Rendered
from tests.dicom import endorsements as e
from tests.guarantee.samples import prepared_by


def rendered(scene: e.Scene, endorsed: Endorsed, options: Options = e.OPTIONS) -> Sequence[Rendered]:
    return DicomRenderer(options, scene.read).render(endorsed)


def report_of(objects: Sequence[Rendered]) -> Dataset:
    (data,) = (o.data for o in objects if o.name == "sr")
    return dcmread(BytesIO(data))


def said(objects: Sequence[Rendered], content: Content) -> str | None:
    return disagreement(DicomRenderer(e.OPTIONS, lambda _: b"").read_back(objects), content)


def plain(scene: e.Scene) -> Endorsed:
    return e.endorse(scene, e.content(scene))


def amended(scene: e.Scene) -> Endorsed:
    edits = Edits(
        report="Volume cérébral mesuré à nouveau : 1 502 mL.",
        findings=(FindingEdit(key="brain", quantities=(QuantityEdit(index=0, value=Decimal("1502")),)),),
        added=(AddedFinding(label="Petite séquelle lacunaire droite – à contrôler"),),
    )
    return e.endorse(scene, e.content(scene), edits=edits)


def rejected_finding(scene: e.Scene) -> Endorsed:
    masks = [scene.mask(lambda v: v[1:3, 2:9, 3:11].fill(1)), scene.mask(lambda v: v[2:5, 20:30, 20:28].fill(1))]
    findings = tuple(
        e.finding(f"nodule-{n}", segment=n, type=e.NODULE, category=e.ABNORMAL, quantities=(e.quantity(f"{n}.50"),))
        for n in (1, 2)
    )
    draft = e.content(scene, findings=findings, segments=tuple(e.segment(n, m) for n, m in enumerate(masks, start=1)))
    return e.endorse(scene, draft, edits=Edits(findings=(FindingEdit(key="nodule-1", keep=False),)))


def without_place(scene: e.Scene) -> Endorsed:
    score = {"score": Decimal("0.031"), "threshold": Decimal("0.50")}
    findings = (
        e.finding("bleeding", presence=Presence.ABSENT, **score),
        e.finding("shift", presence=Presence.UNDETERMINED),
    )
    return e.endorse(scene, e.content(scene, findings=findings, segments=()))


def unplaced(scene: e.Scene) -> Endorsed:
    draft = e.content(scene, findings=(e.finding(quantities=(e.quantity("2"), e.quantity("3.50"))),), segments=())
    change = FindingEdit(key="brain", quantities=(QuantityEdit(index=0, value=Decimal("2.5")),))
    return e.endorse(scene, draft, edits=Edits(findings=(change,), added=(AddedFinding(label="Kyste arachnoïdien"),)))


def with_regions(scene: e.Scene) -> Endorsed:
    outline = ("3.5", "4", "9.25", "4", "9.25", "8.5")
    findings = (
        e.finding("one", regions=(e.region(scene, 0, *outline),), laterality=e.RIGHT),
        e.finding("point", regions=(e.region(scene, 1, "10.5", "11.5"),)),
        e.finding("two", regions=(e.region(scene, 1, *outline), e.region(scene, 2, *outline))),
    )
    return e.endorse(scene, e.content(scene, findings=findings, segments=()))


def nothing_left(scene: e.Scene) -> Endorsed:
    draft = e.content(scene, findings=(e.finding(),), segments=())
    edits = Edits(report="Constatation de l’IA écartée.", findings=(FindingEdit(key="brain", keep=False),))
    return e.endorse(scene, draft, edits=edits)


def four_eyes(scene: e.Scene) -> Endorsed:
    cautions = (Text(fr="Série peu contrastée : volume à interpréter avec prudence.", en="Low contrast."),)
    draft = e.content(scene, cautions=cautions, key_images=tuple(e.key_image(scene, n) for n in (0, 2, 4)))
    return e.endorse(scene, draft, readers=(e.READER, e.SECOND))


def cosigned(scene: e.Scene) -> Endorsed:
    """A learner prepared it, and the reader co-signed."""
    endorsed = plain(scene)
    learner = replace(e.READER, login="interne", name="NOVICE^Zoé", professional_id="810009999999", role=Role.LEARNER)
    return replace(endorsed, preparation=prepared_by(learner, endorsed.opinions[0]))


VARIANTS: Sequence[Callable[[e.Scene], Endorsed]] = (
    plain,
    amended,
    rejected_finding,
    without_place,
    unplaced,
    with_regions,
    nothing_left,
    four_eyes,
    cosigned,
)


def items(parent: Dataset) -> list[Dataset]:
    own = list(parent.get("ContentSequence", []))
    return own + [below for item in own for below in items(item)]


def concept(item: Dataset) -> str:
    return str(item.ConceptNameCodeSequence[0].get("CodeValue", ""))


def changed(change: Callable[[Dataset], None]) -> list[Dataset]:
    datasets = e.samples.series("MR", slices=6)
    for dataset in datasets:
        change(dataset)
    return datasets


def with_name(data: bytes, name: str) -> bytes:
    """Put a name into a file that pydicom would not write."""
    old = "DURAND^Élodie".encode()
    new = name.encode() + b" " * (len(name.encode()) % 2)
    return data.replace(
        b"PN" + (len(old) + len(old) % 2).to_bytes(2, "little") + old + b" " * (len(old) % 2),
        b"PN" + len(new).to_bytes(2, "little") + new,
    )
