"""How long it takes from starting a prepared installation to its first page.

python -m tests.performance.restart --times 5 --out FILE
"""

import argparse
import json
import os
from pathlib import Path

from tests.performance.installation import running


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    samples = [started() for _ in range(options.times + 1)][1:]  # the first one prepares
    options.out.write_text(json.dumps({"seconds": samples}), encoding="utf-8")


def started() -> float:
    with running(dict(os.environ)) as seconds:
        return seconds


if __name__ == "__main__":
    main()
