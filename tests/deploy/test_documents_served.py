"""Commands of the documents that need a broker and a daemon: played in their order, with the figures they promise."""

from __future__ import annotations

import gzip
import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.core.journal.vocabulary import BALANCES, DECLARATIONS
from tests.deploy.document_stage import DAY, EPOCHS, TOTAL, Stage, balances, capture, declaration, lines, now, pager
from tests.deploy.test_documents import PAGES, every
from tests.deploy.test_documents_run import chosen
from tests.deploy.tools import REPOSITORY
from tests.evidence_maker import ENTITY

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]

ELSEWHERE = {
    "assess": "a sentence that names it: its calls are played",
    "demo": "tests/integration/test_demo.py",
    "demo --json": "tests/integration/test_demo.py",
    "feeds try market.trades/coinbase frames.jsonl --config reserve.yaml": "tests/unit/test_examples.py, in its folder",
    "feeds try security.incidents/desk events.jsonl --config reserve.yaml": "tests/unit/test_examples.py, in its folder",
    "audit stamp --entity jp-main --out jp-main.stamp": "an authority of the reader's; tests/unit/cli/test_stamps.py has one",
    "audit verify jp-main.stamp --key ed25519:... --authority tsa-root.pem": "reads what it gave; tests/unit/cli/test_stamps.py",
    "audit export --entity jp-main --out jp-main.bundle --archive s3://reserve-archive/jp --to 2026-02-01T00:00:00+09:00": "a "
    "bucket of the reader's; tests/unit/archive/test_target.py has a store, and the same is played here with a folder",
}
"""What is not played here, and where it is tried."""

_CURL = re.compile(r"`curl -s http://HOST:9464(/\w+)(?: \\\| grep (\w+))?`")


def test_the_documents_are_played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stage = Stage(tmp_path)
    with pager(stage.told_port) as told:
        prepared(stage)
        with stage.process("broker", "--port", str(stage.broker_port)) as broker:
            section = yaml.safe_load(stage.first_line(broker))
            stage.configure(kafka={**section["kafka"], "journal_partitions": 1})
            restored(stage)
            with stage.process("run --config reserve.yaml"):
                stage.comes_to_say("probe readyz", "yes")
                first_hour(stage)
                why(stage)
                ahead(stage, told)
                two_people(stage)
                shortage(stage, told)
                refused(stage)
                asked_by_curl(stage)
            for single in ("run --config reserve.yaml --only archiver", "run --only STAGE"):
                stage.names["STAGE"] = "intake"
                with stage.process(single):
                    stage.comes_to_say("probe readyz", "yes")
    written = {command for _, command in every()} - set(chosen())
    assert written - stage.played - set(ELSEWHERE) == set()
    assert set(ELSEWHERE) <= written


def prepared(stage: Stage) -> None:
    """The configuration, with what the pages have a reader set in it, and an archive."""
    stage.runs("config init --for jp")
    public = {}
    for place in ("/etc/reserve-monitor/audit-2026.pem", "finance.pem", "ann.pem", "bob.pem"):
        stage.runs(f"audit keygen --out {place}")
        public[place] = json.loads(stage.printed)["public_key"]
    stage.names["ed25519:..."] = public["/etc/reserve-monitor/audit-2026.pem"]
    (entity,) = stage.configuration()["entities"].values()
    stage.configure(
        http={"port": stage.port},
        alerting={"channels": {"pager": {"type": "alertmanager", "urls": [f"http://127.0.0.1:{stage.told_port}"]}}},
        audit={"keys": [str(stage.folder / "etc/audit-2026.pem")]},
        archive={"target": str(stage.folder / "archived")},
        sources=EPOCHS | {DECLARATIONS: {"epoch": 1, "signatures": {"keys": [public["finance.pem"]]}}},
        corrections={"horizon_days": 4000},
        controls={"approvers": {name: public[f"{name}.pem"] for name in ("ann", "bob")}},
        entities={ENTITY: entity | {"methods": [*entity["methods"], {"id": "kr.vaupa_reserve", "mode": "shadow"}]}},
    )
    stage.archive()


def restored(stage: Stage) -> None:
    """docs/operations.md: a new cluster from the archive."""
    stage.runs("config check --config reserve.yaml")
    assert "reserve.journal" in stage.runs("archive list")
    assert "none missing, none altered" in stage.runs("archive verify")
    assert "created reserve.journal, 1 partition" in stage.runs("topics create --config reserve.yaml")
    assert "would write reserve.journal" in stage.runs("archive restore --dry-run --config reserve.yaml")
    assert "records at its own offsets" in stage.runs("archive restore --config reserve.yaml")
    for command in ("archive verify --log", "archive verify --log --config reserve.yaml"):
        assert "in Kafka too, and the same there" in stage.runs(command)
    assert "good: " in stage.runs("topics check --config reserve.yaml")
    stage.configure(archive={"target": str(stage.folder / "archive-2")})


def first_hour(stage: Stage) -> None:
    """README and docs/signatures.md: records go in, and what they come to is asked."""
    lines("balances.jsonl", balances("40"))
    lines("declarations.jsonl", [(DECLARATIONS, declaration("capital")), (DECLARATIONS, declaration("net_assets"))])
    stage.runs("replay --events declarations.jsonl balances.jsonl", "--sign-with", "finance.pem")
    Path("own-funds.json").write_text(json.dumps(declaration("own_funds")))
    assert "1 event sent" in stage.runs("publish entity.declarations own-funds.json --sign-with finance.pem")
    capture(stage.folder)
    stage.runs("convert bitflyer-executions capture.csv.gz --entity jp-main")
    Path("events.jsonl").write_text(stage.printed)
    stage.runs("replay --events events.jsonl --config reserve.yaml")
    stage.comes_to_say("status jp-main --date 2018-01-26 --config reserve.yaml", TOTAL)
    stage.comes_to_say("lag --config reserve.yaml", r"market.trades +12 +0 ")
    stage.comes_to_say("status jp-main --config reserve.yaml", r"jp.psa_custody adequate: .* covered 100.00 %")
    assert "jp-main" in stage.runs("status")
    assert "market.trades" in stage.runs("lag")
    by_hand(stage)


def by_hand(stage: Stage) -> None:
    """README: a venue's frames are tried, and a record is filled in and sent."""
    execution = {"id": 1, "side": "BUY", "price": 1000001.0, "size": 0.5, "exec_date": "2026-01-05T03:04:05.1234567Z"}
    frame = {"method": "channelMessage", "params": {"channel": "lightning_executions_BTC_JPY", "message": [execution]}}
    Path("frames.jsonl").write_text(json.dumps(frame))
    assert "1 event, 0 dead letters, 0 left out" in stage.runs("feeds try bitflyer frames.jsonl --entity jp-main")
    example = json.loads(stage.runs("schema --example custody.balances"))
    filled = {**example, "event_id": "by-hand", "entity": ENTITY, "account": "cold", "quantity": "960"}
    Path("balance.json").write_text(json.dumps(filled))
    assert "1 event sent" in stage.runs("publish custody.balances balance.json --config reserve.yaml")
    assert "(live): adequate" in stage.runs("explain jp-main --config reserve.yaml")


def why(stage: Stage) -> None:
    """docs/evidence.md and docs/archive.md: why, in which order, and that it is so."""
    then = "explain jp-main --at 2026-01-05T03:04:05Z"
    for command in (then, f"{then} --config reserve.yaml"):
        assert "(live): adequate, required 600,000,000, available 600,000,000 JPY" in stage.runs(command)
    assert "Proved by `reserve-monitor audit prove sha256:" in stage.runs("explain jp-main")
    (close,) = json.loads(stage.runs("explain jp-main --date 2026-01-05 --json"))
    assert close["business_date"] == str(DAY)
    (before,) = json.loads(stage.runs(then, "--json"))
    stage.names["DIGEST"] = stage.names["sha256:4f1c..."] = before["digest"]
    assert "entry 6 of its chain" in stage.runs("explain DIGEST")
    month = "history jp-main --closes --from 2026-01-01T00:00:00+09:00 --to 2026-02-01T00:00:00+09:00 --format csv"
    assert f",close,jp.psa_custody,{DAY},0,adequate,JPY,600000000,600000000,0,1," in stage.runs(month)
    assert f"{DAY} r0  adequate" in stage.runs("history jp-main --closes --archive /srv/reserve-archive")
    stage.runs("report jp-main --month 2026-01 --format pdf --lang ja --for compliance --out 2026-01.pdf")
    assert Path("2026-01.pdf").read_bytes().startswith(b"%PDF")
    stage.runs("audit export --entity jp-main --out jp-main.bundle")
    assert "match: " in stage.runs("audit verify jp-main.bundle --key ed25519:...")
    Path("jp-main.bundle").unlink()
    stage.runs("audit export --entity jp-main --out jp-main.bundle --archive /srv/reserve-archive")
    assert "match: " in stage.runs("audit verify jp-main.bundle")
    for command in ("audit prove sha256:4f1c...", "audit prove sha256:4f1c... --archive /srv/reserve-archive"):
        stage.runs(command)
        Path("figure.proof").write_text(stage.printed)
        assert "match: entry 6 of jp-main" in stage.runs("audit verify figure.proof --key ed25519:...")
    short = stage.runs("backtest --archive /srv/reserve-archive --method jp.psa_custody --method hk.vatp", code=1)
    assert re.search(r"jp.psa_custody +600,000,000 JPY .* −150,000,000", short)


def ahead(stage: Stage, told: list[dict[str, Any]]) -> None:
    """docs/foresight.md: what would be if, and a rehearsal."""
    assert "nothing to do" in stage.runs("actions jp-main")
    asked = "whatif jp-main --balance hot:BTC=-1000 --balance guarantee_asset/cold:ETH=50 --price BTC=-0.3"
    assert "breaks client_asset.BTC" in stage.runs(asked, code=1)
    assert "breaks client_asset.BTC" in stage.runs("scenario run hot_tier_lost --entity jp-main", code=1)
    stage.names["--hold 120"] = "--hold 0.1"
    assert "pager accepted: REHEARSAL" in stage.runs("rehearse jp-main --scenario hot_tier_lost --channel pager --hold 120")
    assert len([one for one in told if one["labels"].get("rehearsal")]) == 2


def two_people(stage: Stage) -> None:
    """docs/evidence.md: a candidate is put in force by two."""
    Path("year.jsonl.gz").write_bytes(gzip.compress(Path("events.jsonl").read_bytes()))
    stage.runs("backtest --events year.jsonl.gz --method jp.psa_custody --method kr.vaupa_reserve --json", code=5)
    Path("year.json").write_text(stage.printed)
    stage.runs(next(command for _, command in every() if command.startswith("promote propose")))
    stage.runs("promote sign promotion.json --by bob --key bob.pem --backtest year.json")
    stage.comes_to_say("promote status jp-main", r"kr.vaupa_reserve: in_force\n.*approved .* by ann, bob")


def shortage(stage: Stage, told: list[dict[str, Any]]) -> None:
    """The runbooks of a shortage, from the pager on."""
    lines("more.jsonl", balances("45"))
    stage.names |= {"FILE...": "more.jsonl", "FILE": "more.jsonl", "TIME": now(), "ENTITY": ENTITY, "CHANNEL": "pager"}
    stage.runs("replay --events FILE")
    stage.comes_to_say("alerts list", "SameAssetShortfall")
    assert "short: guarantee_asset.BTC by 3 BTC (PSA 63-11-2(1))" in stage.runs("status ENTITY", code=1)
    assert "guarantee_asset.BTC is 3 BTC short" in stage.runs("explain SameAssetShortfall")
    stage.names["FINGERPRINT"] = next(row.split()[0] for row in stage.said["alerts list"].splitlines() if "SameAsset" in row)
    assert "is met with at least 45 BTC, 3 BTC more than now" in stage.runs("explain FINGERPRINT")
    assert stage.names["FINGERPRINT"] in json.dumps(told)
    assert "shortfall" in stage.runs("assess --events FILE... --at TIME --config reserve.yaml", code=1)
    assert "pager accepted the end" in stage.runs("alerts test CHANNEL", "--hold", "0")


def refused(stage: Stage) -> None:
    """The runbooks of refused records, and what the others look at."""
    position = balances("45")[1][1]
    lines("bad.jsonl", [(BALANCES, {**position, "quantity": text, "event_id": text}) for text in ("many", "few")])
    stage.names["FILE"] = "bad.jsonl"
    stage.runs("replay --events FILE")
    stage.comes_to_say("dlq list", "2 dead letters")
    first, second = re.findall(rf"^({BALANCES}/\S+)", stage.printed, re.MULTILINE)
    stage.names |= {"ID": first, "TOPIC/EPOCH/PARTITION/OFFSET": first, "TOPIC": BALANCES, "--entity E": f"--entity {ENTITY}"}
    for command in ("dlq show ID", "dlq show TOPIC/EPOCH/PARTITION/OFFSET"):
        assert json.loads(stage.runs(command))[0]["reason"] == "bad_decimal"
    assert json.loads(stage.runs("dlq show", second))[0]["id"] == second
    stage.runs("dlq dismiss", first, "--reason", "means nothing")
    stage.runs("dlq requeue", second, "--reason", "mended")
    stage.comes_to_say("dlq list", "1 dead letter\n")
    stage.runs('dlq dismiss TOPIC/EPOCH/PARTITION/OFFSET --accepted --entity E --reason "..."')
    stage.runs("schema TOPIC")
    stage.runs("schema custody.balances --example")
    assert "1 event sent" in stage.runs("publish custody.balances -", stdin=stage.printed)
    assert "good: " in stage.runs("topics check")
    assert list(json.loads(stage.runs("config show"))["settings"]["entities"]) == [ENTITY]
    stage.names |= {"ID": "jp.psa_custody", "FILE": str(REPOSITORY / "monitor/methods/packs/jp.psa_custody.yaml")}
    assert stage.runs("methods show ID --format md").startswith("# jp.psa_custody")
    stage.runs("methods check FILE")


def asked_by_curl(stage: Stage) -> None:
    """What the runbooks ask of the admin port."""
    found = {one for page in PAGES for one in _CURL.findall(page.read_text(encoding="utf-8"))}
    assert len(found) >= 8
    for path, word in sorted(found):
        with urllib.request.urlopen(f"http://127.0.0.1:{stage.port}{path}") as answer:
            assert word in answer.read().decode()
