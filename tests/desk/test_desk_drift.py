"""The page on drift: what changed, in words, beside its n; nothing below the minimum; nothing typed comes back."""

import csv
import io
import re
from html import unescape

import pytest
from starlette.testclient import TestClient

from bridge.comparison import Asked
from bridge.drift import N_MIN, Bin, Compared, Side, Verdict
from bridge.web import drift_words
from bridge.web.drift import DRAWN_MAX, drawn, form_of, to_csv
from bridge.web.i18n import load
from guarantee.policy import Role
from tests.desk.conftest import SignIn
from tests.desk.drifts import MODEL, another_scanner
from tests.desk.fake_desk import FakeDesk
from tests.desk.test_desk_monitoring import section

FRENCH = {"Accept-Language": "fr"}
PARIS = load(["fr", "en"], "Europe/Paris")
SAID = dict.fromkeys(("by", "count", "reference_from", "reference_to", "recent_from", "recent_to"), "") | {
    "mode": "care"
}


def shown(sign_in: SignIn, address: str = "/monitoring/drift") -> str:
    answer = sign_in(Role.ENGINEER).get(address, headers=FRENCH)
    assert answer.status_code == 200
    return answer.text


def test_a_replaced_scanner_is_to_be_looked_at_and_the_rest_is_not(sign_in: SignIn, desk: FakeDesk) -> None:
    desk.drifted = another_scanner()
    text = shown(sign_in)
    whole = unescape(section(text, "whole"))
    assert "Appareil Entrée 200 200" in whole
    assert re.search(r"Appareil Entrée 200 200 [\d,]+ > 99,98 % à regarder =MAGNETOM.* 0,0 % → 100,0 %", whole)
    assert re.search(r"Quantité : brain:Volume Sortie 200 200 [\d,]+ > 99,98 % à regarder médiane", whole)
    assert "Modalité Entrée 200 200 0,000 0,00 % rien de notable" in whole
    assert "=MAGNETOM&lt;b&gt;" in text
    assert "1 groupe n’est pas montré" in text
    assert "Mise en service d’une version de modèle" in section(text, "events")


def test_below_the_minimum_there_is_n_and_no_figure(sign_in: SignIn, desk: FakeDesk) -> None:
    desk.drifted = another_scanner(N_MIN - 1)
    whole = section(shown(sign_in), "whole")
    assert "Appareil Entrée 199 199 – – n insuffisant –" in whole
    assert "SIGNA" not in whole


def test_every_drawing_has_its_table(sign_in: SignIn, desk: FakeDesk) -> None:
    desk.drifted = another_scanner()
    text = shown(sign_in)
    assert text.count('<svg class="chart"') == text.count('<th scope="col">Valeur</th>') == 10
    assert "absent" in text
    first = drawn(desk.drifted.groups[0])[0]
    assert sum(before for _, before, _ in first.shares) == sum(after for _, _, after in first.shares) == 1.0
    assert all(28.0 <= top <= 250.0 for column in first.columns for top in column.tops)
    many = another_scanner().groups[0]
    assert len(drawn(type(many)(name="", reference=None, recent=None, rows=[*many.rows] * 9))) == DRAWN_MAX


def test_the_table_for_programs_has_every_bin_and_computes_nothing(sign_in: SignIn, desk: FakeDesk) -> None:
    desk.drifted = another_scanner()
    answer = sign_in(Role.ENGINEER).get("/monitoring/drift.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    device = [row for row in rows if row["feature"] == "device" and not row["group"]]
    assert {row["bin"]: (row["bin_reference"], row["bin_recent"]) for row in device} == {
        "'=MAGNETOM<b>": ("0", "200"),
        "SIGNA Premier": ("200", "0"),
    }
    assert (device[0]["verdict"], device[0]["model"]) == ("look", MODEL)
    assert {row["group"] for row in rows} == {"", "'=chu"}
    assert not any(cell.startswith("=") for row in csv.reader(io.StringIO(answer.text)) for cell in row)
    few = list(csv.DictReader(io.StringIO(to_csv(another_scanner(10)))))
    assert {(row["verdict"], row["psi"], row["bin"], row["bin_recent"]) for row in few} == {("few", "", "", "")}


def test_before_any_answer_the_page_says_so_and_there_is_no_table(sign_in: SignIn) -> None:
    assert "il n’y a rien à comparer" in shown(sign_in)
    assert sign_in(Role.ENGINEER).get("/monitoring/drift.csv").status_code == 404


def test_what_is_typed_into_the_address_does_not_come_back(sign_in: SignIn, desk: FakeDesk) -> None:
    desk.drifted = another_scanner()
    text = shown(sign_in, "/monitoring/drift?model=DUPONT&by=DUPONT&count=DUPON&mode=DUPONT&recent_from=DUPONT")
    assert "DUPON" not in re.sub(r'rel="nofollow"|href="/monitoring/drift\?[^"]*"', "", text)


@pytest.mark.parametrize(
    "said",
    [
        {"count": "199"},
        {"count": "99999"},
        {"count": "x"},
        {"by": "reader"},
        {"reference_from": "2026-11-01T00:00"},
        {"reference_from": "2026-11-02T00:00", "reference_to": "2026-11-01T00:00"},
        {
            "reference_from": "2026-11-01T00:00",
            "reference_to": "2026-11-10T00:00",
            "recent_from": "2026-11-09T00:00",
            "recent_to": "2026-11-20T00:00",
        },
    ],
)
def test_what_cannot_be_compared_is_said(sign_in: SignIn, desk: FakeDesk, said: dict[str, str]) -> None:
    desk.drifted = another_scanner()
    form = form_of({**SAID, **said}, MODEL, PARIS["fr"])
    assert (form.wrong, form.asked) == (True, Asked(model=MODEL))
    answer = sign_in(Role.ENGINEER).get("/monitoring/drift", params=said, headers=FRENCH)
    assert "Ces périodes ne peuvent pas être comparées" in answer.text


def test_times_are_those_of_the_site() -> None:
    times = {"reference_from": "2026-07-01T10:00", "reference_to": "2026-07-02T10:00"}
    form = form_of({**SAID, **times, "by": "site", "count": "500"}, MODEL, PARIS["fr"])
    assert form.asked is not None
    assert form.asked.reference is not None
    assert [end.isoformat() for end in form.asked.reference] == [
        "2026-07-01T10:00:00+02:00",
        "2026-07-02T10:00:00+02:00",
    ]
    assert (form.asked.by, form.asked.count, form.asked.recent, form.wrong) == ("site", 500, None, False)


def test_nobody_else_may_look(nobody: TestClient) -> None:
    for path in ("/monitoring/drift", "/monitoring/drift.csv"):
        assert nobody.get(path, follow_redirects=False).headers["location"].startswith("/sign-in")


def test_the_engineers_page_leads_to_it(sign_in: SignIn) -> None:
    assert 'href="/monitoring/drift"' in sign_in(Role.ENGINEER).get("/monitoring").text


def test_every_verdict_side_and_bin_has_its_words() -> None:
    assert drift_words.VERDICTS.keys() == set(Verdict)
    assert drift_words.SIDES.keys() == set(Side)
    french = PARIS["fr"]
    bins = [
        Bin(kind=kind, word="IRM", low=1.5, high=3.25, reference=1, recent=1) for kind in ("range", "word", "other")
    ]
    assert [drift_words.bin_words(one, "device", french) for one in bins] == [
        "1,5 à 3,25",
        "IRM",
        "autres, trop rares pour être distingués",
    ]
    ended = [Bin(kind="word", word=word, reference=1, recent=1) for word in ("drafted", "modality", "unheard-of")]
    assert [drift_words.bin_words(one, "outcome", french) for one in ended][::2] == ["Brouillon produit", "unheard-of"]
    assert drift_words.bin_words(ended[1], "outcome", french) != "modality"
    said = [drift_words.quantile(share, french).replace("\u00a0", " ") for share in (0.0, 0.5, 0.9998, 1.0)]
    assert said == ["0,00 %", "50,00 %", "99,98 %", "> 99,98 %"]
    assert drift_words.feature("reading:Lactate", french) == "Mesure\u00a0: Lactate"
    assert drift_words.feature("unheard-of", french) == "unheard-of"


def test_what_differs_most_is_the_bin_whose_share_moved_most() -> None:
    bins = [Bin(kind="word", word=word, reference=n, recent=m) for word, n, m in (("a", 50, 45), ("b", 50, 155))]
    row = Compared(
        side=Side.INPUT,
        name="x",
        n_reference=100,
        n_recent=200,
        medians=None,
        psi=0.1,
        quantile=0.9,
        p=1.0,
        verdict=Verdict.STEADY,
        bins=bins,
    )
    found = drift_words.strongest(row)
    assert found is not None
    assert (found[0].word, found[1], found[2]) == ("a", 0.5, 0.225)
