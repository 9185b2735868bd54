"""An environment for each peer: its own packages, and the torch and transformers that are installed here."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path


def peer_python(name: str, requirements: list[str]) -> Path:
    """The interpreter of the peer's environment, made where it is not there yet (below XDG_CACHE_HOME).

    Raises:
        subprocess.CalledProcessError: Its packages cannot be installed.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "emotion-labeller" / "peers"
    folder = cache / name
    python = folder / "bin" / "python"
    done = folder / "done"
    if not done.exists():
        venv.create(folder, clear=True, with_pip=True)
        own = subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            capture_output=True,
            text=True,
            check=True,
        )
        # Borrowed, never a second copy of torch; what the peer needs itself comes first on the path.
        Path(own.stdout.strip(), "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
        if requirements:
            subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=True, stdout=sys.stderr)
        done.touch()
    return python
