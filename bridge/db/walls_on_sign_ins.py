"""The walls of sign-ins: one at the provider is finished once, and what opened local accounts stays written."""

from typing import Final

from bridge.db.wall import Wall, append_only

SIGN_INS: Final[tuple[Wall, ...]] = (
    Wall(
        name="authentication_requests_used_once",
        on="authentication_requests",
        event="UPDATE",
        unless="OLD.used_at IS NULL",
        says="this sign-in at the identity provider was finished already",
    ),
    *append_only("local_openings"),
)
