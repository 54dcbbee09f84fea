"""``aval queues``: what waits at the broker; its dead letters, looked at and rung again; its definitions."""

import sys
from pathlib import Path
from typing import Any, Final

import click
import orjson

from bridge import logs
from bridge.broker import dead
from bridge.broker.dead import DeadLetter, Waiting
from bridge.broker.definitions import definitions as make_definitions
from bridge.broker.topology import topics
from bridge.cli.common import FAULT_FOUND, errors_as_exit_codes, folder_option, json_option, opened, say, table
from bridge.config import ConfigError, Settings
from guarantee.codec import time_text
from guarantee.events import fact_to_plain, topic

PASSWORD_BYTES_MAX: Final = 1024
"""Longest password of a login at the broker."""


@click.group()
def queues() -> None:
    """The doorbell between machines: RabbitMQ's queues and dead letters."""


@queues.command("list")
@folder_option
@json_option
@errors_as_exit_codes
def list_queues(folder: Path, as_json: bool) -> None:
    """List how much waits and who listens, then every dead letter, oldest first. Nothing is changed."""
    logs.hold_libraries()
    with opened(folder) as parts:
        url = _broker(parts.settings)
        found = dead.waiting(url, _topics(parts.settings))
        letters = dead.dead_letters(url)
    value = {"queues": [_queue(one) for one in found], "dead_letters": [_letter(one) for one in letters]}
    say(value, _told(found, letters), as_json=as_json)


@queues.command()
@click.argument("message", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="every dead letter that can be read")
@folder_option
@json_option
@errors_as_exit_codes
def replay(message: tuple[str, ...], everything: bool, folder: Path, as_json: bool) -> None:
    """Ring again for dead letters: whoever hears it looks at the row first, so nothing is done twice.

    Exit status 1 when a queue did not take its own, or a MESSAGE is no dead letter.
    """
    logs.hold_libraries()
    if bool(message) == everything:
        raise click.UsageError("name messages as `aval queues list` shows them, or give --all")
    with opened(folder) as parts:
        done = dead.replay(_broker(parts.settings), None if everything else frozenset(message))
    unknown = sorted(set(message) - {*done.rung, *done.refused})
    value = {"rung": done.rung, "refused": done.refused, "left": done.left, "unknown": unknown}
    lines = [
        f"{len(done.rung)} rung again, {len(done.refused)} refused, {done.left} left",
        *(f"{one} was taken by no queue; it is still a dead letter" for one in done.refused),
        *(f"{one} is no dead letter that can be read" for one in unknown),
    ]
    say(value, "\n".join(lines), as_json=as_json)
    sys.exit(FAULT_FOUND if done.refused or unknown else 0)


@queues.command()
@click.option("--login", default="aval", show_default=True, help="login that our processes use")
@click.option("--password-file", type=click.File("rb"), help="its password; without it, no login is defined")
@folder_option
@errors_as_exit_codes
def definitions(login: str, password_file: Any, folder: Path) -> None:
    """Print what `rabbitmqctl import_definitions` reads: host, exchanges, queues, bindings, our login.

    The password is in it as a salted hash: keep it as a secret.
    """
    with opened(folder) as parts:
        named = _destinations(parts.settings)
    passwords = {login: _password(password_file.read(PASSWORD_BYTES_MAX + 1))} if password_file else {}
    made = make_definitions(named, passwords)
    click.echo(orjson.dumps(made, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode())


def _password(data: bytes) -> str:
    text = data.decode(errors="replace").strip()
    if not text or len(data) > PASSWORD_BYTES_MAX:
        raise ConfigError(f"the password file must hold 1 to {PASSWORD_BYTES_MAX} bytes of text")
    return text


def _broker(settings: Settings) -> str:
    url = settings.broker.url.get_secret_value()
    if not url:
        raise ConfigError("broker.url is empty: the bell is inside the running process, and keeps no dead letters")
    return url


def _destinations(settings: Settings) -> list[str]:
    return [*settings.destinations.pacs, *settings.destinations.fhir, *settings.destinations.hl7]


def _topics(settings: Settings) -> tuple[str, ...]:
    return topics(_destinations(settings))


def _told(found: list[Waiting], letters: list[DeadLetter]) -> str:
    rows = [(one.queue, "(none yet)" if one.waiting is None else str(one.waiting), str(one.consumers)) for one in found]
    text = table(("QUEUE", "WAITING", "LISTEN"), rows)
    if not letters:
        return f"{text}\n\nno dead letter"
    head = ("MESSAGE", "TOPIC", "WHY", "SINCE")
    return f"{text}\n\n{table(head, [_row(one) for one in letters])}"


def _row(one: DeadLetter) -> tuple[str, ...]:
    since = time_text(one.at)[:19].replace("T", " ") if one.at else ""
    if one.fact is None:
        return (f"(unreadable, {one.size_bytes} bytes)", one.queue, one.reason, since)
    return (one.id, topic(one.fact), one.reason, since)


def _queue(one: Waiting) -> dict[str, Any]:
    return {"queue": one.queue, "waiting": one.waiting, "consumers": one.consumers}


def _letter(one: DeadLetter) -> dict[str, Any]:
    return {
        "message": one.id,
        "fact": fact_to_plain(one.fact) if one.fact else None,
        "queue": one.queue,
        "reason": one.reason,
        "at": time_text(one.at) if one.at else None,
        "size_bytes": one.size_bytes,
    }
