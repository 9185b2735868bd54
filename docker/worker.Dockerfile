# The worker with its bundled model. Build it from the root of the repository:
#
#     docker build --file docker/worker.Dockerfile --tag emotion-worker .
#
# Never built on an engine yet, and the base image never pulled: the file was linted, and the wheel was built, resolved
# against the constraints and run by the same steps without containers.

# The tests run on Python 3.11 too.
FROM python:3.11.14-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY constraints.txt ./
# Torch on its own first: by far the largest layer, and no change to the code makes it anew. The default index has the
# build for NVIDIA GPUs, several gigabytes; for a small image without GPU give PyTorch's CPU index (see Makefile).
ARG TORCH_INDEX_URL=""
RUN python -m venv /venv \
    && /venv/bin/pip install --constraint constraints.txt \
        ${TORCH_INDEX_URL:+--no-deps --index-url "$TORCH_INDEX_URL"} torch
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY trainer trainer
COPY worker worker
# As a variable the constraints hold for the build backend as well.
RUN PIP_CONSTRAINT=/build/constraints.txt pip wheel --no-deps --wheel-dir dist . \
    && /venv/bin/pip install --constraint constraints.txt dist/*.whl

FROM python:3.11.14-slim-bookworm
# With a home, because models from the hub are cached there.
RUN useradd --uid 10001 --create-home emotion
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH
USER 10001
WORKDIR /home/emotion
ENTRYPOINT ["emotion-worker"]
CMD ["run"]
