"""Fills the installation that it is started in, for the parts that measure among what is stored.

python -m tests.performance.stocking --rows 1000000 --out FILE
"""

import argparse
import json
from pathlib import Path

import django


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    django.setup()
    from identity_manager.management.preparation import prepare
    from tests.performance import stock

    prepare()
    options.out.write_text(json.dumps(stock.fill(options.rows)), encoding="utf-8")


if __name__ == "__main__":
    main()
