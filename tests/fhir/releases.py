"""Releases of what was rendered, minted from sealed statements."""

from dataclasses import replace

from guarantee.ids import digest
from guarantee.ports import Endorsed, Rendered, Vault
from guarantee.release import Grounds, Kind, Package, Part, Release, Rendering, Terms, Withdrawal, mint
from tests.fhir.samples import POLICY, RING, T0


def released(original: Endorsed, sent: Rendered, vault: Vault, destination: str = "dpi") -> Release:
    """Return the release of ``sent``, its bytes in the vault, minted from sealed statements."""
    decision = original.decision
    assert decision.content is not None
    terms = Terms(
        release=original.release,
        kind=Kind.RESULT,
        result=original.result.id,
        ground=decision.id,
        content=decision.content,
        renderings=(kept(sent, vault, destination),),
        at=T0,
    )
    return minted(terms, original, None)


def kept(sent: Rendered, vault: Vault, destination: str) -> Rendering:
    """Return what ``destination`` is to receive, its bytes now in the vault."""
    vault.put(sent.data)
    return Rendering(destination=destination, package=vault.put(package(sent).to_bytes()))


def minted(terms: Terms, original: Endorsed, withdrawal: Withdrawal | None) -> Release:
    """Return the release that ``terms`` make, checked as every release is."""
    policy = replace(POLICY, readers=len(original.opinions))
    grounds = Grounds(policy=policy, draft=original.decision.shown, opinions=original.opinions, withdrawal=withdrawal)
    return mint(terms=terms, seal=RING.seal(terms.to_bytes()), grounds=grounds, witness=RING)


def package(sent: Rendered) -> Package:
    part = Part(name=sent.name, media_type=sent.media_type, uid=sent.uid, digest=digest(sent.data))
    return Package(parts=(part,))
