"""What clients of TEI and of the hub send to `/predict`, and how they want to be answered."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from worker.flow import Prediction
from worker.serve.refusals import InvalidRequestError, RefusedError

_INPUTS = 'must be a text, or a list of lists with a text each ([["one"], ["two"]])'
_HUB_INPUTS = "must be a text or a list of texts"


class HubParameters(BaseModel):
    """What the hub's clients may say of their answer."""

    model_config = ConfigDict(strict=True)

    function_to_apply: Literal["softmax", "sigmoid", "none"] | None = Field(
        None, description="What the model is made for (softmax, of a multi-label model sigmoid), or none: raw scores."
    )
    top_k: Annotated[int, Field(ge=1)] | None = Field(None, description="So many of the best labels; null: all.")


class PredictRequest(BaseModel):
    """With `parameters`, or sent to `/`, it is the hub's and answered as such; else it is TEI's.

    A list of texts is the hub's. To TEI `["a"]` is one text, and `["a", "b"]` a pair, which no text classifier takes;
    several texts are `[["a"], ["b"]]`.
    """

    model_config = ConfigDict(strict=True)

    inputs: str | list[str] | list[list[str]] = Field(description=f"{_INPUTS}; of the hub: {_HUB_INPUTS}.")
    truncate: bool | None = Field(None, description="TEI: whether a text that is too long may lose its end; else 413.")
    raw_scores: bool = Field(False, description="TEI: scores as they are before softmax or sigmoid.")
    truncation_direction: Literal["Right", "right"] = Field("Right", description="TEI: where the model's own is.")
    parameters: HubParameters | None = None


class Score(BaseModel):
    """A label's score."""

    label: str
    score: float


class PredictShape:
    """One request, read: the texts in it, and how each answer is to look."""

    def __init__(self, body: dict[str, Any], is_hub: bool, function: str) -> None:
        """Read it.

        Args:
            body: What was sent.
            is_hub: It was sent where the hub's clients send.
            function: What the model makes scores with.

        Raises:
            InvalidRequestError: It is none of both shapes, or wishes what this model does not give.
        """
        try:
            asked = PredictRequest.model_validate(body)
        except ValidationError as error:
            raise InvalidRequestError(_words(error)) from None
        self._is_hub = is_hub or "parameters" in body
        self._parameters = asked.parameters or HubParameters(function_to_apply=None, top_k=None)
        self._may_truncate = self._is_hub or bool(asked.truncate)
        self.is_raw = asked.raw_scores or self._parameters.function_to_apply == "none"
        if self._parameters.function_to_apply not in (None, "none", function):
            raise InvalidRequestError(f"parameters.function_to_apply: this model gives scores by {function}, or none")
        self.is_nested, self.texts = self._read(asked.inputs)

    def _read(self, inputs: str | list[str] | list[list[str]]) -> tuple[bool, list[str]]:
        if inputs == []:
            raise RefusedError(400, "Empty", "`inputs` are empty: send a text")
        if isinstance(inputs, str):
            return self._is_hub, [inputs]
        texts = [text for text in inputs if isinstance(text, str)]
        if self._is_hub:
            if len(texts) < len(inputs):
                raise InvalidRequestError(f"`inputs` {_HUB_INPUTS}, as the hub takes them")
            return True, texts
        if texts and len(inputs) > 1:
            raise InvalidRequestError(
                "`inputs` are a pair of texts, as TEI reads them, and this model takes one text alone: send "
                '[["one"], ["two"]], or "parameters": {} beside a list of texts, as the hub takes them'
            )
        if not all(isinstance(item, str) or len(item) == 1 for item in inputs):
            raise InvalidRequestError(f"`inputs` {_INPUTS}: this model takes one text alone, no pairs")
        return not texts, texts or [item[0] for item in inputs]

    def scores(self, prediction: Prediction, labels: list[str]) -> list[dict[str, object]]:
        """What is said of one text: the best label first.

        Raises:
            RefusedError: The text is too long, and must not lose its end.
        """
        if prediction.truncated and not self._may_truncate:
            raise RefusedError(
                413, "Validation", f'`inputs` must not have more than {prediction.tokens} tokens: send "truncate": true'
            )
        ranked = sorted(zip(labels, prediction.scores, strict=True), key=lambda pair: -pair[1])
        return [{"label": label, "score": score} for label, score in ranked[: self._parameters.top_k]]


def _words(error: ValidationError) -> str:
    detail = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in detail["loc"][:2] if part in _FIELDS) or "the body"
    return f"`inputs` {_INPUTS}" if field == "inputs" else f"{field}: {detail['msg']}"


_FIELDS = {*PredictRequest.model_fields, *HubParameters.model_fields}
