"""The walls around deliveries: what may be begun, again, and what may be called confirmed."""

from typing import Final

from bridge.db.wall import MOVED, Wall, frozen

SENDING: Final[tuple[Wall, ...]] = (
    frozen("deliveries", "id", "release_id", "kind", "result_id", "destination", "round", "package", "added_at"),
    Wall(
        name="deliveries_start",
        on="deliveries",
        event="INSERT",
        unless="NEW.state = 'due'",
        says="a delivery starts as due",
    ),
    Wall(
        name="deliveries_confirmed_by_a_receipt",
        on="deliveries",
        event="UPDATE",
        when=f"{MOVED} AND NEW.state = 'confirmed'",
        unless="EXISTS (SELECT 1 FROM receipts r WHERE r.delivery_id = NEW.id AND r.package = NEW.package)",
        says="only a receipt confirms",
    ),
    Wall(
        name="deliveries_final",
        on="deliveries",
        event="UPDATE",
        when=MOVED,
        unless="OLD.state = 'due'",
        says="a delivery that ended is final: to send again is another delivery, which a person asks for",
    ),
    Wall(
        name="resends_of_ended_deliveries",
        on="resends",
        event="INSERT",
        unless="EXISTS (SELECT 1 FROM deliveries d WHERE d.release_id = NEW.release_id "
        "AND d.destination = NEW.destination AND d.round = NEW.round - 1 AND d.state IN ('confirmed', 'declined'))",
        says="only what was confirmed or declined there is sent again",
    ),
    Wall(
        name="deliveries_sent_again_by_order",
        on="deliveries",
        event="INSERT",
        when="NEW.round <> 0",
        unless="EXISTS (SELECT 1 FROM resends o WHERE o.release_id = NEW.release_id "
        "AND o.destination = NEW.destination AND o.round = NEW.round)",
        says="nobody asked for this to be sent again",
    ),
    Wall(
        name="attempts_on_due_deliveries",
        on="attempts",
        event="INSERT",
        unless="EXISTS (SELECT 1 FROM deliveries d WHERE d.id = NEW.delivery_id AND d.state = 'due')",
        says="this delivery is not due",
        alone=True,
    ),
    Wall(
        name="attempts_on_decided_results",
        on="attempts",
        event="INSERT",
        unless="EXISTS (SELECT 1 FROM deliveries d JOIN results r ON r.id = d.result_id WHERE d.id = NEW.delivery_id "
        "AND (d.kind = 'result' AND (r.state IN ('validated', 'amended') OR d.round > 0 AND r.state = 'delivered') "
        "OR d.kind = 'withdrawal' AND r.state = 'retracted'))",
        says="the result is not decided, or no longer",
        alone=True,
    ),
    Wall(
        name="attempts_in_an_unchanged_world",
        on="attempts",
        event="INSERT",
        unless="EXISTS (SELECT 1 FROM deliveries d WHERE d.id = NEW.delivery_id AND (d.kind = 'withdrawal' "
        "OR EXISTS (SELECT 1 FROM current_results c WHERE c.result_id = d.result_id)))",
        says="inputs or identity changed since the decision: nothing more is sent",
        alone=True,
    ),
    Wall(
        name="attempts_not_while_held",
        on="attempts",
        event="INSERT",
        unless="EXISTS (SELECT 1 FROM deliveries d WHERE d.id = NEW.delivery_id AND (d.kind = 'withdrawal' "
        "OR NOT EXISTS (SELECT 1 FROM held_results h WHERE h.result_id = d.result_id)))",
        says="the model is stopped: nothing is sent",
        alone=True,
    ),
    Wall(
        name="attempts_not_while_paused",
        on="attempts",
        event="INSERT",
        unless="EXISTS (SELECT 1 FROM deliveries d WHERE d.id = NEW.delivery_id "
        "AND NOT EXISTS (SELECT 1 FROM paused_destinations p WHERE p.destination = d.destination))",
        says="the destination is paused: nothing is sent there",
        alone=True,
    ),
)
