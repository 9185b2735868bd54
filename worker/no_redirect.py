"""For HTTP requests that carry a secret."""

from urllib.request import HTTPRedirectHandler


class NoRedirect(HTTPRedirectHandler):
    """The secret goes to the endpoint that was named, and to no other."""

    def redirect_request(self, *_: object) -> None:
        """Never follow."""
