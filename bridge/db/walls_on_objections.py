"""The walls around patients who object to AI: what no model drafts, nobody decides on and nobody sends meanwhile."""

from typing import Final

from bridge.db.wall import MOVED, Wall, append_only

_OBJECTED: Final = "SELECT 1 FROM objected_results x WHERE x.result_id = "

OBJECTIONS: Final[tuple[Wall, ...]] = (
    Wall(
        name="objections_lifted_where_they_stand",
        on="objections",
        event="INSERT",
        when="NEW.word = 'lift'",
        unless="EXISTS (SELECT 1 FROM objections_standing o WHERE o.identifier = NEW.identifier "
        "AND o.authority = NEW.authority)",
        says="no objection stands under this number",
        alone=True,
    ),
    Wall(
        name="objections_lifted_by_people",
        on="objections",
        event="INSERT",
        when="aval_role() = 'aval_intake'",
        unless="NEW.word = 'record' AND NEW.source <> ''",
        says="what the record says may record an objection; a person lifts it",
    ),
    Wall(
        name="results_drafted_without_an_objection",
        on="results",
        event="UPDATE",
        when=f"{MOVED} AND NEW.state = 'awaiting_review'",
        unless=f"NOT EXISTS ({_OBJECTED}NEW.id AND x.says = 'stop')",
        says="the patient objects to AI: no model looks at their exams",
        alone=True,
    ),
    Wall(
        name="results_queued_again_when_nobody_objects",
        on="results",
        event="UPDATE",
        when=f"{MOVED} AND OLD.state = 'excluded'",
        unless=f"OLD.cause_code = 'objection' AND NOT EXISTS ({_OBJECTED}NEW.id AND x.says = 'stop')",
        says="only what an objection kept from running is queued again, once it is lifted",
        alone=True,
    ),
    *(
        Wall(
            name=f"{table}_not_while_objected",
            on=table,
            event="INSERT",
            unless=f"NOT EXISTS ({_OBJECTED}NEW.result_id)",
            says="the patient objects to AI: nothing of it is shown or decided",
            alone=True,
        )
        for table in ("questions", "opinions", "decisions")
    ),
    Wall(
        name="attempts_not_while_objected",
        on="attempts",
        event="INSERT",
        unless="EXISTS (SELECT 1 FROM deliveries d WHERE d.id = NEW.delivery_id AND (d.kind = 'withdrawal' "
        "OR NOT EXISTS (SELECT 1 FROM objected_results x WHERE x.result_id = d.result_id)))",
        says="the patient objects to AI: nothing is sent",
        alone=True,
    ),
    *append_only("objections"),
)
