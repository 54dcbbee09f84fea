"""The walls of signatures by passkey: over exactly the statement, by a key that is the reader's and still counts."""

from typing import Final

from bridge.db.wall import Wall, append_only

_ASKED: Final = """'"challenge":"' || aval_challenge(o.statement) || '"'"""
"""What a browser writes of the challenge that an opinion's statement gives."""

_HOLDS: Final = f"NEW.client_data <> replace(NEW.client_data, {_ASKED}, '')"
"""Whether the client data holds it: neither database has the other's function for that."""

_COUNTER: Final = "substr({row}.authenticator_data, 67, 8)"
"""The counter, eight hexadecimal digits, which sort as the number does."""

_BEFORE: Final = f"(SELECT max({_COUNTER.format(row='g')}) FROM gestures g WHERE g.passkey = NEW.passkey)"

GESTURES: Final[tuple[Wall, ...]] = (
    Wall(
        name="opinions_by_passkeys_in_use",
        on="opinions",
        event="INSERT",
        when="NEW.passkey IS NOT NULL",
        unless="NOT EXISTS (SELECT 1 FROM passkey_ends e WHERE e.passkey = NEW.passkey)",
        says="this passkey was revoked",
        alone=True,
    ),
    Wall(
        name="opinions_with_the_gesture_asked_for",
        on="opinions",
        event="INSERT",
        when="NEW.passkey IS NULL",
        unless="EXISTS (SELECT 1 FROM policies p WHERE p.ref = NEW.policy AND p.gesture = '')",
        says="the policy asks for a signature by passkey",
    ),
    Wall(
        name="gestures_over_their_statement",
        on="gestures",
        event="INSERT",
        unless=f"EXISTS (SELECT 1 FROM opinions o WHERE o.id = NEW.opinion_id AND {_HOLDS})",
        says="the authenticator signed other bytes than this statement",
    ),
    Wall(
        name="gestures_count_up",
        on="gestures",
        event="INSERT",
        when=f"{_BEFORE} > '00000000'",
        unless=f"{_COUNTER.format(row='NEW')} > {_BEFORE}",
        says="the authenticator counted less than before: there may be two of it",
        alone=True,
    ),
    Wall(
        name="decisions_with_their_gestures",
        on="decisions",
        event="INSERT",
        unless="NOT EXISTS (SELECT 1 FROM opinions o WHERE o.result_id = NEW.result_id AND o.passkey IS NOT NULL "
        "AND NOT EXISTS (SELECT 1 FROM gestures g WHERE g.opinion_id = o.id))",
        says="an opinion names a passkey, and what it signed is not here",
    ),
    *append_only("passkeys", "passkey_ends", "gestures"),
)
