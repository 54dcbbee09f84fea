"""Every text of the desk is in the catalogues, in both languages; none is hard-coded in a template or a script."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from bridge.web import build_catalogues, script_words, words
from bridge.web.i18n import DOMAIN, FOLDER
from guarantee.content import Presence
from guarantee.opinion import Reason, Verdict
from guarantee.policy import Role
from guarantee.release import Kind, WithdrawalReason
from guarantee.result import Priority
from guarantee.states import ResultState

WEB = Path(build_catalogues.__file__).parent
TEMPLATES = sorted((WEB / "templates").glob("*.html"))
SCRIPTS = sorted((WEB / "static" / "js").glob("*.js"))


def messages(language: str) -> list[Message]:
    """Return the entries of a catalogue, without its header."""
    with (FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as source:
        return [message for message in read_po(source, locale=language, domain=DOMAIN) if message.id]


def texts(value: object) -> tuple[str, ...]:
    """Return a message's singular and plural."""
    return tuple(value) if isinstance(value, tuple | list) else (str(value or ""),)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_catalogue_holds_exactly_the_texts_of_the_code(language: str) -> None:
    wanted = {texts(message.id) for message in build_catalogues.template(language) if message.id}
    found = {texts(message.id) for message in messages(language)}
    assert found == wanted, "run: python -m bridge.web.build_catalogues, then translate"


@pytest.mark.parametrize("language", ["fr", "en"])
def test_nothing_is_missing_or_doubtful(language: str) -> None:
    for message in messages(language):
        assert all(texts(message.string)), message.id
        assert not message.fuzzy, message.id


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_translation_fills_in_the_same_values(language: str) -> None:
    for message in messages(language):
        named = {frozenset(re.findall(r"%\((\w+)\)", text)) for text in texts(message.id)}
        wanted = frozenset.union(*named)
        for text in texts(message.string):
            found = frozenset(re.findall(r"%\((\w+)\)", text))
            assert found <= wanted, message.id
            assert found == wanted or len(texts(message.id)) > 1, message.id


def test_french_is_typeset_as_french() -> None:
    for message in messages("fr"):
        for text in texts(message.string):
            assert not re.search(r" [:;?!»]| %%|« ", text), text
            assert "'" not in text, text
            assert "..." not in text, text


def test_nothing_is_claimed_that_is_not_so() -> None:
    for message in (*messages("fr"), *messages("en")):
        for text in texts(message.string):
            assert not re.search(r"certifi|inviolable|tamper-proof|conforme|compliant", text, re.IGNORECASE), text


# ---------------------------------------------------------------------------------------------------- coded values


def test_every_coded_value_has_its_words() -> None:
    assert words.STATES.keys() == set(ResultState)
    assert words.PRIORITIES.keys() == set(Priority)
    assert words.ROLES.keys() == set(Role)
    assert words.PRESENCES.keys() == set(Presence)
    assert words.VERDICTS.keys() == set(Verdict)
    assert words.REASONS.keys() == set(Reason)
    assert words.WITHDRAWAL_REASONS.keys() == set(WithdrawalReason)
    assert words.KINDS.keys() == {str(kind) for kind in Kind}
    assert {f"result.{state}" for state in ResultState} <= words.ACTIONS.keys()


def test_no_two_states_look_alike() -> None:
    seen = [(word.text, word.icon) for word in (*words.STATES.values(), words.HELD, words.UNDELIVERED)]
    assert len({text for text, _ in seen}) == len(seen)


def test_no_state_reads_as_normal() -> None:
    for word in words.STATES.values():
        assert "normal" not in word.text.lower()


def test_an_unknown_code_is_shown_as_it_is() -> None:
    assert words.action_text("galaxy.moved") == "galaxy.moved"
    assert words.action_text("withdrawal.wrong-patient") == words.ACTIONS["withdrawal"]


# ------------------------------------------------------------------------------------------------------ hard-coded text

NAMES = {"Aval", "UDI", "L", "W", "Ctrl"}
"""What stands in a page in every language: a name, symbols of a window, a key."""


class _Texts(HTMLParser):
    """Collects what a person would read in a template once its expressions are gone."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "link", "input", "path", "circle", "rect"}:
            self.inside.append(tag)
        self.found += [value or "" for name, value in attrs if name in {"aria-label", "title", "alt", "placeholder"}]

    def handle_endtag(self, tag: str) -> None:
        if tag in self.inside:
            while self.inside.pop() != tag:
                continue

    def handle_data(self, data: str) -> None:
        if not {"kbd", "script"} & set(self.inside):
            self.found.append(data)


def hard_coded(template: str) -> list[str]:
    """Return the words that a template says without asking the catalogue."""
    named = re.sub(r"\{% block (root|body_class) %\}.*?\{% endblock %\}", " ", template)
    plain = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", named, flags=re.DOTALL)
    parser = _Texts()
    parser.feed(plain)
    said = {word for text in parser.found for word in re.findall(r"[^\W\d_]+", text)}
    for expression in re.findall(r"\{[{%](.*?)[%}]\}", named, flags=re.DOTALL):
        for literal in re.finditer(r"([\"'])(.*?)\1", expression):
            before = expression[: literal.start()]
            if re.search(r"[^\W\d_]{2,} [^\W\d_]{2,}", literal[2]) and not re.search(
                r"(_|gettext)\(\s*$|,\s*$", before
            ):
                said.add(literal[2])
    return sorted(said - NAMES)


@pytest.mark.parametrize("path", [path for path in TEMPLATES if path.name != "_icons.html"], ids=lambda path: path.name)
def test_a_template_says_nothing_of_its_own(path: Path) -> None:
    assert hard_coded(path.read_text()) == []


def test_the_detector_finds_what_it_must() -> None:
    assert hard_coded("<p>Bonjour {{ name }}</p>") == ["Bonjour"]
    assert hard_coded('<button aria-label="Close">{{ icon("x") }}</button>') == ["Close"]
    assert hard_coded('{{ "Not translated" if x else "" }}') == ["Not translated"]
    assert hard_coded('<p>{{ _("Translated text") }} <kbd>J</kbd></p>') == []


def strings(script: str) -> list[str]:
    """Return the string literals of a script that read like words to a person."""
    code = re.sub(r"/\*.*?\*/|(?<![:'\"])//[^\n]*", "", script, flags=re.DOTALL)
    code = re.sub(r"new Error\((['`]).*?\1\)", "", code)
    literals = [text for _, text in re.findall(r"(['`\"])((?:\\.|(?!\1).)*)\1", code)]
    plain = [re.sub(r"\$\{[^}]*\}", " ", text) for text in literals]
    return [text for text in plain if re.search(r"[A-Za-zÀ-ÿ]{2,}[,.]? +[a-zà-ÿ]{2,}", text) and not _technical(text)]


def _technical(text: str) -> bool:
    """Return whether a literal is a selector, a font or a colour."""
    return bool(re.search(r"[#.\[][\w-]+|sans-serif|rgb\(", text))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_says_nothing_of_its_own(path: Path) -> None:
    assert strings(path.read_text()) == []


def test_the_scripts_detector_finds_what_it_must() -> None:
    assert strings("notice.textContent = 'The draft changed';") == ["The draft changed"]
    assert strings("x = 'tone';  // a comment with words") == []
    assert strings("x = `Voir coupe ${n}`;") == ["Voir coupe  "]
    assert strings("say('slice', {})") == []


def test_every_text_of_the_scripts_is_used_and_none_is_missing() -> None:
    code = "\n".join(path.read_text() for path in SCRIPTS)
    quoted = set(re.findall(r"'(\w+)'", code))
    assert script_words.SCRIPT.keys() <= quoted
    asked = set(re.findall(r"\bsay\('(\w+)'", code))
    assert asked <= script_words.SCRIPT.keys()


def test_no_page_uses_the_web_storage() -> None:
    for path in SCRIPTS:
        assert not re.search(r"localStorage|sessionStorage|indexedDB", path.read_text()), path.name


def test_no_template_carries_script_or_style_of_its_own() -> None:
    for path in TEMPLATES:
        text = path.read_text()
        assert not re.search(r"<style|\sstyle=|\son\w+=", text), path.name
        assert all('type="application/json"' in tag or "src=" in tag for tag in re.findall(r"<script[^>]*>", text))
