"""A committed world to attack: something in every state, at every stage of the gate, and each way a world can change.

Honest steps go through the store of the process that takes them. Where a stage exists only for an instant inside one
transaction (an opinion without its decision), the desk's own rows are written directly, as a desk that stops halfway.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import text

from bridge.db.engine import make_aval_engine
from bridge.db.habilitations import grant_row
from bridge.db.store import SqlStore
from guarantee.case import Case
from guarantee.identity import Verdict as Word
from guarantee.journal import link_hash
from guarantee.lifecycle import Stage
from guarantee.opinion import Verdict
from guarantee.policy import Role
from guarantee.result import Mode, ModelVersion, Result
from guarantee.states import ResultVerb
from guarantee.stops import Scope
from tests.db.databases import TWO_READERS, Database, begun_row, model_row, policy_row, user_row
from tests.db.steps import Steps
from tests.gate import first_reads, gestures, incidents, preparations, recalls, rights, versions
from tests.gate.rows import Rows
from tests.gate.statements import ASKED, Sql, insert, update
from tests.guarantee.samples import MODEL, a_case, a_policy, a_reader

CLOSED = a_reader("dr.closed", Role.RADIOLOGIST)
IDLE = a_reader("dr.idle", Role.RADIOLOGIST)
OFFICER = incidents.OFFICER
SPARE, UNUSED, HELD, HELD_VERSION, ENDED, OBSERVED, PILOTED = (
    replace(MODEL, name=name)
    for name in ("spare", "unused", "held-model", "held-version", "ended", "observed", "piloted")
)
MODELS = (SPARE, UNUSED, HELD, HELD_VERSION, ENDED, OBSERVED, PILOTED)


@dataclass(slots=True)
class World(Rows):
    """Named results and cases, in a database.

    Args:
        trial: the version "tried" is tried for the study of "open", and not for that of "fresh".
        next_link: a link that would follow the last one of the journal, with its right hash.
    """

    next_link: dict[str, Any] = field(default_factory=dict)
    uids: int = 0
    trial: str = ""

    def uid(self) -> str:
        self.uids += 1
        return f"1.2.{self.uids}"


class Builder:
    """Builds a world; on PostgreSQL each step as its own role, so that this is also the walk of the honest life."""

    def __init__(self, database: Database) -> None:
        self.world = World()
        self.stores: dict[str, SqlStore] = {}
        self.database = database
        self.steps = Steps(self.store_of)

    def store_of(self, role: str) -> SqlStore:
        name = role if self.database.is_postgresql else "owner"
        if name not in self.stores:
            self.stores[name] = SqlStore(make_aval_engine(self.database.url_of(name)))
        return self.stores[name]

    def sql(self, role: str, *statements: Sql) -> None:
        with self.store_of(role).transaction(role) as unit:
            for statement, parameters in statements:
                unit.connection.execute(text(statement), parameters)

    def keep(self, name: str, result: Result) -> Result:
        self.world.results[name] = result
        self.world.sites[name] = self.steps.sites.get(result.case, "chu")
        self.world.cases[name] = result.case
        return result

    def open(
        self, name: str, *readers: str, site: str = "chu", policy: str = "", model: ModelVersion = MODEL
    ) -> Result:
        """A draft awaiting review, which ``readers`` were shown."""
        changes = {"policy": policy} if policy else {}
        result = self.keep(name, self.steps.drafted(self.world.uid(), site, model=model, **changes))
        self.sql("aval_desk", *(self.world.question(name, reader) for reader in readers))
        return result

    def case_of(self, name: str) -> Case:
        with self.store_of("aval_intake").reading() as unit:
            return unit.cases.get(self.world.cases[name])

    def validated(self, name: str, site: str = "chu", model: ModelVersion = MODEL) -> Result:
        result = self.steps.drafted(self.world.uid(), site, model=model)
        return self.keep(name, self.steps.sign(result))

    def delivered(self, name: str) -> Result:
        return self.keep(name, self.steps.deliver(self.validated(name)))

    # ------------------------------------------------------------------------------------------------ the stages

    def build(self) -> World:
        self.people_and_models()
        self.passkeys()
        self.every_state()
        self.halfway()
        self.outward()
        self.changed_worlds()
        self.stops()
        self.retirements()
        self.versions()
        self.sql("aval_desk", rights.revocation(rights.LOST, holds=0), rights.refusal())
        self.first_reads()
        preparations.build(self)
        self.sql("aval_desk", *recalls.rows(self.world))
        self.sql("aval_desk", *incidents.rows(self.world))
        self.read_the_journal()
        for store in self.stores.values():
            store.dispose()
        return self.world

    def people_and_models(self) -> None:
        self.sql(
            "owner",
            *(insert("users", user_row(reader)) for reader in (CLOSED, IDLE, OFFICER)),
            *(insert("models", model_row(model)) for model in (*MODELS, *versions.VERSIONS, versions.ONCE)),
            *(insert("habilitations", grant_row(right)) for right in (*rights.GIVEN, *preparations.GIVEN)),
            insert("policies", policy_row(a_policy(3))),
            insert("policies", policy_row(gestures.BY_PASSKEY)),
        )
        begun = [model for model in (*MODELS, *versions.VERSIONS, versions.ONCE) if model is not UNUSED]
        stages = {OBSERVED.id: Stage.SHADOW, PILOTED.id: Stage.SHADOW} | versions.STAGES
        self.sql(
            "owner",
            *(insert("stages", begun_row(model, stages.get(model.id, Stage.PILOT))) for model in begun),
        )
        self.sql("aval_desk", self.world.stage(PILOTED.id, n=2, stage="pilot"))

    def passkeys(self) -> None:
        self.sql("aval_desk", *(gestures.passkey(key) for key in gestures.OWNERS))
        self.sql("aval_desk", gestures.passkey_end(gestures.REVOKED))

    def every_state(self) -> None:
        steps, world = self.steps, self.world
        self.keep("queued", steps.queued(world.uid()))
        self.keep("failed", steps.conclude(steps.queued(world.uid()), ResultVerb.FAIL))
        self.keep("excluded", steps.conclude(steps.queued(world.uid()), ResultVerb.EXCLUDE))
        self.open("open", "dr.martin", "dr.leroy", "dr.petit", "dr.closed", "learner", "engineer")
        self.sql("aval_desk", world.question("open", nonce="late", expires_at=ASKED))
        self.sql("aval_desk", world.question("open", nonce="again"))
        self.sql("owner", update("users", {"login": "dr.closed"}, active=0))
        self.open("fresh")
        self.open("for two", "dr.martin", "dr.leroy", "dr.petit", policy=TWO_READERS.ref)
        self.validated("validated")
        self.keep("amended", steps.sign(steps.drafted(world.uid()), verdict=Verdict.AMEND))
        self.keep("rejected", steps.sign(steps.drafted(world.uid()), verdict=Verdict.REJECT))
        self.keep("expired", steps.expire(steps.drafted(world.uid())))
        overtaken = self.validated("stale")
        self.keep("stale", steps.supersede(self.case_of("stale"), overtaken)[0])
        self.delivered("delivered")
        self.keep("retracted", steps.withdraw(self.delivered("retracted"))[0])
        self.keep("shadow", steps.drafted(world.uid(), mode=Mode.SHADOW))
        for name in ("receiving", "quarantined", "bare", "doubted", "kept apart"):
            world.cases[name] = steps.receive(world.uid()).id
        for name in ("quarantined", "kept apart"):
            steps.quarantine(self.case_of(name))
        steps.doubt(self.case_of("doubted"))
        steps.say(self.case_of("kept apart"), Word.KEEP_APART)
        steps.complete(self.case_of("bare"), is_judged=False)
        world.cases["superseded"] = self.case_of("stale").id
        with self.store_of("aval_intake").transaction("scp") as unit:
            lonely = a_case(world.uid())
            unit.cases.add(lonely, steps.now())
            world.cases["lonely"] = lonely.id
        self.sql("aval_intake", world.fetch(), world.rejection())
        self.sql("aval_infer", world.run("open"), world.features(world.id("open")))

    def halfway(self) -> None:
        """Stages that honest code commits together, each cut off after one row."""
        w = self.world
        stages: list[Callable[[str], Sql]] = [
            w.opinion,
            w.decision,
            lambda name: w.move(name, "validated"),
            w.release,
            w.rendering,
            lambda name: w.rendering(name, "record"),
        ]
        for name, count in (("signed", 1), ("decided", 3), ("released", 4), ("rendered", 6)):
            self.open(name, "dr.martin", "dr.leroy")
            self.sql("aval_desk", *(stage(name) for stage in stages[:count]))
        self.open("half", "dr.martin", "dr.leroy", "dr.petit", policy=TWO_READERS.ref)
        self.sql("aval_desk", w.opinion("half"))
        self.open("by passkey", "dr.martin", policy=gestures.BY_PASSKEY.ref)
        self.open("claimed", "dr.martin")
        self.sql("aval_desk", w.opinion("claimed", passkey=gestures.MARTIN))
        self.open("counted", "dr.martin")
        counted = gestures.gesture(
            "counted", gestures.COUNTED, authenticator_data=gestures.authenticator_data(counter=5)
        )
        self.sql("aval_desk", w.opinion("counted", passkey=gestures.COUNTED), counted)
        self.validated("attempted")
        self.steps.begin(self.steps.deliveries(w.results["attempted"])[0])
        self.validated("declined")
        self.sql("aval_deliver", w.move_delivery("declined", state="declined", cause_code="refused"))
        self.delivered("withdrawn")
        self.sql("aval_desk", w.withdrawal("withdrawn"))
        self.delivered("recalled")
        self.sql("aval_desk", w.withdrawal("recalled"), w.withdrawal_release("recalled"), *self.recall("recalled"))
        self.validated("recalled early")
        self.sql("aval_desk", w.withdrawal("recalled early"), w.move("recalled early", "retracted"))

    def outward(self) -> None:
        """Destinations that were paused and that answer, and a result that somebody asked to be sent again."""
        w = self.world
        self.sql("aval_desk", w.pause("elsewhere", seq=1), w.resend("retracted"), w.export("retracted"))
        self.sql("aval_deliver", w.destination("elsewhere"))
        self.keep("word due", self.steps.withdraw(self.delivered("word due"))[0])

    def recall(self, name: str) -> list[Sql]:
        """The rendering and the delivery of a withdrawal whose result nobody moved."""
        w = self.world
        release = w.withdrawal_release_id(name)
        rendering = {"release_id": release, "content": w.withdrawal(name)[1]["content"]}
        delivery = {"id": w.delivery_id(name, kind="withdrawal"), "release_id": release, "kind": "withdrawal"}
        return [w.rendering(name, **rendering), w.delivery(name, **delivery)]

    def changed_worlds(self) -> None:
        w = self.world
        for name in ("late images", "signed, late images"):
            self.open(name, "dr.martin")
        for name in ("other person", "signed, expired", "asked, expired"):
            self.open(name, "dr.martin")
        for name in ("sent, late images", "sent, other person"):
            self.validated(name)
        self.sql("aval_desk", w.opinion("signed, late images"), w.opinion("signed, expired"))
        for name in ("late images", "signed, late images", "sent, late images"):
            self.steps.supersede(self.case_of(name))
        for name in ("signed, expired", "asked, expired"):
            self.steps.expire(w.results[name])
        for name in ("other person", "sent, other person"):
            self.sql("owner", update("cases", {"id": w.cases[name]}, identity_version=2, patient_identifier="IPP-2"))

    def stops(self) -> None:
        for scope, model, site, target in (
            (Scope.MODEL, HELD, "chu", HELD.name),
            (Scope.VERSION, HELD_VERSION, "chu", HELD_VERSION.id),
            (Scope.SITE, MODEL, "held-site", "held-site"),
            (Scope.DEVICE, MODEL, "chu", "held-device"),
        ):
            self.steps.sender = "held-device" if scope is Scope.DEVICE else "mr1"
            self.open(f"{scope} held", "dr.martin", site=site, model=model)
            self.validated(f"{scope} held, sent", site=site, model=model)
            self.steps.stop(scope, target)
        self.steps.sender = "mr1"

    def retirements(self) -> None:
        self.keep("queued, ended", self.steps.queued(self.world.uid(), model=ENDED))
        self.sql("aval_desk", self.world.retirement(ENDED.id))

    def versions(self) -> None:
        """One version that replaced another, one that is tried, one whose trial is over, one that is retired."""
        tried = versions.drawing(self.case_of("open").uid, self.case_of("fresh").uid)
        self.world.trial = tried.id
        self.sql(
            "aval_desk",
            versions.first("tried", seq=1),
            versions.promotion(versions.IS, seq=2, below=1),
            versions.first("once", seq=3),
            versions.trial(id="over", site="chu"),
            versions.trial_end("over"),
            versions.trial_row(tried),
            self.world.retirement(versions.OVER),
        )
        self.steps.stop(Scope.VERSION, versions.STOPPED)

    def first_reads(self) -> None:
        """Results that a radiologist reads before AI is shown, each a step further."""
        first_reads.build(self)

    def read_the_journal(self) -> None:
        with self.store_of("aval_audit").reading() as unit:
            query = text("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1")
            last = unit.connection.execute(query).one()
        link = {"seq": last.seq + 1, "at": ASKED, "actor": "desk:dr.martin", "role": "aval_desk"}
        link |= {"action": "release.result", "subject": "forged", "body": "{}", "prev": last.hash}
        self.world.next_link = link | {"hash": link_hash(**link)}
