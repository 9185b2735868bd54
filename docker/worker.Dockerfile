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
RUN python -m venv --without-pip /venv \
    && pip --python /venv/bin/python install --constraint constraints.txt \
        ${TORCH_INDEX_URL:+--no-deps --index-url "$TORCH_INDEX_URL"} torch
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY trainer trainer
COPY worker worker
# As a variable the constraints hold for the build backend as well.
RUN PIP_CONSTRAINT=/build/constraints.txt pip wheel --no-deps --wheel-dir dist . \
    && pip --python /venv/bin/python install --constraint constraints.txt "$(echo dist/*.whl)[avro,aws,otel,serve]"

FROM python:3.11.14-slim-bookworm
ARG REVISION=unknown
LABEL org.opencontainers.image.title="emotion-worker" \
    org.opencontainers.image.description="Reads texts from Kafka, writes their emotion labels exactly once." \
    org.opencontainers.image.version="0.1.0" \
    org.opencontainers.image.revision="$REVISION" \
    org.opencontainers.image.licenses="Apache-2.0"
# Nothing is installed in a running container.
RUN useradd --uid 10001 --create-home emotion \
    && pip uninstall --yes setuptools wheel pip
COPY --from=build /venv /venv
# The root file system may be read-only: what the worker writes, models from the hub as well, goes below /tmp.
ENV PATH=/venv/bin:$PATH XDG_CACHE_HOME=/tmp
USER 10001
WORKDIR /home/emotion
EXPOSE 8080
STOPSIGNAL SIGTERM
# Of /livez, since Swarm restarts what is unhealthy, and a restart does not bring brokers back.
HEALTHCHECK --interval=15s --timeout=6s --start-period=120s --retries=3 CMD ["python", "-c", "\
import http.client, os, sys\n\
endpoint = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('EMOTION_HTTP_PORT', 8080)), timeout=5)\n\
endpoint.request('GET', '/livez')\n\
sys.exit(endpoint.getresponse().status != 200)"]
ENTRYPOINT ["emotion-worker"]
CMD ["run"]
