"""`whatif`: the live figures with other balances, prices, volume or declarations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import Config, ManyPaths, command_app, emit
from monitor.cli.completion import entities
from monitor.cli.foresight.asking import AtTime, Methods, OfEvents
from monitor.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.core.foresight.scenarios import Scenario

app = command_app()

_BALANCE = re.compile(r"(?:(?P<role>[a-z_]+)/)?(?P<storage>[a-z_]+):(?P<asset>[A-Z0-9.-]+)=(?P<shift>-?[0-9.]+)\Z")
_PRICE = re.compile(r"(?P<asset>[A-Z0-9.-]+)=(?P<change>[-+]?[0-9.]+)\Z")
_DECLARE = re.compile(r"(?P<kind>[a-z_]+)=(?P<shift>-?[0-9.]+)\Z")


@app.command(
    cls=ManyPaths,
    epilog="Example: reserve-monitor whatif jp-main --balance hot:BTC=-1000 --price BTC=-0.3 --method jp.psa_custody",
)
def whatif(
    entity: Annotated[str, typer.Argument(metavar="ENTITY", autocompletion=entities)],
    *,
    balance: Annotated[
        list[str] | None,
        typer.Option(metavar="[ROLE/]STORAGE:ASSET=QUANTITY", help="Add a quantity; may be negative, may be repeated."),
    ] = None,
    price: Annotated[
        list[str] | None, typer.Option(metavar="ASSET=SHARE", help="Price change as a share: -0.3 is 30 % less.")
    ] = None,
    volume: Annotated[str | None, typer.Option(metavar="FACTOR", help="Trades of 24 hours and of today times this.")] = None,
    declare: Annotated[
        list[str] | None, typer.Option(metavar="KIND=AMOUNT", help="Add to a declared amount, in the method's currency.")
    ] = None,
    method: Methods = None,
    events: OfEvents = None,
    at: AtTime = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcomes as JSON.")] = False,
    config: Config = None,
) -> None:
    """Print each method's figures before, after, and the difference, if balances, prices, volume or declarations were otherwise.

    Asked of the live book of the worker that holds the entity; nothing changes by asking. A balance without a role is
    `client_asset`. Exit 1 where a method in force would be short, 5 where it would not be known.
    """
    from monitor.cli.foresight.foresee import chosen, live, offline, show
    from monitor.cli.replayed import replayed
    from monitor.cli.verdict import exit_code

    scenario = _scenario(balance or [], price or [], volume, declare or [])
    engine = replayed(events, config, method or [], at) if events else None
    found = chosen(offline(engine, entity, scenario) if engine else live(entity, scenario, config), method or [])
    if as_json:
        emit(found)
    else:
        show(entity, "what if", found)
    raise typer.Exit(exit_code({"mode": outcome["mode"], "state": outcome["after"]["state"]} for outcome in found))


def _scenario(balances: Sequence[str], prices: Sequence[str], volume: str | None, declared: Sequence[str]) -> Scenario:
    from monitor.errors import ConfigurationError
    from monitor.methods.stresses import scenario_of

    stresses: list[dict[str, Any]] = [
        {"type": "balance"} | _parts(_BALANCE, text, "--balance hot:BTC=-1000, or guarantee_asset/cold:ETH=50")
        for text in balances
    ]
    stresses = [stress | {"role": stress["role"] or "client_asset"} for stress in stresses]
    for text in prices:
        parts = _parts(_PRICE, text, "--price BTC=-0.3")
        stresses.append({"type": "price", "asset": parts["asset"], "factor": _factor(text, parts["change"])})
    if volume is not None:
        stresses.append({"type": "volume", "factor": volume})
    stresses += [{"type": "declaration"} | _parts(_DECLARE, text, "--declare trust_principal=120000000") for text in declared]
    if not stresses:
        raise UsageError("nothing is changed: give --balance, --price, --volume or --declare")
    try:
        return scenario_of("what_if", {"title": "what if", "stresses": stresses})
    except ConfigurationError as error:
        raise UsageError(str(error)) from None


def _parts(form: re.Pattern[str], text: str, example: str) -> dict[str, Any]:
    found = form.match(text)
    if found is None:
        raise UsageError(f"{text!r}: write it as in {example}")
    return found.groupdict()


def _factor(text: str, change: str) -> str:
    from decimal import Decimal, InvalidOperation

    from monitor.core.values.money import plain

    try:
        factor = 1 + Decimal(change)
    except InvalidOperation:
        raise UsageError(f"--price {text}: {change} is no share") from None
    if factor < 0:
        raise UsageError(f"--price {text}: a price cannot fall by more than all of it (-1)")
    return plain(factor)
