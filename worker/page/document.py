"""The one file that a browser gets, and the headers that all of the page goes out with."""

import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

_OF_TEXTS = re.compile(r"<!-- texts -->.*?<!-- /texts -->\n", re.DOTALL)
_FILE = Path(__file__).with_name("page.html")


def page_document(with_texts: bool) -> bytes:
    """The page as HTML; without what is about texts where none are shown."""
    html = _FILE.read_text(encoding="utf-8")
    return (html if with_texts else _OF_TEXTS.sub("", html)).encode()


def page_headers(document: bytes) -> Mapping[str, str]:
    """What keeps the page to itself: only its own script and style run, and it talks to nobody but its server."""
    policy = (
        "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors 'none'; script-src {_hashes(document, 'script')}; style-src {_hashes(document, 'style')}; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def _hashes(document: bytes, element: str) -> str:
    contents = re.findall(rf"<{element}>(.*?)</{element}>".encode(), document, re.DOTALL)
    return " ".join(f"'sha256-{b64encode(sha256(content).digest()).decode()}'" for content in contents)
