"""The AI systems in use."""

from fastapi import APIRouter

from bridge.web.access import Signed, ThisDesk
from bridge.web.problems import documented
from bridge.web.schemas.systems import CardOut

router = APIRouter(prefix="/api/models", tags=["models"])


@router.get("", summary="The cards of the AI systems in use", responses=documented())
def list_models(parts: ThisDesk, _session: Signed) -> list[CardOut]:
    """Return what each model version is, what it is for and where it must not be used."""
    return [CardOut.model_validate(card) for card in parts.desk.cards()]
