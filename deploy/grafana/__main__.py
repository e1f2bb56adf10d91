"""Write the boards: `python -m deploy.grafana [FOLDER]`, by default deploy/grafana/dashboards."""

import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana.compliance import compliance
from deploy.grafana.entity import entity
from deploy.grafana.operations import operations
from deploy.grafana.overview import overview

FOLDER = Path(__file__).parent / "dashboards"


def texts() -> dict[str, str]:
    """File name and JSON text of each board."""
    boards = (make().build() for make in (overview, entity, compliance, operations))
    return {f"{board.uid}.json": JSONEncoder(sort_keys=True, indent=2).encode(board) + "\n" for board in boards}


def main(folder: Path) -> None:
    """Write every board into `folder`."""
    folder.mkdir(exist_ok=True)
    for name, text in texts().items():
        (folder / name).write_text(text, encoding="utf-8")
        print(folder / name)  # noqa: T201 - a command's output


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
