"""What Markdown needs of texts that are not ours."""


def cell(text: str) -> str:
    """Returns a text as a cell of a table holds it: a bar would end the cell."""
    return text.replace("|", r"\|")
