"""What was endorsed becomes the bytes for each destination, and those bytes become a release.

Rendering takes seconds and happens outside any transaction: render, read back, compare, keep. A rendering that is never
released is an orphan in the vault, not a leak. Issuing is the last step of the transaction that decides.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from guarantee.agreement import disagreement
from guarantee.case import Case, Manifest
from guarantee.content import Content
from guarantee.decision import Decision
from guarantee.deliveries import Delivery
from guarantee.errors import Refused
from guarantee.events import DeliveryDue
from guarantee.ids import DeliveryId, derive
from guarantee.opinion import Opinion
from guarantee.orders import Order
from guarantee.ports import Catalogue, Endorsed, Renderer, Sealer, Vault
from guarantee.preparation import Preparation
from guarantee.release import Grounds, Package, Part, Rendering, Terms, Witness, mint, release_id
from guarantee.result import Result
from guarantee.unit import Unit


def endorse(  # noqa: PLR0913 - one for each part of what leaves
    *,
    result: Result,
    case: Case,
    content: Content,
    decision: Decision,
    opinions: Sequence[Opinion],
    vault: Vault,
    catalogue: Catalogue,
    orders: tuple[Order, ...] = (),
    preparation: Preparation | None = None,
) -> Endorsed:
    """Gather everything an outgoing object may be made of.

    Args:
        orders: only what is rendered anew needs them; a withdrawal is made of what was sent.
        preparation: what a learner prepared; None when nobody did.

    Raises:
        Refused: the card of the model version is no longer here; nothing can be rendered without it.
    """
    card = catalogue.card_of(result.model.id)
    if card is None:
        raise Refused(f"the card of {result.model.id} is not installed here; install it, then try again")
    manifest = Manifest.from_bytes(vault.get(result.manifest))
    return Endorsed(
        release=release_id(decision.id),
        result=result,
        case=case,
        card=card,
        content=content,
        decision=decision,
        opinions=tuple(opinions),
        sources=manifest.sources,
        orders=orders,
        preparation=preparation,
    )


def renderings_of(endorsed: Endorsed, renderers: Mapping[str, Renderer], vault: Vault) -> tuple[Rendering, ...]:
    """Render for each destination, by its name.

    Raises:
        Refused: there is none, or what was read back is not what was endorsed.
    """
    if not renderers:
        raise Refused("no destination is configured for this kind of case; nothing could be released")
    return tuple(rendering_of(name, renderer, endorsed, vault) for name, renderer in renderers.items())


def rendering_of(destination: str, renderer: Renderer, endorsed: Endorsed, vault: Vault) -> Rendering:
    """Render for one destination, read the bytes back, compare, keep them.

    Raises:
        Refused: what was read back is not what was endorsed.
    """
    objects = renderer.render(endorsed)
    difference = disagreement(renderer.read_back(objects), endorsed.content)
    if difference is not None:
        raise Refused(f"what would go to {destination} is not what was endorsed: {difference}. Nothing was released")
    parts = tuple(Part(name=o.name, media_type=o.media_type, uid=o.uid, digest=vault.put(o.data)) for o in objects)
    return Rendering(destination=destination, package=vault.put(Package(parts=parts).to_bytes()))


def issue(terms: Terms, grounds: Grounds, unit: Unit, sealer: Sealer, witness: Witness, *, due_at: datetime) -> None:
    """Mint a release, record it, and make its deliveries due from ``due_at`` on."""
    seal = sealer.seal(terms.to_bytes())
    unit.gate.add_release(mint(terms=terms, seal=seal, grounds=grounds, witness=witness), seal)
    for rendering in terms.renderings:
        delivery = Delivery(
            id=DeliveryId(derive("delivery", terms.release, rendering.destination)),
            release=terms.release,
            result=terms.result,
            kind=terms.kind,
            destination=rendering.destination,
            package=rendering.package,
            state="due",
            attempts=0,
            reference="",
        )
        unit.deliveries.add(delivery, due_at)
        unit.messages.ring(DeliveryDue(delivery=delivery.id, destination=delivery.destination), terms.at)
