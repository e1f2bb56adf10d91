"""The demo's story, in the spirit of January 2018: a theft from a hot wallet while trading goes wild, and the way out of it.

Seeded and without a clock of its own: the same seed and length tell the same story. Its quantities are made up, its prices
are those of the day, rounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from monitor.core.journal.vocabulary import BALANCES, DECLARATIONS, INCIDENTS, PRICES, TRADES
from monitor.core.values.times import SECOND, exact_time
from monitor.events import Event
from streams.demo.simulator import Simulator, Venue, Wallet, balance_value

ENTITY = "jp-main"
STOLEN = Decimal(15_000_000)
EXPECTED = ("ReserveShortfall", "ClientAssetShortfall", "HotStorageLimitExceeded", "SecurityIncidentOpen")
"""Alerts the story must raise, and clear."""

_FEED_S = 3
_CALM_RATE, _WILD_RATE = 20, 300


@dataclass(frozen=True, slots=True)
class Scene:
    """A turn of the story: when it comes, as a share of the whole, and what a reader is told."""

    name: str
    begins: float
    caption: str


ACTS = (
    Scene("calm", 0.0, "Trading is normal; client coins are whole, the reserve is above what is required"),
    Scene("theft", 0.12, "An outsider empties the XEM hot wallet; trading goes wild, prices fall"),
    Scene("withdrawals", 0.20, "Clients withdraw: 4,000 BTC go from cold to hot storage, beyond the 5 % cap"),
    Scene("estimate", 0.28, "The incident arrives with an early estimate: JPY 1.0 billion"),
    Scene("first revision", 0.38, "Revised: 12 million XEM are gone, JPY 1.2 billion"),
    Scene("second revision", 0.48, "Revised again: all 15 million XEM of the wallet are gone; contained"),
    Scene("top-up", 0.58, "Treasury buys the stolen XEM back, sweeps BTC to cold storage, tops the reserve up"),
    Scene("closed", 0.74, "The incident is closed; trading calms down"),
)


class January2018:
    """The events of each second, for a story of `length_s` seconds."""

    def __init__(self, seed: int, length_s: int) -> None:
        self._simulator = Simulator({ENTITY: "JPY"}, seed, f"demo-{seed}")
        self._length_s = length_s
        self._told: set[str] = set()
        self._stolen_at = 0
        self.venue: Venue = self._simulator.venues[0]
        self.venue.prices = {"BTC": Decimal(1_240_000), "XEM": Decimal(100)}
        self.venue.wallets = _wallets()

    def act(self, second: int) -> Scene:
        """The act that `second` belongs to."""
        return [act for act in ACTS if act.begins * self._length_s <= second][-1]

    def opening(self, at: int) -> Iterator[Event]:
        """What the venue's systems know before the story begins."""
        for kind, amount in (("capital", 100_000_000), ("net_assets", 20_000_000_000)):
            value: dict[str, Any] = {
                "event_id": f"declared-{kind}",
                "entity": ENTITY,
                "kind": kind,
                "effective_from": exact_time(at),
                "effective_to": None,
                "amount": str(amount),
                "currency": "JPY",
                "attributes": {},
            }
            yield Event(DECLARATIONS, ENTITY, at, value)
        yield from self.calm(at)

    def calm(self, at: int) -> Iterator[Event]:
        """A moment of normal business that changes nothing in the story."""
        yield from self._simulator.prices(self.venue, at)
        yield from self._simulator.positions(self.venue, at)
        yield from self._simulator.trades(self.venue, at, _CALM_RATE)

    def second(self, number: int, at: int) -> Iterator[Event]:
        """The events of second `number`, which begins at `at` (ns)."""
        act = self.act(number)
        turns = act.name not in self._told
        if turns:
            self._told.add(act.name)
            yield from self._turn(act.name, at)
        wild = ACTS[1].begins * self._length_s <= number < ACTS[-1].begins * self._length_s
        self._simulator.walk(self.venue, Decimal("0.01") if wild else Decimal("0.001"))
        yield from self._simulator.prices(self.venue, at)
        if not turns and number % _FEED_S == 0:
            yield from self._simulator.positions(self.venue, at)
        yield from self._simulator.trades(self.venue, at, _WILD_RATE if wild else _CALM_RATE)

    def _turn(self, name: str, at: int) -> Iterator[Event]:
        """What happens once, when an act begins."""
        if name == "theft":
            self._stolen_at = at
            self._wallet("hot-xem").quantity -= STOLEN
            self._fall(Decimal("0.85"))
            yield self._position("stolen", "hot-xem", at)
        elif name == "withdrawals":
            yield from self._transfer("to-hot", "cold-btc", "hot-btc", Decimal(4_000), at)
        elif name == "estimate":
            yield self._incident(1, "suspected", at, estimate=1_000_000_000)
        elif name == "first revision":
            yield self._incident(2, "confirmed", at, stolen=Decimal(12_000_000), estimate=1_200_000_000)
        elif name == "second revision":
            yield self._incident(3, "contained", at, stolen=STOLEN)
        elif name == "top-up":
            self._wallet("cold-xem").quantity += STOLEN
            self._wallet("reserve").quantity += 3_000_000_000
            yield self._position("bought", "cold-xem", at)
            yield self._position("topped-up", "reserve", at)
            yield from self._transfer("to-cold", "hot-btc", "cold-btc", Decimal(4_000), at)
        elif name == "closed":
            yield self._incident(4, "closed", at, stolen=STOLEN)

    def _position(self, name: str, account: str, at: int) -> Event:
        return Event(BALANCES, ENTITY, at, balance_value(f"{name}-{account}", ENTITY, self._wallet(account), at))

    def _transfer(self, name: str, source: str, target: str, quantity: Decimal, at: int) -> Iterator[Event]:
        """Both ends of a transfer as one group, so that nobody sees it half."""
        self._wallet(source).quantity -= quantity
        self._wallet(target).quantity += quantity
        for account in (source, target):
            value = balance_value(f"{name}-{account}", ENTITY, self._wallet(account), at)
            yield Event(BALANCES, ENTITY, at, {**value, "sequence": 1, "group": name, "group_size": 2})

    def _incident(
        self, revision: int, status: str, at: int, *, stolen: Decimal | None = None, estimate: int | None = None
    ) -> Event:
        losses = [] if stolen is None else [{"asset": "XEM", "quantity": str(stolen), "owner": "client", "account": "hot-xem"}]
        value: dict[str, Any] = {
            "incident_id": "2018-xem-hot-wallet",
            "revision": revision,
            "entity": ENTITY,
            "kind": "hot_wallet_theft",
            "severity": "critical",
            "status": status,
            "occurred_at": exact_time(self._stolen_at),
            "detected_at": exact_time(self._stolen_at + SECOND),
            "updated_at": exact_time(at),
            "losses": losses,
            "loss_estimate": None if estimate is None else {"amount": str(estimate), "currency": "JPY"},
            "recoveries": [],
            "reported_by": "internal",
            "summary": "XEM left the hot wallet to an address that is not ours",
        }
        return Event(INCIDENTS, ENTITY, at, value)

    def _fall(self, share: Decimal) -> None:
        for asset, price in self.venue.prices.items():
            self.venue.prices[asset] = (price * share).quantize(Decimal("0.01"))

    def _wallet(self, account: str) -> Wallet:
        return next(wallet for wallet in self.venue.wallets if wallet.account == account)


def demo_settings(kafka: Mapping[str, Any], http_port: int, hook: str, secret_file: str) -> dict[str, Any]:
    """The daemon's configuration in the story: both methods in force, short dwells, one webhook to the demo itself."""
    return {
        "kafka": dict(kafka),
        "http": {"port": http_port},
        "publish_interval_s": 10,
        "metrics": {"assets": ["BTC", "XEM"]},
        "alerting": {"channels": {"demo": {"type": "webhook", "url": hook, "secret_file": secret_file}}},
        "sources": {topic: {"bad_share": "0.05"} for topic in (BALANCES, INCIDENTS, TRADES, PRICES)},
        "entities": {
            ENTITY: {
                "reporting_currency": "JPY",
                "time_zone": "Asia/Tokyo",
                "calendar": "JP",
                "methods": [{"id": "jp.psa_custody"}, {"id": "house.composite"}],
                "prices": {"max_age_s": 60},
                "levels": {"watch_enter": "1.05", "watch_exit": "1.10", "shortfall_exit": "1.00", "dwell_s": 1},
                "freshness": {BALANCES: {"max_age_s": 30}, TRADES: {"max_age_s": 30}},
            }
        },
    }


def _wallets() -> list[Wallet]:
    def wallet(account: str, role: str, storage: str, asset: str, quantity: int) -> Wallet:
        return Wallet(account, role, storage, asset, Decimal(quantity))

    return [
        wallet("cold-btc", "client_asset", "cold", "BTC", 29_400),
        wallet("hot-btc", "client_asset", "hot", "BTC", 600),
        wallet("ledger-btc", "client_liability", "ledger", "BTC", 30_000),
        wallet("guarantee-btc", "guarantee_asset", "cold", "BTC", 800),
        wallet("cold-xem", "client_asset", "cold", "XEM", 485_000_000),
        wallet("hot-xem", "client_asset", "hot", "XEM", 15_000_000),
        wallet("ledger-xem", "client_liability", "ledger", "XEM", 500_000_000),
        wallet("guarantee-xem", "guarantee_asset", "cold", "XEM", 18_000_000),
        wallet("reserve", "reserve_asset", "trust", "JPY", 600_000_000),
    ]
