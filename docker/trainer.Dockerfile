# The trainer, for NVIDIA GPUs. Build it from the root of the repository:
#
#     docker build --file docker/trainer.Dockerfile --tag emotion-trainer .
#
# Never built on an engine yet, and the base image never pulled: the file was linted.

FROM python:3.11.14-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY constraints.txt ./
# The default index has the build for NVIDIA GPUs, with CUDA itself; the machine gives the driver. A layer of its own,
# since no change to the code makes it anew. For a machine without GPU give PyTorch's CPU index (see Makefile).
ARG TORCH_INDEX_URL=""
RUN python -m venv --without-pip /venv \
    && pip --python /venv/bin/python install --constraint constraints.txt \
        ${TORCH_INDEX_URL:+--no-deps --index-url "$TORCH_INDEX_URL"} torch
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY trainer trainer
COPY worker worker
# As a variable the constraints hold for the build backend as well.
RUN PIP_CONSTRAINT=/build/constraints.txt pip --python /venv/bin/python install \
        --constraint constraints.txt '.[trainer]'

FROM python:3.11.14-slim-bookworm
ARG REVISION=unknown
LABEL org.opencontainers.image.title="emotion-trainer" \
    org.opencontainers.image.description="Fine-tunes, measures and exports emotion models." \
    org.opencontainers.image.version="0.1.0" \
    org.opencontainers.image.revision="$REVISION" \
    org.opencontainers.image.licenses="Apache-2.0"
# Nothing is installed in a running container. /data is to be a volume: data and models lie there.
RUN useradd --uid 10001 --create-home emotion \
    && install --directory --owner=10001 --group=10001 /data \
    && pip uninstall --yes setuptools wheel pip
COPY --from=build /venv /venv
# Below /data, because what comes from the hub is large, and worth keeping.
ENV PATH=/venv/bin:$PATH XDG_CACHE_HOME=/data/.cache
USER 10001
WORKDIR /data
# As process 1 it would not hear SIGTERM.
STOPSIGNAL SIGINT
ENTRYPOINT ["emotion-trainer"]
