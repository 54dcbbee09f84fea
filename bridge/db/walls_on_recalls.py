"""The walls around results that are taken back together: no more than two people signed for, and nothing unreleased."""

from typing import Final

from bridge.db.wall import Wall, frozen

RECALLS: Final[tuple[Wall, ...]] = (
    Wall(
        name="recall_items_as_many_as_ordered",
        on="recall_items",
        event="INSERT",
        unless="(SELECT count(*) FROM recall_items i WHERE i.recall_id = NEW.recall_id) "
        "< (SELECT r.many FROM recalls r WHERE r.id = NEW.recall_id)",
        says="somebody signed for fewer results than this",
        alone=True,
    ),
    Wall(
        name="recall_items_were_released",
        on="recall_items",
        event="INSERT",
        unless="EXISTS (SELECT 1 FROM decisions d JOIN releases r ON r.decision_id = d.id "
        "WHERE d.result_id = NEW.result_id)",
        says="what was never released cannot be taken back",
    ),
    frozen("recall_items", "recall_id", "result_id"),
    Wall(
        name="acknowledgements_of_withdrawals",
        on="acknowledgements",
        event="INSERT",
        unless="EXISTS (SELECT 1 FROM withdrawals w WHERE w.result_id = NEW.result_id)",
        says="nobody reads that a result was taken back before it was",
    ),
)
