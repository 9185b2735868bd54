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
        package = (error.name or "").partition(".")[0]
        if package not in _NEEDED:
            raise
        mend = "pip install 'emotion-labeller[serve]'"
        raise UserError(f"serve needs {package}, which is not installed", mend) from error
    build.serve(settings)
    return 0
