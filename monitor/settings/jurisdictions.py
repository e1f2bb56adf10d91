"""A first configuration for each jurisdiction: entity, calendar, methods and their options, every limit set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FirstMethod:
    """A method as it is written: options as YAML, and what the reader must decide."""

    id: str
    mode: str
    note: str
    options: str = ""

    def line(self) -> str:
        """The list item of `entities.<name>.methods`."""
        options = f", options: {self.options}" if self.options else ""
        return f"      - {{id: {self.id}, mode: {self.mode}{options}}}  # {self.note}"


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """What differs between the first configurations of two countries."""

    name: str
    entity: str
    currency: str
    time_zone: str
    calendar: str
    methods: tuple[FirstMethod, ...]


_HOUSE = FirstMethod("house.composite", "shadow", "the common yardstick, beside it for the record")

JURISDICTIONS = {
    "jp": Jurisdiction(
        "Japan",
        "jp-main",
        "JPY",
        "Asia/Tokyo",
        "JP",
        (
            FirstMethod("jp.psa_custody", "in_force", "client assets under the Payment Services Act: pages people"),
            FirstMethod("jp.crypto_reserve_2026", "shadow", "draft: not computable until the ordinance gives numbers"),
            _HOUSE,
        ),
    ),
    "kr": Jurisdiction(
        "Korea",
        "kr-main",
        "KRW",
        "Asia/Seoul",
        "KR",
        (
            FirstMethod(
                "kr.vaupa_reserve", "in_force", "market other: no Korean won market; available sum: all policies", "{market: krw}"
            ),
            FirstMethod("kr.vaupa_cold", "in_force", "cold-wallet ratio and same-kind holding"),
            FirstMethod("kr.kfb_reserve", "shadow", "guideline for exchanges with real-name accounts"),
            _HOUSE,
        ),
    ),
    "hk": Jurisdiction(
        "Hong Kong",
        "hk-main",
        "HKD",
        "Asia/Hong_Kong",
        "HK",
        (FirstMethod("hk.vatp", "in_force", "SFC guidelines; needs declarations of capital and expenses"), _HOUSE),
    ),
    "eu": Jurisdiction(
        "the European Union",
        "eu-main",
        "EUR",
        "Europe/Paris",
        "FR",
        (
            FirstMethod("eu.mica_67", "in_force", "class 1, 2 or 3 of Annex IV; 3 is a trading platform", '{class: "3"}'),
            _HOUSE,
        ),
    ),
    "sg": Jurisdiction(
        "Singapore",
        "sg-main",
        "SGD",
        "Asia/Singapore",
        "SG",
        (FirstMethod("sg.ps", "in_force", "institution major or standard", "{institution: major}"), _HOUSE),
    ),
    "ae": Jurisdiction(
        "Dubai",
        "ae-main",
        "AED",
        "Asia/Dubai",
        "AE",
        (
            FirstMethod(
                "ae.vara", "in_force", "activities: exchange, broker_dealer, custody", "{activities: [exchange], custodian: own}"
            ),
            _HOUSE,
        ),
    ),
    "us": Jurisdiction(
        "New York",
        "us-main",
        "USD",
        "America/New_York",
        "US",
        (FirstMethod("us.ny_custody", "in_force", "the 1:1 test of customers' virtual currency"), _HOUSE),
    ),
    "uk": Jurisdiction(
        "the United Kingdom",
        "uk-main",
        "GBP",
        "Europe/London",
        "GB",
        (
            FirstMethod("uk.mifidpru_k", "in_force", "permanent minimum of the firm's class", '{permanent_minimum: "150000"}'),
            _HOUSE,
        ),
    ),
}

_TEXT = """\
# reserve-monitor, first configuration for {name}. Every key is explained in docs/configuration.md and by
# `reserve-monitor config reference`; `reserve-monitor config check` says what is wrong or open.
# Raise `revision` whenever you change something that figures depend on: the journal refuses a change under an old number.
revision: 0

kafka:
  bootstrap_servers: "127.0.0.1:9092"   # `make kafka-up`, `reserve-monitor broker` and Compose listen there
  security_protocol: PLAINTEXT          # beyond this host: SASL_SSL or SSL, with the keys below
  # sasl_mechanism: SCRAM-SHA-512
  # username: reserve-intake
  # password_file: /etc/reserve-monitor/secrets/kafka_password
  # ca_file: /etc/reserve-monitor/ca.pem
  # embedded: true                      # only for `reserve-monitor broker`

entities:
  {entity}:                              # the licensed legal entity, as your events name it
    reporting_currency: {currency}
    time_zone: {time_zone}                # where its business day ends
    calendar: {calendar}                        # business days of deadlines
    methods:
{methods}
    prices:
      max_age_s: 3600                   # an older price is missing
      pivots: [{pivots}]                    # crossed over these where no direct price exists
    levels:
      watch_enter: "1.05"               # warn below 105 % of what is required
      watch_exit: "1.10"                # until above 110 %
      shortfall_exit: "1.00"
      enter_dwell_s: 0                  # so long a page waits: a transfer under way is a group, and pages nobody
      exit_dwell_s: 60                  # so long an alert goes on after it is over: it does not flap
    freshness:                          # silence of a feed makes what depends on it unknown
      custody.balances: {{max_age_s: 600, account_max_age_s: 86400}}
      market.trades: {{max_age_s: 600}}
      market.prices: {{max_age_s: 600}}

sources:                                # from this share of dead letters on a source is unhealthy, its figures unknown
  custody.balances: {{bad_share: "0.01"}}
  market.trades: {{bad_share: "0.01"}}
  market.prices: {{bad_share: "0.01"}}
  security.incidents: {{bad_share: "0.01"}}
  entity.declarations: {{bad_share: "0.01"}}
  reserve.operations: {{bad_share: "0.01"}}

prices: {{outlier_ratio: "10"}}           # a price ten times off its predecessor is a bound until confirmed
corrections: {{horizon_days: 400}}        # older trades, prices and positions are refused

alerting:
  hold_s: 86400                         # an undelivered alert is tried for a day
  # runbook_base_url: https://wiki.example/runbooks/README.md   # where you serve deploy/runbooks: alerts link there
  channels:                             # try them: reserve-monitor alerts test
    pager: {{type: alertmanager, urls: ["http://127.0.0.1:9093"]}}
    # on-call: {{type: pagerduty, routing_key_file: /etc/reserve-monitor/secrets/pagerduty}}
    # chat: {{type: slack, token_file: /etc/reserve-monitor/secrets/slack, channel: C0123456789}}
    # hook: {{type: webhook, url: "https://ops.example/reserve", secret_file: /etc/reserve-monitor/secrets/hook}}

http:
  host: 127.0.0.1                       # status page, probes, /metrics
  port: 9464
  # advertised_url: "https://reserve.example"  # where others open that page: notifications lead there
# audit: {{keys: [/etc/reserve-monitor/secrets/audit.pem]}}    # signs checkpoints; make it with `reserve-monitor audit keygen`
# archive: {{target: /srv/reserve-archive, keep_years: 10}}    # keeps the record beyond Kafka; or s3://bucket/prefix
metrics: {{assets: [BTC, ETH, {currency}]}}    # assets with series of their own; the rest are `other`
log: {{level: info, format: auto}}
"""


def first_configuration(code: str) -> str:
    """The text of a first `reserve.yaml` for a jurisdiction; KeyError for a code that is none of JURISDICTIONS."""
    one = JURISDICTIONS[code]
    return _TEXT.format(
        name=one.name,
        entity=one.entity,
        currency=one.currency,
        time_zone=one.time_zone,
        calendar=one.calendar,
        methods="\n".join(method.line() for method in one.methods),
        pivots="USD, USDT" if one.currency != "USD" else "USDT, EUR",
    )
