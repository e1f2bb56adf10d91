"""`dlq`: what intake refused, and what people do about it (CONTRACT 2, 3)."""

from __future__ import annotations

import asyncio
import getpass
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Protocol, cast

import typer

from monitor.cli import AsJson, Config, DryRun, KeyForTwo, OutForTwo, SecondSigner, SignWith, command_app, emit, talk
from monitor.cli.completion import entities, sources
from monitor.core.values.wording import count_of
from monitor.errors import UsageError

if TYPE_CHECKING:
    from streams.lookup.dead_letters import Act, StoredLetter
    from streams.wire.signatures import Signing

app = command_app(no_args_is_help=True, help="List, show, requeue and dismiss dead letters.")

Letters = Annotated[
    list[str], typer.Argument(metavar="ID", help="As `dlq list` prints it; without its last part all of a record.")
]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who does it; else the user of this system.")]
WhyText = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stays on record.")]


class Letterbox(Protocol):
    """Where dead letters lie; a test may hand in its own as the command's object."""

    def read(self) -> list[StoredLetter]:
        """All of them."""

    def signing(self, sign_with: SignWith) -> Signing:
        """What the keys vouch for of the sources."""

    def with_source_values(self, letters: list[StoredLetter]) -> list[StoredLetter]:
        """Letters with the values that stand in their source alone."""

    def requeue(self, letters: list[StoredLetter], act: Act) -> None:
        """Publish them again where they came from."""

    def dismiss(self, letters: list[StoredLetter], act: Act, entity: str | None) -> None:
        """Put on record that they need no more care."""


class LettersInKafka:
    """The dead letters of the configured broker."""

    def __init__(self, config: Config) -> None:
        from monitor.core.configuration.controls import Controls
        from monitor.settings.load import load_settings
        from streams.kafka.topics import topic_names

        self._settings = load_settings(config)
        self._kafka = self._settings.kafka
        self._names = topic_names(self._settings)
        controls = self._settings.controls
        self._controls = Controls(controls.approvers, frozenset(controls.four_eyes))

    def read(self) -> list[StoredLetter]:
        """See `Letterbox`."""
        from streams.lookup.dead_letters import read_letters

        return asyncio.run(read_letters(self._kafka, self._names, self._controls))

    def signing(self, sign_with: SignWith) -> Signing:
        """See `Letterbox`."""
        from monitor.cli.options import signing

        return signing(self._settings, sign_with)

    def with_source_values(self, letters: list[StoredLetter]) -> list[StoredLetter]:
        """See `Letterbox`."""
        from streams.lookup.requeue import with_source_values

        return asyncio.run(with_source_values(self._kafka, self._names, letters))

    def requeue(self, letters: list[StoredLetter], act: Act) -> None:
        """See `Letterbox`."""
        from streams.lookup.requeue import requeue as put_back

        dismissing = "dismissals" not in self._controls.four_eyes
        asyncio.run(put_back(self._kafka, self._names, letters, act, dismissing=dismissing))

    def dismiss(self, letters: list[StoredLetter], act: Act, entity: str | None) -> None:
        """See `Letterbox`."""
        from streams.lookup.dead_letters import dismiss as put_on_record

        asyncio.run(put_on_record(self._kafka, self._names, letters, act, entity))


@app.command("list", epilog="Example: reserve-monitor dlq list --topic custody.balances")
def list_letters(
    ctx: typer.Context,
    *,
    config: Config = None,
    topic: Annotated[
        str | None, typer.Option("--topic", metavar="TOPIC", help="Of this source topic only.", autocompletion=sources)
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", metavar="WORD", help="Refused for this reason only.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Dismissed ones too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the dead letters, each once, however often intake has written it."""
    from monitor.core.journal.vocabulary import SOURCE_TOPICS
    from streams.wire import REASONS

    _known(topic, SOURCE_TOPICS, "source topic")
    _known(reason, REASONS, "reason")
    letters = [
        letter
        for letter in _letterbox(ctx, config).read()
        if (every or not letter.dismissed) and topic in {None, letter.id.where.kind} and reason in {None, letter.reason}
    ]
    if as_json:
        emit([letter.shown() for letter in letters])
        return
    for letter in letters:
        typer.echo(
            f"{letter.id}  {letter.logged_at}  {letter.reason}{'  dismissed' if letter.dismissed else ''}  {letter.detail}"
        )
    talk(count_of(len(letters), "dead letter"))


@app.command(epilog="Example: reserve-monitor dlq show custody.balances/0/0/881")
def show(ctx: typer.Context, letters: Letters, config: Config = None) -> None:
    """Show dead letters whole: reason, place, headers, key and value.

    A value that stands in the source alone is fetched from it; `left_out` is its size where it is gone from there.
    """
    letterbox = _letterbox(ctx, config)
    emit([letter.shown() for letter in _valued(letterbox, letters)])


@app.command(epilog="Example: reserve-monitor dlq requeue custody.balances/0/0/881 --reason 'feed repaired'")
def requeue(
    ctx: typer.Context,
    letters: Letters,
    reason: WhyText,
    *,
    config: Config = None,
    by: By = None,
    sign_with: SignWith = None,
    dry_run: DryRun = False,
) -> None:
    """Publish refused records again where they came from, unchanged; the gap they left ends.

    Use it when what refused them has changed: an entity was configured, a mapping was mended. Of a record of several events
    those put back are read again at its first place, so that none that counted already counts twice.
    """
    from streams.lookup.requeue import again

    letterbox = _letterbox(ctx, config)
    chosen = _valued(letterbox, letters)
    act = _act(by, f"requeued: {reason}", letterbox.signing(sign_with))
    again(chosen, act)
    if not dry_run:
        letterbox.requeue(chosen, act)
    _tell("requeued", chosen, dry_run)


@app.command(epilog="Example: reserve-monitor dlq dismiss custody.balances/0/0/881 --reason 'sent again as b-2'")
def dismiss(
    ctx: typer.Context,
    letters: Letters,
    reason: WhyText,
    *,
    config: Config = None,
    by: By = None,
    entity: Annotated[
        str | None,
        typer.Option(
            "--entity", metavar="ENTITY", help="Whose records they are, where they do not say it.", autocompletion=entities
        ),
    ] = None,
    accepted: Annotated[
        bool,
        typer.Option("--accepted", help="They were taken: balances or prices in doubt that are right, trades sent once."),
    ] = False,
    sign_with: SignWith = None,
    second: SecondSigner = None,
    key: KeyForTwo = None,
    out: OutForTwo = None,
    dry_run: DryRun = False,
) -> None:
    """Put on record that dead letters need no more care; the gap they left ends.

    With --accepted and --entity it is about records that were taken: it ends the doubt about a balance or price (any of the
    records that said so may be named), and that trades up to one may count twice for their keys.
    `reserve.journal/0/PARTITION/OFFSET` steps over a journal record that the engine cannot take, as its log line says. Where
    controls.four_eyes lists dismissals it takes two: with --second, --key and --out it is signed and written, one letter a
    file, and counts once the second has run `promote sign` on it.
    """
    from monitor.cli.control.signing import left_to_second
    from monitor.core.journal.vocabulary import JOURNAL
    from streams.lookup.dead_letters import dismissal

    letterbox = _letterbox(ctx, config)
    chosen = _stuck([text for text in letters if text.startswith(JOURNAL)], entity, config)
    if sources := [text for text in letters if not text.startswith(JOURNAL)]:
        chosen += _taken(sources, entity) if accepted else _chosen(letterbox, sources)
    act = _act(by, reason, letterbox.signing(sign_with))
    made = [dismissal(letter, act, entity) for letter in chosen]
    if second is not None and len(made) != 1:
        raise UsageError("one dead letter a file: each is signed by itself")
    if left_to_second(made[0], second, key, out, config, needed=_needs_two(ctx, config), dry_run=dry_run):
        return
    if not dry_run:
        letterbox.dismiss(chosen, act, entity)
    _tell("dismissed", chosen, dry_run)


def _needs_two(ctx: typer.Context, config: Config) -> bool:
    from monitor.settings.load import load_settings

    return ctx.obj is None and "dismissals" in load_settings(config).controls.four_eyes


def _letterbox(ctx: typer.Context, config: Config) -> Letterbox:
    return LettersInKafka(config) if ctx.obj is None else cast("Letterbox", ctx.obj)


def _chosen(letterbox: Letterbox, ids: Sequence[str]) -> list[StoredLetter]:
    return _among(letterbox.read(), ids)


def _valued(letterbox: Letterbox, ids: Sequence[str]) -> list[StoredLetter]:
    """The letters chosen, with values that stand elsewhere."""
    from streams.lookup.requeue import with_values

    every = letterbox.read()
    chosen = with_values(_among(every, ids), every)
    return letterbox.with_source_values(chosen) if any(one.value is None for one in chosen) else chosen


def _among(every: Sequence[StoredLetter], ids: Sequence[str]) -> list[StoredLetter]:
    """The letters named: each by itself, or all of a record that are not dismissed; each once."""
    from streams.lookup.dead_letters import LetterId

    by_id = {letter.id: letter for letter in every}
    chosen: dict[LetterId, StoredLetter] = {}
    for text in ids:
        of_record = [one for one in every if one.record == text and not one.dismissed]
        found = of_record or [one for one in [by_id.get(LetterId.parse(text))] if one is not None]
        if not found:
            raise UsageError(
                f"there is no dead letter {text}: see `reserve-monitor dlq list --all`; "
                "what is to be said of a record that was taken takes --accepted"
            )
        chosen |= {letter.id: letter for letter in found}
    return list(chosen.values())


def _taken(places: Sequence[str], entity: str | None) -> list[StoredLetter]:
    """Records that were taken, and of which a person says something."""
    from streams.lookup.dead_letters import LetterId, taken_record

    return [taken_record(LetterId.parse(place), entity) for place in places]


def _stuck(places: Sequence[str], entity: str | None, config: Config) -> list[StoredLetter]:
    """Journal records that an engine cannot take."""
    from monitor.settings.load import load_settings
    from streams.lookup.dead_letters import LetterId, stuck_record

    if not places:
        return []
    partitions = load_settings(config).kafka.journal_partitions
    return [stuck_record(LetterId.parse(place), entity, partitions) for place in places]


def _act(by: str | None, reason: str, signing: Signing) -> Act:
    from streams.lookup.dead_letters import Act

    return Act(by or getpass.getuser(), reason, time.time_ns(), signing)


def _tell(done: str, letters: list[StoredLetter], dry_run: bool) -> None:
    for letter in letters:
        talk(f"{'would be ' if dry_run else ''}{done}: {letter.id}")


def _known(word: str | None, words: Sequence[str], noun: str) -> None:
    if word is not None and word not in words:
        raise UsageError(f"{word!r} is no {noun}; they are {', '.join(words)}")
