"""Endorsed content as one FHIR R4 transaction: a preliminary report, its findings, and who answers for them.

Everything in it comes from the release: identifiers are derived from it, times are the decision's, so the same release
always gives the same bytes. Each entry is created only if its identifier is not there yet (ifNoneExist), so sending
twice is sending once. Nothing of the patient, the stay, the order or the study is ever created or changed.
"""

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import Final
from urllib.parse import quote

from fhir_adapters import companions, texts
from fhir_adapters.context import Context, Options
from fhir_adapters.findings import READER_FINDING, observation
from fhir_adapters.read_back import read_back
from fhir_adapters.vocabulary import LOINC, V2_0074, coding, concept, identifier
from fhir_adapters.wire import Resource, write_exact
from fhir_adapters.withdrawal import withdrawal_bundle
from guarantee.errors import Malformed
from guarantee.ids import Digest
from guarantee.ports import Endorsed, ReadBack, Rendered, Withdrawn

__all__ = ["FhirRenderer", "Options"]

MEDIA_TYPE: Final = "application/fhir+json"
PART: Final = "bundle"
XHTML: Final = "http://www.w3.org/1999/xhtml"


class FhirRenderer:
    """The Renderer port for a FHIR R4 record.

    Args:
        options: names and systems of this installation.
        read: bytes of the vault by digest; a withdrawal is made of what was really sent.
    """

    def __init__(self, options: Options, read: Callable[[Digest], bytes]) -> None:
        self._options = options
        self._read = read

    def render(self, endorsed: Endorsed) -> Sequence[Rendered]:
        """Return one transaction Bundle.

        Raises:
            Malformed: the patient cannot be named to this destination.
        """
        context = Context(options=self._options, endorsed=endorsed)
        return (_rendered(endorsed.release, _transaction(context)),)

    def read_back(self, objects: Sequence[Rendered]) -> ReadBack:
        """Return what ``objects`` say, from their bytes alone; masks are not carried by FHIR.

        Raises:
            Malformed: they are not one transaction with one report.
        """
        if len(objects) != 1:
            raise Malformed(f"a FHIR package is one bundle, not {len(objects)} objects")
        return read_back(objects[0].data)

    def render_withdrawal(self, withdrawn: Withdrawn) -> Sequence[Rendered]:
        """Return one transaction Bundle that marks what was sent as entered in error.

        Raises:
            Malformed: the package is not one of ours.
        """
        context = Context(options=self._options, endorsed=withdrawn.original)
        (part,) = withdrawn.package.parts
        return (_rendered(withdrawn.release, withdrawal_bundle(context, withdrawn, self._read(part.digest))),)


def _rendered(release: str, bundle: Resource) -> Rendered:
    return Rendered(name=PART, media_type=MEDIA_TYPE, uid=release, data=write_exact(bundle))


def _transaction(context: Context) -> Resource:
    return {
        "resourceType": "Bundle",
        "identifier": identifier(context.options.sid("release"), context.endorsed.release),
        "type": "transaction",
        "entry": [created(url, resource) for url, resource in _resources(context)],
    }


def created(url: str, resource: Resource) -> Resource:
    """Return a bundle entry that creates ``resource`` unless it is already there."""
    return {
        "fullUrl": url,
        "resource": resource,
        "request": {"method": "POST", "url": resource["resourceType"], "ifNoneExist": condition(resource)},
    }


def condition(resource: Resource) -> str:
    """Return the search that finds ``resource``: its first identifier, or its tag where R4 has no identifier."""
    if "identifier" in resource:
        name, first = "identifier", resource["identifier"][0]
        token = f"{first['system']}|{first['value']}"
    else:
        name, first = "_tag", resource["meta"]["tag"][0]
        token = f"{first['system']}|{first['code']}"
    return f"{name}={quote(token, safe=':/|@')}"


def _resources(context: Context) -> Iterator[tuple[str, Resource]]:
    model, aval, report = context.url("device-model"), context.url("device-aval"), context.url("report")
    yield model, companions.model_device(context)
    yield aval, companions.own_device(context)
    results, proposed = [], []
    for finding in context.endorsed.content.findings:
        url = context.url("observation", finding.key)
        results.append(url)
        if finding.type.code != READER_FINDING:
            proposed.append(url)
        yield url, observation(context, finding, model)
    yield report, _report(context, results)
    yield (
        context.url("provenance-generation"),
        companions.generation(context, [*proposed, report], (model, aval)),
    )
    yield (
        context.url("provenance-validation"),
        companions.validation(context, [*results, report], (model, aval)),
    )
    for role, resource in companions.information(context, report):
        yield context.url(role), resource


def _report(context: Context, results: Sequence[str]) -> Resource:
    content, options = context.endorsed.content, context.options
    return {
        "resourceType": "DiagnosticReport",
        "meta": context.labels(machine=True),
        "text": _narrative(content.full_text),
        "identifier": [
            identifier(options.sid("result"), context.endorsed.release),
            identifier(options.sid("content-sha256"), content.digest),
        ],
        **({"basedOn": context.based_on} if context.based_on else {}),
        "status": "preliminary",
        **_kind(context),
        **context.about_patient(),
        "effectiveDateTime": context.effective,
        "issued": context.at,
        "performer": [context.organisation],
        "resultsInterpreter": [context.practitioner(opinion.statement.reader) for opinion in context.endorsers],
        **({"result": [{"reference": url} for url in results]} if results else {}),
        **({"imagingStudy": [context.study]} if context.study else {}),
        "conclusion": content.full_text,
        "presentedForm": [_attachment(context, content.full_text)],
    }


def _kind(context: Context) -> Resource:
    """Return category and code: an imaging report, or an evaluation note for a score from the record."""
    title = context.say(texts.REPORT_TITLE)
    if not context.is_study:
        return {
            "category": [concept(coding(V2_0074, "OTH", "Other"))],
            "code": concept(coding(LOINC, "51848-0"), text=f"{context.say(context.endorsed.card.label)} – {title}"),
        }
    section = (
        ("NMS", "Nuclear Medicine Scan") if context.endorsed.case.modality in {"PT", "NM"} else ("RAD", "Radiology")
    )
    return {
        "category": [
            concept(coding(V2_0074, *section)),
            concept(coding(LOINC, "85430-7", "Diagnostic imaging report")),
        ],
        "code": concept(coding(LOINC, "18748-4", "Diagnostic imaging study"), text=title),
    }


def _attachment(context: Context, text: str) -> Resource:
    data = text.encode()
    return {
        "contentType": "text/plain; charset=utf-8",
        "language": context.endorsed.content.language,
        "data": base64.b64encode(data).decode(),
        "size": len(data),
        # R4 Attachment.hash is a SHA-1; it guards against accidents only. Our own digests are SHA-256.
        "hash": base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode(),
        "title": context.say(texts.REPORT_TITLE),
        "creation": context.at,
    }


def _narrative(text: str) -> Resource:
    paragraphs = "".join(f"<p>{escape(line)}</p>" for line in text.splitlines() if line.strip())
    return {"status": "generated", "div": f'<div xmlns="{XHTML}">{paragraphs}</div>'}
