"""What the journal says of incidents: identifiers, grades and digests; never the words."""

from typing import Final

from bridge.db.note import Note

INCIDENTS: Final[tuple[Note, ...]] = (
    Note(
        name="note_incident",
        on="incidents",
        event="INSERT",
        action="'incident.reported'",
        subject="NEW.result_id",
        body={"incident": "NEW.id", "by": "NEW.by_whom", "caught": "NEW.caught"},
    ),
    Note(
        name="note_incident_line",
        on="incident_lines",
        event="INSERT",
        action="'incident.' || NEW.kind",
        subject="coalesce((SELECT i.result_id FROM incidents i WHERE i.id = NEW.incident_id), NEW.incident_id)",
        body={
            "incident": "NEW.incident_id",
            "n": "NEW.n",
            "subject": "NEW.subject",
            "grade": "CASE WHEN NEW.kind = 'grade' THEN NEW.word ELSE '' END",
            "by": "NEW.by_whom",
            "second": "NEW.second",
            "note_sha256": "aval_sha256(NEW.note)",
        },
    ),
    Note(
        name="note_freeze",
        on="freezes",
        event="INSERT",
        action="'evidence.frozen'",
        subject="coalesce((SELECT i.result_id FROM incidents i WHERE i.id = NEW.incident_id), NEW.incident_id)",
        body={"incident": "NEW.incident_id", "freeze": "NEW.id", "by": "NEW.by_whom"},
    ),
    Note(
        name="note_freeze_end",
        on="freeze_ends",
        event="INSERT",
        action="'evidence.released'",
        subject="coalesce((SELECT i.result_id FROM freezes f JOIN incidents i ON i.id = f.incident_id "
        "WHERE f.id = NEW.freeze_id), NEW.freeze_id)",
        body={"freeze": "NEW.freeze_id", "by": "NEW.by_whom", "second": "NEW.second"},
    ),
)
