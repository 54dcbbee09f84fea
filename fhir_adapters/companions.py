"""The resources that go with a report: who made it, who answers for it, what the patient was told.

Provenance and labels follow HL7 AI Transparency on FHIR (1.0.0-ballot): a machine authored, a person verified.
Patient information (CSP L.4001-3) is a Communication, the evidence, and a Flag, the reminder while it is still due.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from fhir_adapters import texts
from fhir_adapters.context import Context
from fhir_adapters.vocabulary import AI_DEVICE, AIAST, CLINAST, PARTICIPANT, UCUM, coding, concept, identifier
from fhir_adapters.wire import Resource

_NOT_SAID: Final = "http://terminology.hl7.org/CodeSystem/communication-category"


def model_device(context: Context) -> Resource:
    """Return the Device of the model version. One for each card: another threshold is another device."""
    card, options = context.endorsed.card, context.options
    return {
        "resourceType": "Device",
        "identifier": [
            identifier(options.sid("card-sha256"), card.model.card),
            identifier(options.sid("model"), card.model.id),
            identifier(options.sid("model-sha256"), card.model.digest),
        ],
        **({"udiCarrier": [{"deviceIdentifier": card.regulatory.udi}]} if card.regulatory.udi else {}),
        "status": "active",
        "manufacturer": card.manufacturer,
        "deviceName": [
            {"name": context.say(card.label), "type": "user-friendly-name"},
            {"name": card.model.name, "type": "model-name"},
        ],
        "type": concept(coding(AI_DEVICE, "Artificial-Intelligence")),
        "version": [{"value": card.model.version}],
        "property": list(_properties(context)),
        "note": [{"text": context.say(card.regulatory.statement)}],
    }


def own_device(context: Context) -> Resource:
    """Return the Device of this installation of Aval, in this version."""
    options = context.options
    return {
        "resourceType": "Device",
        "identifier": [
            identifier(options.sid("installation"), f"{options.instance}@{options.version}"),
            identifier(options.sid("instance"), options.instance),
        ],
        "status": "active",
        "manufacturer": "Aval",
        "deviceName": [{"name": "Aval", "type": "model-name"}],
        "version": [{"value": options.version}],
    }


def generation(context: Context, targets: Sequence[str], devices: tuple[str, str]) -> Resource:
    """Return the Provenance that says which model made the draft, from what.

    Args:
        targets: fullUrls of what the model proposed.
        devices: fullUrls of the model and of Aval.
    """
    case, result = context.endorsed.case, context.endorsed.result
    inputs: list[Resource] = [_entity(context, "source", "manifest-sha256", result.manifest)]
    if context.study:
        inputs.insert(0, {"role": "source", "what": context.study})
    return _provenance(
        context,
        "provenance-generation",
        targets,
        activity=coding("http://terminology.hl7.org/CodeSystem/v3-DataOperation", "CREATE", "create"),
        reason=[concept(AIAST)],
        agent=_machines(devices),
        entity=[
            *inputs,
            _entity(context, "derivation", "card-sha256", context.endorsed.card.model.card),
            _entity(context, "derivation", "draft-sha256", context.endorsed.decision.shown),
            _entity(context, "source", "case", str(case.id)),
        ],
    )


def validation(context: Context, targets: Sequence[str], devices: tuple[str, str]) -> Resource:
    """Return the Provenance that says who answers for exactly this content.

    The draft that was shown and the content that was endorsed are both named by digest; they differ when the reader
    amended it.
    """
    verifiers = [
        {
            "type": concept(coding(PARTICIPANT, "verifier", "Verifier")),
            "who": context.practitioner(opinion.statement.reader),
            "onBehalfOf": context.structure(opinion.statement.reader),
        }
        for opinion in context.endorsers
    ]
    return _provenance(
        context,
        "provenance-validation",
        targets,
        activity=coding("http://terminology.hl7.org/CodeSystem/v3-DocumentCompletion", "AU", "authenticated"),
        reason=[concept(AIAST), concept(CLINAST)],
        agent=[*verifiers, *_preparers(context), *_machines(devices)],
        entity=[
            _entity(context, "revision", "draft-sha256", context.endorsed.decision.shown),
            _entity(context, "source", "content-sha256", context.endorsed.content.digest),
            *(_entity(context, "source", "opinion", opinion.id) for opinion in context.endorsers),
        ],
    )


def _preparers(context: Context) -> Iterator[Resource]:
    """Yield the learner whose text was co-signed: an attester, who answers for nothing beside the verifier."""
    learner = context.endorsed.preparer
    if learner is not None:
        yield {
            "type": concept(coding(PARTICIPANT, "attester", "Attester")),
            "who": context.practitioner(learner),
            "onBehalfOf": context.structure(learner),
        }


def information(context: Context, report: str) -> Iterator[tuple[str, Resource]]:
    """Yield (role, resource) for what the reader answered about informing the patient.

    "yes": a completed Communication. "to-do": an active Flag. "not-possible": a Communication that was not done, with
    its reason, and an active Flag.

    Args:
        report: fullUrl of the DiagnosticReport.
    """
    answer = context.patient_informed
    if answer == "yes":
        yield "communication", _communication(context, report, {"status": "completed"}, context.say(texts.INFORMED))
    if answer == "not-possible":
        why = context.say(texts.NOT_INFORMED)
        reason = concept(coding(context.options.codes("patient-information"), "not-possible"), text=why)
        yield "communication", _communication(context, report, {"status": "not-done", "statusReason": reason}, why)
    if answer != "yes":
        yield "flag", _flag(context)


def tag(context: Context, role: str) -> Resource:
    """Return the tag that stands in for an identifier: R4 Provenance has none, and must still be created only once."""
    return coding(context.options.sid("provenance"), context.name(role))


def _communication(context: Context, report: str, status: Resource, said: str) -> Resource:
    use = coding(context.options.codes("patient-information"), "l4001-3-ai-use", context.say(texts.USE_OF_AI))
    return {
        "resourceType": "Communication",
        "identifier": [identifier(context.options.sid("patient-information"), context.name("communication"))],
        **status,
        "category": [concept(coding(_NOT_SAID, "notification", "Notification")), concept(use)],
        **context.about_patient(),
        "about": [{"reference": report}],
        "recipient": [context.subject],
        "sender": context.practitioner(context.endorsed.reader),
        "payload": [{"contentString": said}],
    }


def _flag(context: Context) -> Resource:
    due = coding(context.options.codes("patient-information"), "l4001-3-pending", context.say(texts.INFORMATION_DUE))
    return {
        "resourceType": "Flag",
        "identifier": [identifier(context.options.sid("patient-information-due"), context.name("flag"))],
        "status": "active",
        "category": [concept(coding("http://terminology.hl7.org/CodeSystem/flag-category", "admin", "Administrative"))],
        "code": concept(due),
        **context.about_patient(),
        "period": {"start": context.at},
        "author": context.practitioner(context.endorsed.reader),
    }


def _provenance(context: Context, role: str, targets: Sequence[str], **more: object) -> Resource:
    activity = more.pop("activity")
    return {
        "resourceType": "Provenance",
        "meta": {"tag": [tag(context, role)]},
        "target": [{"reference": target} for target in targets],
        "recorded": context.at,
        "activity": {"coding": [activity]},
        **more,
    }


def _machines(devices: tuple[str, str]) -> list[Resource]:
    model, aval = devices
    return [
        {
            "type": concept(coding(PARTICIPANT, "author", "Author")),
            "role": [concept(coding(AI_DEVICE, "Artificial-Intelligence"))],
            "who": {"reference": model},
        },
        {"type": concept(coding(PARTICIPANT, "assembler", "Assembler")), "who": {"reference": aval}},
    ]


def _entity(context: Context, role: str, what: str, value: str) -> Resource:
    return {"role": role, "what": {"identifier": identifier(context.options.sid(what), value)}}


def _properties(context: Context) -> Iterator[Resource]:
    card, codes = context.endorsed.card, context.options.codes("device-property")
    status = card.regulatory.device_class or card.regulatory.status
    yield {
        "type": concept(coding(codes, "regulatory-status")),
        "valueCode": [concept(coding(context.options.codes("regulatory-status"), status))],
    }
    for name, text in card.thresholds.items():
        kind = concept(coding(codes, "threshold"), text=name)
        try:
            number = Decimal(text)
        except InvalidOperation:
            yield {"type": kind, "valueCode": [concept(text=text)]}
        else:
            yield {"type": kind, "valueQuantity": [{"value": number, "unit": "1", "system": UCUM, "code": "1"}]}
