"""How much CPU a program has taken after so many records, in a file that whoever started it reads."""

import os
import time
from pathlib import Path

CPU_FILE = "CLIENT_CPU_FILE"  # the variable that names it


class CpuNotes:
    """Writes them."""

    def __init__(self) -> None:
        self._file = Path(os.environ[CPU_FILE]).open("a", buffering=1)  # noqa: SIM115 — for as long as the program runs

    def note(self, records: int, apart_seconds: float = 0.0) -> None:
        """So many records are done, none when there are partitions first.

        `apart_seconds` of the CPU, all threads of the process, are not to count.
        """
        self._file.write(f"{records} {time.process_time() - apart_seconds}\n")


def us_per_record(file: Path) -> float:
    """µs of CPU a record, from when there were partitions to the last note: what is fetched ahead counts."""
    notes = [(int(records), float(seconds)) for records, seconds in map(str.split, file.read_text().splitlines())]
    assigned_seconds = [seconds for records, seconds in notes if not records][-1]
    records, seconds = notes[-1]
    return (seconds - assigned_seconds) / records * 1e6
