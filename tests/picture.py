"""`python -m tests.picture`: the picture of the page in the documents, from a demo with the bundled model."""

import tempfile
from pathlib import Path

from tests.harness.browser import ENTER, browser
from tests.harness.eventually import eventually
from tests.worker.page.conftest import staying_demo

FILE = Path(__file__).parents[1] / "docker/page.png"
WIDTH = 1080
TEXTS = (
    "The courier lost my parcel again, I'm furious",
    "I love how patient you are with the children",
    "I am afraid of what the letter will say",
    "We won! I could not be happier",
)


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        staying_demo(Path(folder)) as demo,
        browser(Path(folder)) as page,
    ):
        page.prefer(color_scheme="light", reduced_motion="reduce")
        page.devtools("Emulation.setScrollbarsHidden", hidden=True)
        page.resize(WIDTH, 600)
        page.open(demo.url)
        for text in TEXTS:
            page.type("#text", text + ENTER)
            eventually(lambda text=text: page.text("#answer").endswith(text), 30, "an answer")  # type: ignore[misc]
        shown = "return document.querySelectorAll('#rows tr').length"
        eventually(lambda: page.script(shown) == 6 + len(TEXTS), 30, "all rows")
        mix = (
            "return [...document.querySelectorAll('#mix td:last-child')].reduce((sum, of) => sum + +of.textContent, 0)"
        )
        eventually(lambda: page.script(mix) == 6 + len(TEXTS), 30, "the mix of all of them")
        page.script("document.activeElement.blur()")
        page.resize(WIDTH, page.script("return document.documentElement.scrollHeight"))
        FILE.write_bytes(page.screenshot())


if __name__ == "__main__":
    main()
