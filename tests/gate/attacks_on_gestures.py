"""Attacks on signatures by passkey: whose key it is, whether it still counts, and what it signed."""

from typing import Final

from tests.gate.attacks import DESK, attack
from tests.gate.gestures import COUNTED, LEROY, MARTIN, REVOKED, authenticator_data, gesture, passkey

# fmt: off
GESTURES: Final = (
    attack(DESK, "sign with another person's passkey", "opinion_by_a_passkey_of_its_reader",
           lambda w: w.opinion("open", passkey=LEROY)),
    attack(DESK, "sign with a passkey that nobody registered", "opinion_by_a_passkey_of_its_reader",
           lambda w: w.opinion("open", passkey="invented")),
    attack(DESK, "sign with a revoked passkey", "opinions_by_passkeys_in_use",
           lambda w: w.opinion("open", passkey=REVOKED)),
    attack(DESK, "sign without a passkey where the policy asks for one", "opinions_with_the_gesture_asked_for",
           lambda w: w.opinion("by passkey")),
    attack(DESK, "reject without a passkey where the policy asks for one", "opinions_with_the_gesture_asked_for",
           lambda w: w.opinion("by passkey", verdict="reject")),
    attack(DESK, "use a gesture over another statement", "gestures_over_their_statement",
           lambda _: gesture("claimed", statement='{"verdict":"reject"}')),
    attack(DESK, "keep a gesture over nothing at all", "gestures_over_their_statement",
           lambda _: gesture("claimed", client_data="")),
    attack(DESK, "use the gesture of another passkey than the opinion names", "gesture_of_its_opinion",
           lambda _: gesture("claimed", COUNTED, authenticator_data=authenticator_data(counter=6))),
    attack(DESK, "add a gesture to an opinion that claims none", "gesture_of_its_opinion",
           lambda _: gesture("signed")),
    attack(DESK, "use a gesture that nobody was verified for", "gesture_by_a_verified_person",
           lambda _: gesture("claimed", authenticator_data=authenticator_data(flags=1))),
    attack(DESK, "use a gesture that nobody was present for", "gesture_by_a_verified_person",
           lambda _: gesture("claimed", authenticator_data=authenticator_data(flags=4))),
    attack(DESK, "use an authenticator that counts as before", "gestures_count_up",
           lambda w: w.opinion("open", passkey=COUNTED),
           lambda _: gesture("open", COUNTED, authenticator_data=authenticator_data(counter=5))),
    attack(DESK, "use an authenticator that stopped counting", "gestures_count_up",
           lambda w: w.opinion("open", passkey=COUNTED), lambda _: gesture("open", COUNTED)),
    attack(DESK, "decide on an opinion whose gesture is missing", "decisions_with_their_gestures",
           lambda w: w.decision("claimed")),
    attack(DESK, "register a key whose signatures nobody can check", "passkey_algorithm_known",
           lambda _: passkey(algorithm="none")),
)
# fmt: on

HONEST: Final = (
    attack(DESK, "sign with one's own passkey, and decide", "",
           lambda w: w.opinion("by passkey", passkey=MARTIN), lambda _: gesture("by passkey"),
           lambda w: w.decision("by passkey")),
    attack(DESK, "sign with an authenticator that counts on", "",
           lambda w: w.opinion("open", passkey=COUNTED),
           lambda _: gesture("open", COUNTED, authenticator_data=authenticator_data(counter=0x100))),
    attack(DESK, "sign with one that never counts, twice", "",
           lambda w: w.opinion("open", passkey=MARTIN), lambda _: gesture("open"), lambda _: gesture("claimed")),
)  # fmt: skip
"""What nothing refuses."""
