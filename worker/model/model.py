"""Token ids to scores."""

import logging
import os
import platform
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from functools import partial
from itertools import chain

import torch

from schemas.dead_letter import Reason
from worker.errors import DeviceFailedError
from worker.flow import Batch, Prediction, Rejected, TokenizedText
from worker.model.activation import sigmoid, softmax
from worker.model.artifact import Artifact
from worker.model.device import describe, pick_device, pick_dtype
from worker.model.loading import load_classifier, model_info
from worker.model.packing import Inputs, make_inputs, padded_left
from worker.model.parallel_batches import ParallelBatches
from worker.model.sharing import Sharing

_log = logging.getLogger(__name__)

_MIN_BATCH_TOKENS = 64
_SCORE_UNIT = 1e6  # six digits
_FAILURES = (RuntimeError, ValueError, IndexError)  # of a text, or of the device: torch tells them apart by no type


class Model:
    """A text classifier on a device."""

    def __init__(
        self,
        artifact: Artifact,
        device: str,
        dtype: str,
        batch_tokens: int | None = None,
        confident_score: float | None = None,
    ) -> None:
        """Load, check and place it.

        Args:
            artifact: Where it is.
            device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
            dtype: `auto`, `float32`, `bfloat16` or `float16`.
            batch_tokens: Padded tokens that a batch should have; None: what suits the device.
            confident_score: Score from which a label is confident, or given; None: what its manifest says.

        Raises:
            UserError: It cannot be loaded, or is no classifier.
        """
        self.folder = artifact.folder
        self.device = pick_device(device)
        self.dtype = pick_dtype(dtype, self.device)
        self.is_exact = self.dtype == torch.float32
        classifier = load_classifier(artifact, self.device, self.dtype)
        self._logits, self._pad_id = classifier.logits, classifier.pad_id
        self.row_tokens, self.step_tokens = classifier.row_tokens, classifier.step_tokens
        self.stand_in, self.pads_left = classifier.stand_in, classifier.pads_left
        self.sharing = Sharing.ANY_LENGTHS
        self.positions, self.matrix_weights = classifier.positions, classifier.matrix_weights
        self.info = model_info(artifact, classifier.labels, confident_score)
        self._activation = softmax if self.info.thresholds is None else sigmoid
        self.drift_reference = artifact.manifest.reference if artifact.manifest else None
        # On x86 and with our own forward pass only: others may change while they compute, and ARM was not measured.
        self._parallel = ParallelBatches(
            self.device.type == "cpu" and self.row_tokens > 0 and platform.machine() in ("x86_64", "AMD64"),
            cuts_small=self.step_tokens == 1,  # with AMX in bfloat16 both halves of a small batch took longer than it
        )
        self._ran_out_of_memory = False
        self.batch_tokens = batch_tokens or (512 if self.device.type == "cpu" else 16_384)

    def predict(self, batches: Iterable[Batch]) -> Iterator[Prediction | Rejected]:
        """Score every text of every batch.

        A batch that fails is halved until the text that the model fails on stands alone; its neighbours are scored. It
        is rejected only if the model can do another text of its length.

        Raises:
            DeviceFailedError: The device is broken, or its memory does not hold even one text.
        """
        return chain.from_iterable(self._parallel.map(self._predicted, batches))

    def raw(self) -> "Model":
        """The same model, but its scores are what it puts out before softmax or sigmoid; the weights are shared."""
        raw = copy(self)
        raw._activation = lambda logits: logits
        return raw

    def forward_each(self, inputs: Iterable[Inputs]) -> Iterator[torch.Tensor]:
        """`forward` of each, as `predict` does it: side by side where that is faster."""
        return self._parallel.map(self.forward, inputs)

    def seconds(self, batch: Batch) -> float:
        """How long it takes for this one when there are enough of them to keep the device busy."""
        return self._parallel.seconds(self.forward, self.inputs(batch))

    def memory_bytes(self) -> int:
        """Memory of the device that torch holds for this process; 0 on a CPU."""
        return torch.cuda.memory_reserved(self.device) if self.device.type == "cuda" else 0

    def _predicted(self, batch: Batch) -> list[Prediction | Rejected]:
        shrunk = self.batch_tokens // 2
        try:
            predictions = list(self._predict(batch))
        except _FAILURES as error:
            raise DeviceFailedError(error) from error
        if self._ran_out_of_memory:
            self._ran_out_of_memory = False
            self.batch_tokens = min(self.batch_tokens, max(_MIN_BATCH_TOKENS, shrunk))
            _log.warning("batch_tokens_shrunk", extra={"batch_tokens": self.batch_tokens})
        return predictions

    def _predict(self, batch: Batch) -> Iterator[Prediction | Rejected]:
        try:
            scores = self._scores(batch)
        except torch.AcceleratorError:  # the device is broken: nothing after this would be right
            raise
        except _FAILURES as error:
            failure = error.with_traceback(None)  # a traceback would keep the memory of the failed try
        else:
            yield from self._predictions(batch, scores)
            return
        self._ran_out_of_memory |= isinstance(failure, torch.OutOfMemoryError)
        texts = sum(map(len, batch))
        if texts > 1:
            _log.warning("batch_halved", extra={"texts": texts, "error": repr(failure)[:200]})
            for half in _halves(batch):
                yield from self._predict(half)
        else:
            yield from self._last_try(batch, failure)

    def _last_try(self, batch: Batch, failure: Exception) -> Iterator[Prediction | Rejected]:
        """Blame a text that failed alone, if another of its length goes through and it fails once more."""
        if not self._works(len(batch[0][0].ids)):
            raise failure
        try:
            scores = self._scores(batch)
        except torch.OutOfMemoryError:
            raise
        except _FAILURES:
            yield from _rejected(batch[0][0], type(failure).__name__)
        else:
            yield from self._predictions(batch, scores)

    def _predictions(self, batch: Batch, scores: torch.Tensor) -> Iterator[Prediction | Rejected]:
        rounded = scores.double().mul(_SCORE_UNIT).round().div(_SCORE_UNIT).tolist()
        answers = iter(zip(rounded, scores.isfinite().all(dim=1).tolist(), strict=True))
        for row in batch:
            answered = [(item, *next(answers)) for item in row]
            if len(row) > 1 and not all(is_finite for *_, is_finite in answered):
                yield from self._predict([[item] for item in row])  # no mask keeps NaN from the neighbours: 0 * NaN
                continue
            for item, values, is_finite in answered:
                if is_finite:
                    tokens, truncated = len(item.ids), item.truncated
                    yield from (Prediction(request, tokens, truncated, values) for request in item.requests)
                elif self._works(len(item.ids)):
                    yield from _rejected(item, "the scores are not finite")
                else:
                    raise RuntimeError("the model has no finite scores for any text")

    def _works(self, tokens: int) -> bool:
        """Whether the machine can do another text of this length: if not, the text is not to blame."""
        stand_in = TokenizedText([], self.stand_in(tokens), truncated=False)
        try:
            return bool(self._scores([[stand_in]]).isfinite().all())
        except _FAILURES:
            return False

    def _scores(self, batch: Batch) -> torch.Tensor:
        """Probabilities in float32 on the CPU, `[texts, labels]`."""
        return self.forward(self.inputs(batch))

    def inputs(self, batch: Batch) -> Inputs:
        """The batch on the device."""
        inputs = make_inputs(batch, self._pad_id, self.device, self.step_tokens)
        return padded_left(inputs) if self.pads_left else inputs

    @torch.inference_mode()
    def forward(self, inputs: Inputs) -> torch.Tensor:
        """Probabilities in float32 on the CPU, `[texts, labels]`; the one place that waits for the device."""
        return self._activation(self._logits(inputs).float()).cpu()

    def fingerprint(self) -> str:
        """What a measurement of this model holds for: device, number format, model and library."""
        rows = f"rows of {self.row_tokens} tokens in steps of {self.step_tokens}"
        batches = f"{self.full_load()} batches at full load"
        return " | ".join(
            [describe(self.device), str(self.dtype), self.info.revision, torch.__version__, rows, batches]
        )

    def thread_starter(self) -> Callable[[], None]:
        """What another thread calls before it computes, to have the cores of this one.

        By itself torch gives a thread as many as were last asked for in any: one, where batches were side by side.
        """
        return partial(torch.set_num_threads, torch.get_num_threads())

    def full_load(self) -> int:
        """So many batches, or a multiple of them, keep the device busy to the end."""
        return self._parallel.full_load()

    def shares(self, batches: int) -> int:
        """So many batches of like cost, no fewer than these, suit the device better; 0: it does not matter."""
        return self._parallel.shares(batches)

    def threads(self) -> int:
        """Cores that a forward pass keeps busy."""
        return torch.get_num_threads() if self.device.type == "cpu" else os.cpu_count() or 1


def _halves(batch: Batch) -> tuple[Batch, Batch]:
    """By rows as long as there are several, then by the texts of the last one."""
    if len(batch) > 1:
        return batch[: len(batch) // 2], batch[len(batch) // 2 :]
    (row,) = batch
    return [row[: len(row) // 2]], [row[len(row) // 2 :]]


def _rejected(tokenized: TokenizedText, detail: str) -> Iterator[Rejected]:
    return (Rejected(request.index, Reason.MODEL_FAILED, detail) for request in tokenized.requests)
