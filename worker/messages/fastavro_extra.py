"""fastavro is an extra: most topics hold no Avro."""

from importlib.util import find_spec

from worker.errors import UserError


def has_fastavro() -> bool:
    """Whether it is there."""
    return find_spec("fastavro") is not None


def require_fastavro(setting: str) -> None:
    """Make sure that it is there.

    Raises:
        UserError: It is not; `setting` needs it.
    """
    if not has_fastavro():
        raise UserError(f"{setting} needs fastavro", "pip install 'emotion-labeller[avro]'")
