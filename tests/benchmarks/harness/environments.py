"""An environment for each peer: its own packages, and the torch and transformers that are installed here."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

_PEERS = Path(__file__).parents[1] / "peers"
_INSTALL_SECONDS = 600


def peer_python(module: str) -> Path:
    """The interpreter of the peer's environment, made where it is not there yet (below XDG_CACHE_HOME).

    `peers/MODULE.txt` lists all that it needs beside what is borrowed from here; where both have a package, its own
    counts. Nothing else is installed, so that there is never a second torch.

    Raises:
        subprocess.SubprocessError: Its packages cannot be installed, or not in time.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "emotion-labeller" / "peers"
    folder, listed = cache / module, _PEERS / f"{module}.txt"
    python, done = folder / "bin" / "python", folder / "installed.txt"
    if not done.exists() or done.read_bytes() != listed.read_bytes():
        venv.create(folder, clear=True, with_pip=True)
        path: list[str | Path] = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        own = subprocess.run(path, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
        Path(own, "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
        install: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--requirement", listed]
        subprocess.run(install, check=True, stdout=sys.stderr, timeout=_INSTALL_SECONDS)
        done.write_bytes(listed.read_bytes())
    return python
