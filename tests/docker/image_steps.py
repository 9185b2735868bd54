"""The steps of a Dockerfile without an engine: its commands in an empty virtual environment, then its entry point.

    python -m tests.docker.image_steps                                # docker/worker.Dockerfile
    python -m tests.docker.image_steps docker/trainer.Dockerfile --help

It needs the package index and some minutes. Torch is borrowed from the environment that runs this, never installed
twice. What it cannot show: the base image, its packages, the image's user, and the final stage's own commands.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
BORROWED = ("torch", "torch-*.dist-info", "torchgen", "functorch", "nvidia*", "cuda*", "triton*")


def instructions(dockerfile: str) -> list[list[tuple[str, str]]]:
    """The instructions of each stage, in order: name and argument."""
    lines = [line for line in dockerfile.splitlines() if line.strip() and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    found = [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in joined.splitlines())]
    starts = [index for index, (name, _) in enumerate(found) if name == "FROM"]
    return [found[start:end] for start, end in zip(starts, [*starts[1:], len(found)], strict=True)]


class Image:
    """A folder that stands for the root of the image's file system."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder = root
        base = Path(getattr(sys, "_base_executable", sys.executable)).parent  # python and pip of no environment
        self._environment = {"PATH": f"{base}:/usr/bin:/bin", "HOME": str(root)} | {
            name: value for name, value in os.environ.items() if name.startswith("PIP_") or name.lower() == "no_proxy"
        }
        (root / "tmp").mkdir()

    def build(self, stage: list[tuple[str, str]]) -> None:
        """Do what a stage says, but for what it takes from its base."""
        for name, argument in stage:
            match name:
                case "ENV":
                    self._environment |= dict(self._variables(argument))
                case "ARG":
                    self._environment.setdefault(*next(self._variables(argument)))
                case "WORKDIR":
                    self._folder = Path(self._inside(argument))
                    self._folder.mkdir(parents=True, exist_ok=True)
                case "COPY":
                    self._copy(argument)
                case "RUN":
                    for command in re.split(r"\s&&\s", argument):
                        self._run(command)

    def enter(self, stage: list[tuple[str, str]], arguments: list[str], text: str = "") -> str:
        """Run the entry point of the last stage; gives what it prints."""
        variables = dict(pair for name, argument in stage if name == "ENV" for pair in self._variables(argument))
        entry_point = json.loads(next(argument for name, argument in stage if name == "ENTRYPOINT"))
        program = shutil.which(entry_point[0], path=variables["PATH"]) or entry_point[0]
        command = [program, *entry_point[1:], *arguments]
        print("+", *command)
        return subprocess.run(
            command, env=variables, cwd=self._root / "tmp", input=text, stdout=subprocess.PIPE, text=True, check=True
        ).stdout

    def _run(self, command: str) -> None:
        print("+", command)
        subprocess.run(["sh", "-ec", self._inside(command)], env=self._environment, cwd=self._folder, check=True)
        for site_packages in self._root.glob("venv/lib/python*/site-packages"):
            self._lend_torch(site_packages)

    def _lend_torch(self, site_packages: Path) -> None:
        shelf = self._root / "borrowed"
        if shelf.exists():
            return
        shelf.mkdir()
        for pattern in BORROWED:
            for found in Path(sysconfig.get_path("purelib")).glob(pattern):
                (shelf / found.name).symlink_to(found)
        (site_packages / "borrowed.pth").write_text(f"{shelf}\n", encoding="utf-8")

    def _copy(self, argument: str) -> None:
        *sources, target = argument.split()
        for source in (ROOT / source for source in sources):
            if source.is_dir():
                shutil.copytree(source, self._folder / target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, self._folder / target)

    def _variables(self, argument: str) -> Iterator[tuple[str, str]]:
        for name, value in re.findall(r'(\w+)=("[^"]*"|\S+)', argument):
            yield name, self._inside(value.strip('"')).replace("$PATH", self._environment["PATH"])

    def _inside(self, text: str) -> str:
        """The text with the image's absolute paths led into the folder."""
        return re.sub(r"(?<![\w./])/(venv|build|tmp|data)\b", rf"{self._root}/\1", text)


def main() -> None:
    dockerfile, *arguments = sys.argv[1:] or [str(ROOT / "docker/worker.Dockerfile")]
    build, last = instructions(Path(dockerfile).read_text(encoding="utf-8"))
    with TemporaryDirectory() as folder:
        image = Image(Path(folder))
        image.build(build)
        if arguments:
            print(image.enter(last, arguments))
            return
        print(image.enter(last, ["check", "--device"]))
        label = json.loads(image.enter(last, ["label", "--format", "text"], "i am so happy that you came\n"))["label"]
        assert label == "joy", label


if __name__ == "__main__":
    main()
