"""The one error of a model folder."""


class WrongFolderError(Exception):
    """A folder holds no model that can be used; `detail`, of which the folder is the subject, says why."""

    def __init__(self, detail: str, mend: str) -> None:
        """Say what is wrong, and what to do about it."""
        super().__init__(f"{detail}: {mend}")
        self.detail = detail
        self.mend = mend
