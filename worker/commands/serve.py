"""`emotion-worker serve`: labels over HTTP, without Kafka."""

from worker.errors import UserError
from worker.settings import Settings

_NEEDED = ("starlette", "uvicorn", "httptools", "anyio", "h11", "click")


def serve(settings: Settings) -> int:
    """Answer until a signal says stop; returns the exit code.

    Raises:
        UserError: The extra is not installed; or the address, the token or the model is not to be had.
    """
    try:
        from worker.serve import build
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _NEEDED:
            raise
        raise UserError(
            f"serve needs {error.name}, which is not installed", "pip install 'emotion-labeller[serve]'"
        ) from error
    build.serve(settings)
    return 0
