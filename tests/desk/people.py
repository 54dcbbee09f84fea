"""Who works at the desk of the tests."""

from guarantee.policy import Role

PASSWORD = "correct-horse-battery"

PEOPLE = (
    ("dr.martin", "MARTIN^Claire^^Dr", Role.RADIOLOGIST),
    ("dr.durand", "DURAND^Paul^^Dr", Role.CLINICIAN),
    ("dr.benali", "BENALI^Samira^^Dr", Role.RADIOLOGIST),
    ("i.petit", "PETIT^Jules", Role.LEARNER),
    ("b.ngo", "NGO^Bao", Role.ENGINEER),
    ("z.colin", "COLIN^Zoé^^Pr", Role.COMMITTEE),
    ("d.roux", "ROUX^Denis", Role.DPO),
    ("s.blanc", "BLANC^Sara", Role.SECURITY),
    ("m.faure", "FAURE^Marie", Role.SECRETARY),
)
LOGINS = {role: next(login for login, _, r in PEOPLE if r is role) for role in Role}


def code_of(login: str) -> str:
    """Return the one-time code of ``login``; here it never changes."""
    return f"{123_000 + [person[0] for person in PEOPLE].index(login):06}"
