"""`python -m schemas [--check]`: write the published contracts beside the code, or fail if they are stale."""

import argparse
import sys
from pathlib import Path

from schemas.published import documents

FOLDER = Path(__file__).parent / "published_json"


def main() -> int:
    """Write or check every document; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m schemas", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file differs from the code")
    check = parser.parse_args().check
    stale = []
    for name, content in documents().items():
        path = FOLDER / name
        if path.exists() and path.read_bytes() == content:
            continue
        stale.append(name)
        if not check:
            FOLDER.mkdir(exist_ok=True)
            path.write_bytes(content)
    if check and stale:
        sys.stderr.write(f"stale: {', '.join(stale)}; run `make schemas` and commit the result\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
