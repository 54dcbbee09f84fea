"""The walls around rights: who gives them, which opinion they allow, and what is not sent once they are gone."""

from typing import Final

from bridge.db.wall import Wall, append_only

_IN_FORCE: Final = (
    "SELECT 1 FROM habilitations g JOIN results r ON r.id = NEW.result_id JOIN models m ON m.id = r.model_id "
    "JOIN cases c ON c.id = r.case_id WHERE g.id = NEW.grant_id AND g.act = 'endorse' AND g.site = c.site "
    "AND g.model = m.name AND (m.version = g.major OR substr(m.version, 1, length(g.major) + 1) = g.major || '.') "
    "AND g.since <= NEW.signed_at AND NEW.signed_at < g.until "
    "AND NOT EXISTS (SELECT 1 FROM revocations v WHERE v.grant_id = g.id)"
)
"""The right that a new opinion names, when it is one for its result: model, major version, site, act, time."""

_LOST: Final = (
    "SELECT 1 FROM decisions e JOIN opinions o ON o.result_id = e.result_id AND o.content = e.content "
    "JOIN habilitations g ON g.id = o.grant_id JOIN revocations v ON v.grant_id = g.id AND v.holds = 1 "
    "WHERE e.result_id = d.result_id"
)
"""A right ``g`` that the result of a delivery ``d`` was endorsed under, and its revocation ``v``."""

_AGAIN: Final = (
    "SELECT 1 FROM habilitations a WHERE a.person = g.person AND a.model = g.model AND a.major = g.major "
    "AND a.site = g.site AND a.act = g.act AND a.at > v.at AND a.since <= NEW.at AND NEW.at < a.until "
    "AND NOT EXISTS (SELECT 1 FROM revocations w WHERE w.grant_id = a.id)"
)
"""The same right, given once more after its revocation ``v``."""

_DELIVERY: Final = "SELECT 1 FROM deliveries d WHERE d.id = NEW.delivery_id"

RIGHTS: Final[tuple[Wall, ...]] = (
    Wall(
        name="habilitations_between_active_people",
        on="habilitations",
        event="INSERT",
        unless="NOT EXISTS (SELECT 1 FROM users u WHERE u.login IN (NEW.person, NEW.by_whom) AND u.active = 0)",
        says="a closed account neither gives nor is given a right",
        alone=True,
    ),
    # Not the reader: opinion_by_a_right_of_its_reader, a foreign key, says that.
    Wall(
        name="opinions_under_a_right_in_force",
        on="opinions",
        event="INSERT",
        unless=f"EXISTS ({_IN_FORCE})",
        says="this person has no right in force to endorse this model at this site: aval rights",
        alone=True,
    ),
    Wall(
        name="attempts_under_rights_that_stand",
        on="attempts",
        event="INSERT",
        unless=f"EXISTS ({_DELIVERY} AND (d.kind = 'withdrawal' OR NOT EXISTS ({_LOST} AND NOT EXISTS ({_AGAIN}))))",
        says="a right that this was endorsed under was revoked: nothing is sent",
        alone=True,
    ),
    *append_only("habilitations", "revocations", "refusals"),
)
