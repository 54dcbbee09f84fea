"""What people read in the record, in French and in English: fixed sentences, nothing computed."""

from typing import Final

from guarantee.content import Text

REPORT_TITLE: Final = Text(
    fr="Résultat d'IA validé par un clinicien – compte rendu provisoire",
    en="AI result endorsed by a clinician – preliminary report",
)
CORRECTED: Final = Text(fr="Corrigé par le clinicien.", en="Corrected by the clinician.")
INFORMED: Final = Text(
    fr="Le praticien a déclaré, en validant, que le patient a été informé du recours à un système d'IA.",
    en="When endorsing, the practitioner stated that the patient was informed that an AI system was used.",
)
NOT_INFORMED: Final = Text(
    fr="Information du patient non possible au moment de la validation.",
    en="The patient could not be informed at the time of endorsement.",
)
USE_OF_AI: Final = Text(
    fr="Information du patient : recours à un système d'IA (CSP L.4001-3)",
    en="Patient information: an AI system was used (CSP L.4001-3)",
)
INFORMATION_DUE: Final = Text(
    fr="Information du patient sur le recours à l'IA : à faire",
    en="Patient still to be informed that an AI system was used",
)
WITHDRAWN: Final = Text(fr="RÉSULTAT D'IA RETIRÉ. Ne pas en tenir compte.", en="AI RESULT WITHDRAWN. Disregard it.")
REASONS: Final = {
    "wrong-patient": Text(fr="Mauvais patient", en="Wrong patient"),
    "wrong-result": Text(fr="Résultat erroné", en="Wrong result"),
    "model-defect": Text(fr="Défaut du système d'IA", en="Defect of the AI system"),
    "superseded": Text(fr="Remplacé par un autre résultat", en="Superseded by another result"),
    "other": Text(fr="Autre motif", en="Other reason"),
}
"""By WithdrawalReason."""
