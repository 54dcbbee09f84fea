"""Withdrawals of what was sent: the notice to render, and the release of the rendered word."""

from datetime import timedelta

from guarantee.ports import Endorsed, Rendered, Vault, Withdrawn
from guarantee.release import Kind, Notice, Release, Terms, Withdrawal, WithdrawalReason, release_id, withdrawal_id
from tests.fhir.releases import kept, minted, package
from tests.fhir.samples import RING, T0


def withdrawn(
    original: Endorsed, sent: Rendered, reference: str, reason: WithdrawalReason = WithdrawalReason.WRONG_PATIENT
) -> Withdrawn:
    notice = Notice(
        result=original.result.id,
        release=original.release,
        reason=reason,
        comment="Examen d'un autre patient <à vérifier>",
        by="dr.martin",
        at=T0 + timedelta(hours=1),
    )
    return Withdrawn(
        release=release_id(withdrawal_id(original.release)),
        notice=notice,
        original=original,
        package=package(sent),
        reference=reference,
    )


def released_withdrawal(taken: Withdrawn, sent: Rendered, vault: Vault, destination: str = "dpi") -> Release:
    """Return the release of the withdrawal ``sent``."""
    withdrawal = Withdrawal(
        id=withdrawal_id(taken.notice.release), notice=taken.notice, seal=RING.seal(taken.notice.to_bytes())
    )
    terms = Terms(
        release=taken.release,
        kind=Kind.WITHDRAWAL,
        result=taken.notice.result,
        ground=withdrawal.id,
        content=withdrawal.content,
        renderings=(kept(sent, vault, destination),),
        at=T0,
    )
    return minted(terms, taken.original, withdrawal)
