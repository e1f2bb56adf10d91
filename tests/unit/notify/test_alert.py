import json

import pytest

from monitor.notify.alert import BadAlert, read_alert
from tests.alert_samples import alert_value, an_alert


def test_reads_the_published_bytes_unchanged() -> None:
    body = json.dumps(alert_value()).encode()
    alert = read_alert(body)
    assert alert.body == body
    assert (alert.alertname, alert.entity, alert.firing, alert.shadow) == ("ReserveShortfall", "jp-main", True, False)
    assert alert.chain_place == ("jp-main", 1, "sha256:1")


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "reserve.alert/2"},
        {"severity": "fatal"},
        {"status": "open"},
        {"revision": "1"},
        {"revision": True},
        {"starts_at": "yesterday"},
        {"summary": None},
        {"subject": 7},
    ],
)
def test_refuses_what_is_no_alert(changes: dict[str, object]) -> None:
    with pytest.raises(BadAlert):
        read_alert(json.dumps(alert_value() | changes).encode())


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff"])
def test_refuses_bytes_that_are_no_object(body: bytes) -> None:
    with pytest.raises(BadAlert):
        read_alert(body)


def test_labels_are_those_of_the_contract_and_null_has_none() -> None:
    assert an_alert(subject="ETH").labels("critical", rehearsal=False) == {
        "alertname": "ReserveShortfall",
        "entity": "jp-main",
        "method": "jp.psa_custody",
        "rule": "headline",
        "subject": "ETH",
        "severity": "critical",
    }
    assert "method" not in an_alert(method=None).labels("critical", rehearsal=False)
    assert an_alert().labels("info", rehearsal=True)["rehearsal"] == "true"
