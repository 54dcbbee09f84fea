"""Attacks on sign-ins: one finished twice, and cut-off mode that nobody signed for."""

from typing import Final

from tests.gate.attacks import DESK, attack, pure
from tests.gate.sessions import OWNER
from tests.gate.statements import SIGNED

# fmt: off
SIGN_INS: Final = (
    attack(DESK, "finish a sign-in twice", "authentication_requests_used_once",
           pure("UPDATE authentication_requests SET used_at = 'later' WHERE state = 'used'"),
           setup=(DESK, lambda w: [
               w.authentication_request(state="used"),
               ("UPDATE authentication_requests SET used_at = :at WHERE state = 'used'", {"at": SIGNED}),
           ])),
    attack(OWNER, "open local accounts without saying who", "local_opening_signed_for",
           lambda w: w.local_opening(by_whom="")),
    attack(OWNER, "open local accounts without saying why", "local_opening_signed_for",
           lambda w: w.local_opening(reason="")),
)
