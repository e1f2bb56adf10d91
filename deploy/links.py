"""The rules with the addresses of a site: `python -m deploy.links --runbooks URL --boards URL > reserve-monitor.yml`.

As they are, rules name a daemon and a Grafana of the host on which they are read, at the ports both have by default.
"""

import argparse
import re
import sys
from pathlib import Path

from monitor.settings.sections import RUNBOOKS

BOARDS = "http://127.0.0.1:3000"
_RULES = Path(__file__).parent / "prometheus" / "rules" / "reserve-monitor.yml"


def linked(rules: str, runbooks: str, boards: str) -> str:
    """The text of a rules file whose `runbook_url` begins with `runbooks` and whose `dashboard_url` begins with `boards`."""
    text = re.sub(rf"(?m)^(\s+runbook_url: ){re.escape(RUNBOOKS)}#", lambda found: f"{found[1]}{runbooks}#", rules)
    return re.sub(rf"(?m)^(\s+dashboard_url: ){re.escape(BOARDS)}/", lambda found: f"{found[1]}{boards.rstrip('/')}/", text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m deploy.links", description=__doc__)
    parser.add_argument("--runbooks", default=RUNBOOKS, metavar="URL")
    parser.add_argument("--boards", default=BOARDS, metavar="URL")
    given = parser.parse_args()
    sys.stdout.write(linked(_RULES.read_text(encoding="utf-8"), given.runbooks, given.boards))
