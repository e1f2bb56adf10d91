"""Status objects of CONTRACT 5 in the states adequate, shortfall and unknown, for tests of what shows them."""

from copy import deepcopy
from typing import Any

AT = "2026-01-05T03:04:05.000000Z"
DIGEST = "sha256:" + "ab" * 32


def component(name: str, state: str = "adequate", **figures: Any) -> dict[str, Any]:
    """A component's row; a minimum in JPY unless said otherwise."""
    row = {
        "name": name,
        "bound": "min",
        "required": "10000000",
        "held": "12000000",
        "shortfall": "0",
        "amount": "0",
        "unit": "JPY",
        "ref": "CAESP Order 9(1)",
        "state": state,
        "cure_by": None,
    }
    return row | figures


def assessment(state: str = "adequate", method: str = "jp.psa_custody", **figures: Any) -> dict[str, Any]:
    """An assessment with its figures all known."""
    value = {
        "schema": "reserve.assessment/1",
        "entity": "jp-main",
        "method": method,
        "method_version": "2026.1",
        "method_digest": DIGEST,
        "mode": "in_force",
        "kind": "live",
        "revision": 0,
        "replaces": None,
        "at": AT,
        "business_date": "2026-01-05",
        "currency": "JPY",
        "projection": False,
        "state": state,
        "required": "1850000000",
        "available": "1850000000",
        "surplus": "0",
        "coverage": "1",
        "coverage_lower": "1",
        "coverage_upper": "1",
        "figures": {"hot_value": "1850000000"},
        "components": [
            component("guarantee_asset.BTC", required="40", held="42", unit="BTC", ref="PSA 63-11-2(1)"),
            component("guarantee_asset.ETH", required="900", held="905", unit="ETH", ref="PSA 63-11-2(1)"),
            component("hot_ratio", bound="max", required="0.05", held="0.04111112", unit="1", ref="CAESP Order 27(2)"),
            component("capital", required="10000000", held="3000000000"),
        ],
        "gaps": [],
        "why": [],
        "sources": [],
        "journal": {"partition": 0, "offset": 12345},
        "inputs_digest": DIGEST,
        "config_digest": DIGEST,
        "engine_version": "1",
        "chain": {"sequence": 7, "previous_digest": DIGEST},
        "result_digest": DIGEST,
        "digest": DIGEST,
    }
    return value | figures


def alert(name: str = "SameAssetShortfall", severity: str = "critical", **fields: Any) -> dict[str, Any]:
    """A firing alert."""
    value = {
        "schema": "reserve.alert/1",
        "fingerprint": "0" * 32,
        "alertname": name,
        "entity": "jp-main",
        "method": "jp.psa_custody",
        "rule": "guarantee_asset",
        "subject": "ETH",
        "severity": severity,
        "status": "firing",
        "revision": 1,
        "starts_at": AT,
        "updated_at": AT,
        "ends_at": None,
        "cure_by": None,
        "summary": "Own ETH in cold storage does not match client ETH held hot",
        "description": "850 ETH are designated where 900 are held hot: 50 ETH short, worth 25,000,000 JPY.",
        "runbook_url": "https://runbooks.example/SameAssetShortfall.md",
        "figures": {"held": "850", "required": "900"},
        "causes": [{"topic": "custody.balances", "epoch": 0, "partition": 3, "offset": 881, "event_id": "sweep-20260105-17"}],
        "reason": "entered",
        "mode": "in_force",
        "assessment_digest": DIGEST,
        "rehearsal": False,
    }
    return value | fields


def source(topic: str, age_s: int | None = 2, state: str = "ok", applied: int = 120) -> dict[str, Any]:
    """A source's row."""
    last = None if age_s is None else AT
    return {
        "topic": topic,
        "last_event_at": last,
        "age_s": age_s,
        "state": state,
        "applied": applied,
        "duplicate": 3,
        "conflict": 0,
        "late": 1,
        "dead_letter": 0,
    }


_ADEQUATE: dict[str, Any] = {
    "entity": "jp-main",
    "at": AT,
    "methods": [
        assessment(),
        assessment(
            method="kr.vaupa_reserve",
            mode="shadow",
            currency="KRW",
            required="17700000000",
            available="21300000000",
            surplus="3600000000",
            coverage="1.20338983",
            coverage_lower="1.20338983",
            coverage_upper="1.20338983",
            components=[component("reserve", required="17700000000", held="21300000000", unit="KRW", ref="Act 19563 art. 8")],
        ),
    ],
    "exposure": {
        "schema": "reserve.exposure/1",
        "entity": "jp-main",
        "at": AT,
        "currency": "JPY",
        "total": "412350000",
        "parts": {"custody": "285000000", "flow": "127350000", "incidents": "0", "loss_history": "0"},
        "scenarios": [],
        "buffers": [
            {
                "method": "jp.psa_custody",
                "currency": "JPY",
                "horizon_h": 24,
                "probability": "0.01",
                "amount": "31450000",
                "margin": "-25000000",
                "observations": 412,
                "estimator": "filtered_historical_simulation",
                "reason": None,
            },
        ],
        "forecasts": [],
        "forecast": {"shortfall_at": None, "method": None},
    },
    "alerts": [],
    "incidents": [],
    "trade_flow": [
        {
            "market": "BTC/JPY",
            "window": "24h",
            "date": None,
            "trades": 100803,
            "quantity": "20133.47158127",
            "value": "301998000000",
            "last_price": "15000000",
        },
        {
            "market": "ETH/JPY",
            "window": "24h",
            "date": None,
            "trades": 48211,
            "quantity": "91244.5",
            "value": "45622250000",
            "last_price": "500000",
        },
    ],
    "sources": [
        source("market.trades", applied=149014),
        source("custody.balances", 14),
        source("security.incidents", None, "ok", 0),
        source("market.prices", 1, applied=8800),
        source("entity.declarations", 86400, applied=6),
        source("reserve.operations", None, "ok", 0),
    ],
}


def adequate() -> dict[str, Any]:
    """All rules met."""
    return deepcopy(_ADEQUATE)


_STUDIED = assessment(
    "shortfall",
    "jp.crypto_reserve_2026",
    mode="shadow",
    method_version="2026.1-site",
    required="3210000000",
    available="0",
    surplus="-3210000000",
    coverage="0",
    coverage_lower="0",
    coverage_upper="0",
    components=[
        component(
            "reserve",
            "shortfall",
            required="3210000000",
            held="0",
            shortfall="3210000000",
            amount="3210000000",
            ref="Act No. 64 of 2026; ordinance pending",
        )
    ],
)


def compared() -> dict[str, Any]:
    """What is in force, a method of another currency and a study of the draft side by side (candidates.compared)."""

    def row(value: dict[str, Any], more: str, reporting: tuple[str, str, str], **fields: Any) -> dict[str, Any]:
        figures = dict(zip(("required", "available", "surplus"), reporting, strict=True))
        return value | {"study": False, "draft": False, "reporting": figures, "more": more, "parameters": []} | fields

    in_force, korean = adequate()["methods"]
    floor = {"name": "jp.crypto_reserve.floor", "value": "3210000000", "unit": "JPY", "status": "house", "ref": "our own"}
    drawn = {"name": "jp.crypto_reserve.draw_without_approval", "value": ["external_theft"], "unit": "incident_kinds",
             "status": "secondary", "ref": "press reports of November 2025"}  # fmt: skip
    rows = [
        row(in_force, "0", ("1850000000", "1850000000", "0")),
        row(korean, "97000000", ("1947000000", "2343000000", "396000000")),
        row(deepcopy(_STUDIED), "1360000000", ("3210000000", "0", "-3210000000"), study=True, parameters=[floor, drawn]),
    ]
    today = {"method": "jp.psa_custody", "required": "1850000000"}
    return {"entity": "jp-main", "at": AT, "currency": "JPY", "today": today, "methods": rows}


def proposals() -> list[dict[str, Any]]:
    """What mends a broken rule, and a rule that nothing known mends (sentences.proposal_object)."""
    move = {"kind": "transfer", "role": "client_asset", "asset": "ETH", "quantity": "50", "from": "hot", "to": "cold"}
    text = "move 50 ETH of client_asset from hot to cold, at once: the rule sets no term"
    common: dict[str, Any] = {"method": "jp.psa_custody", "state": "shortfall", "by": None, "costs": [], "reason": None}
    return [
        {**common, "rule": "guarantee_asset.ETH", "ref": "PSA 63-11-2(1)", "moves": [move | {"attributes": {}, "text": text}]},
        {**common, "rule": "capital", "ref": None, "moves": [], "reason": "how much is missing is not known"},
    ]


def shortfall() -> dict[str, Any]:
    """Own ETH is short of client ETH held hot, after a theft."""
    status = adequate()
    short = component(
        "guarantee_asset.ETH",
        "shortfall",
        required="900",
        held="850",
        shortfall="50",
        amount="25000000",
        unit="ETH",
        ref="PSA 63-11-2(1)",
    )
    trust = component(
        "fiat_trust",
        "shortfall",
        required="5000000000",
        held="4900000000",
        shortfall="100000000",
        amount="100000000",
        ref="CAESP Order 26(1)",
        cure_by="2026-01-07",
    )
    status["methods"][0] |= {
        "state": "shortfall",
        "available": "1825000000",
        "surplus": "-25000000",
        "coverage": "0.98648648",
        "coverage_lower": "0.98648648",
        "coverage_upper": "0.98648648",
    }
    status["methods"][0]["components"][1] = short
    status["methods"][0]["components"].append(trust)
    status["alerts"] = [
        alert(),
        alert(
            "ClientAssetShortfall",
            rule="fiat_trust",
            subject=None,
            cure_by="2026-01-07",
            summary="Client money is not all in trust",
            description="4,900,000,000 JPY are in trust where 5,000,000,000 are owed.",
        ),
        alert(
            "SecurityIncidentOpen",
            rule="security_incident_open",
            method=None,
            subject="inc-2026-01",
            summary="A security incident is open",
            description="hot wallet theft, confirmed: 50 ETH of clients, revision 2.",
        ),
        alert(
            "SourceStale",
            "warning",
            rule="source_stale",
            method=None,
            subject="market.prices/desk",
            causes=[],
            summary="A feed is silent",
            description="Nothing came from market.prices/desk for 11 min; its limit is 10 min.",
        ),
    ]
    status["incidents"] = [
        {
            "incident_id": "inc-2026-01",
            "revision": 2,
            "kind": "hot_wallet_theft",
            "severity": "critical",
            "status": "confirmed",
            "occurred_at": "2026-01-05T02:40:00.000000Z",
            "detected_at": AT,
            "updated_at": AT,
            "losses": [
                {"asset": "ETH", "quantity": "50", "owner": "client", "account": "hot-3"},
                {"asset": "XRP", "quantity": None, "owner": "client", "account": None},
            ],
            "loss_estimate": {"amount": "25000000", "currency": "JPY"},
            "recoveries": [],
            "reported_by": "internal",
            "summary": "Unauthorised transfers from hot wallet 3",
        }
    ]
    status["exposure"] |= {"total": "437350000"}
    status["exposure"]["parts"]["incidents"] = "25000000"
    status["sources"][3] |= {"state": "silent", "age_s": 671}
    return status


def unknown() -> dict[str, Any]:
    """A price is too old and a balance feed is silent: nothing can be said for sure."""
    status = adequate()
    first = status["methods"][0]
    first |= {
        "state": "unknown",
        "required": None,
        "available": None,
        "surplus": None,
        "coverage": None,
        "coverage_lower": "0.91000000",
        "coverage_upper": "1.04200000",
        "gaps": [
            {"kind": "price_stale", "subject": "ETH/JPY", "since": "2026-01-05T02:04:05.000000Z", "effect": "both"},
            {
                "kind": "source_silent",
                "subject": "custody.balances",
                "since": "2026-01-05T02:54:05.000000Z",
                "effect": "available",
            },
        ],
    }
    first["components"][1] |= {"state": "unknown", "held": None, "shortfall": None, "amount": None}
    status["methods"].append(
        assessment(
            "not_computable",
            "jp.crypto_reserve_2026",
            mode="shadow",
            required=None,
            available=None,
            surplus=None,
            coverage=None,
            coverage_lower=None,
            coverage_upper=None,
            components=[],
            gaps=[{"kind": "parameter_null", "subject": "jp.crypto_reserve.floor", "since": None, "effect": "required"}],
        )
    )
    status["alerts"] = [
        alert(
            "ReserveUnknown",
            rule="reserve_unknown",
            subject=None,
            summary="The reserve cannot be computed",
            description="price_stale ETH/JPY; source_silent custody.balances.",
        ),
    ]
    status["exposure"] |= {"total": None}
    status["exposure"]["parts"] |= {"custody": None}
    status["sources"][1] |= {"state": "silent", "age_s": 612}
    return status
