"""Every path, once: the application and its OpenAPI document are made from this list."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, JsonValue

from schemas.dead_letter import Reason
from schemas.emotion_label import EmotionLabel
from schemas.text_message import TextMessage
from worker.page.page import EVENTS_PATH as PAGE_EVENTS
from worker.page.page import PATH as PAGE
from worker.serve.predict_shapes import PredictRequest, Score


class Refusal(BaseModel):
    """Why there is no answer, and what to do."""

    error: str
    error_type: Annotated[
        str, Field(description="As TEI names them; those that it has no name for have one of their own.")
    ]


class DeadLetterDetail(BaseModel):
    """Why a message can never be labelled."""

    reason: Reason
    detail: str


class DeadLetterAnswer(BaseModel):
    """What stands in place of a label."""

    id: str
    dead_letter: DeadLetterDetail


class Liveness(BaseModel):
    """Whether the process should be left alone."""

    live: bool
    missing: list[str]


class Readiness(BaseModel):
    """Whether it should be asked."""

    ready: bool
    missing: list[str]


Labelled = EmotionLabel | DeadLetterAnswer
Message = TextMessage | str

_REFUSED: dict[int, tuple[str, Any]] = {
    400: ("No JSON, no HTTP, or nothing in it", Refusal),
    401: ("No token, or another one", Refusal),
    408: ("The request did not come in time", Refusal),
    413: ("Too many bytes or texts", Refusal),
    415: ("A compressed body", Refusal),
    429: ("Too many texts wait; `Retry-After` says when to come again", Refusal),
}


@dataclass(frozen=True)
class Path:
    """A path: what it takes and what it answers, by status."""

    path: str
    method: Literal["GET", "POST"]
    name: str
    summary: str
    answers: dict[int, tuple[str, Any]]
    takes: Any = None

    @property
    def needs_token(self) -> bool:
        """Whether the token is asked for, where there is one."""
        return self.method == "POST"


_PREDICTED = {
    200: (
        "Of one text its scores, of several a list each; of the hub always a list each",
        list[Score] | list[list[Score]],
    ),
    **_REFUSED,
    413: ("Too many bytes or texts; a text that is empty, or too long without `truncate`", Refusal),
    422: ("None of both shapes, a pair of texts, or scores that this model does not give", Refusal),
    424: ("The model fails on a text", Refusal),
}

PATHS = (
    Path(
        "/label",
        "POST",
        "label",
        "Labels, as the worker writes them to Kafka: of a message its label, of an array an array.",
        {
            200: (
                "The label; in an array also dead letters, and null for what is skipped",
                Labelled | None | list[Labelled | None],
            ),
            **_REFUSED,
            422: ("A message alone that can never be labelled", DeadLetterAnswer),
            424: ("A message alone that the model fails on", DeadLetterAnswer),
        },
        Message | list[Message],
    ),
    Path("/predict", "POST", "predict", "Scores, for clients of TEI and of the hub.", _PREDICTED, PredictRequest),
    Path("/", "POST", "predict_for_the_hub", "The same, for clients of the hub.", _PREDICTED, PredictRequest),
    Path("/livez", "GET", "livez", "Whether it lives.", {200: ("Yes", Liveness), 503: ("No, and why", Liveness)}),
    Path(
        "/readyz", "GET", "readyz", "Whether it is ready.", {200: ("Yes", Readiness), 503: ("No, and why", Readiness)}
    ),
    Path("/metrics", "GET", "metrics", "Metrics, as Prometheus reads them.", {200: ("Metrics", str)}),
    Path("/openapi.json", "GET", "openapi", "This document.", {200: ("OpenAPI 3.1", dict[str, JsonValue])}),
)

PAGE_PATHS = (
    Path(PAGE, "GET", "page", "A page to look at.", {200: ("HTML", str)}),
    Path(PAGE_EVENTS, "GET", "page_events", "What the page shows, as it changes.", {200: ("Server-sent events", str)}),
)
"""Those of EMOTION_PAGE: for people, so that they are no part of the document."""
