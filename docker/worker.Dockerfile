# The worker with its bundled model. Build it from the root of the repository:
#
#     docker build --file docker/worker.Dockerfile --tag emotion-worker .
#     docker build --file docker/worker.Dockerfile --tag emotion-worker-gpu --build-arg TORCH=cuda .
#
# What changes least lies lowest: torch, the other packages, the model, the code.

# The tests run on Python 3.11 too.
FROM python:3.11.14-slim-bookworm AS lists
WORKDIR /lists
COPY constraints.txt pyproject.toml ./
# Lists of their own: a layer is made anew when its list changes, not when any line of those two files does.
RUN grep -E '^(torch|triton|nvidia-.+|cuda-.+|pyelftools|ziglang)==' constraints.txt > torch.txt \
    && python -c "import tomllib; \
project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
extras = project['optional-dependencies']; \
wanted = [part for name in ('avro', 'aws', 'otel', 'serve') for part in extras[name]]; \
print(*project['dependencies'], *wanted, sep='\n')" > packages.txt

FROM python:3.11.14-slim-bookworm AS torch
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv --without-pip /venv
COPY docker/build /build
COPY --from=lists /lists/torch.txt /build/
ARG TORCH=cpu
ARG CPU_INDEX=https://download.pytorch.org/whl/cpu
RUN sh /build/install_torch.sh "$TORCH" "$CPU_INDEX"

FROM python:3.11.14-slim-bookworm AS product
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /product
RUN python -m venv --without-pip /venv
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY trainer trainer
COPY worker worker
# As a variable the constraints hold for the build backend as well.
RUN PIP_CONSTRAINT=/product/constraints.txt pip --python /venv/bin/python install --no-deps . \
    && mv /venv/lib/python3.11/site-packages/worker/bundled /bundled \
    && rm /venv/bin/emotion-trainer

FROM python:3.11.14-slim-bookworm
RUN useradd --uid 10001 --create-home emotion
COPY --from=torch /venv /venv
COPY --from=lists /lists/constraints.txt /lists/packages.txt /venv/
# Nothing is installed, compiled or tested in a container: what could is not there.
RUN pip --no-cache-dir --disable-pip-version-check --python /venv/bin/python install \
        --constraint /venv/constraints.txt --requirement /venv/packages.txt \
    && pip --python /venv/bin/python uninstall --yes setuptools \
    && find /venv/lib -type d -name tests -prune -exec rm -r {} + \
    && find /venv/bin -type f -delete \
    && pip uninstall --yes setuptools wheel pip
COPY --from=product /bundled /venv/lib/python3.11/site-packages/worker/bundled
COPY --from=product /venv /venv
# The root file system may be read-only: what the worker writes, models from the hub as well, goes below /tmp.
ENV PATH=/venv/bin:$PATH XDG_CACHE_HOME=/tmp
USER 10001
WORKDIR /home/emotion
EXPOSE 8080
STOPSIGNAL SIGTERM
# Of `run` or of `serve`, whichever this container is. Of /livez, since Swarm restarts what is unhealthy, and a restart
# does not bring brokers back.
HEALTHCHECK --interval=15s --timeout=6s --start-period=120s --retries=3 CMD ["python", "-c", "\
import http.client, os, sys\n\
for name, usual in (('HTTP', 8080), ('SERVE', 8081)):\n\
    endpoint = http.client.HTTPConnection('127.0.0.1', int(os.environ.get(f'EMOTION_{name}_PORT', usual)), timeout=2.5)\n\
    try:\n\
        endpoint.request('GET', '/livez')\n\
        sys.exit(endpoint.getresponse().status != 200)\n\
    except OSError:\n\
        pass\n\
sys.exit(1)"]
ENTRYPOINT ["emotion-worker"]
CMD ["run"]
# Last, since they are others for each revision.
ARG REVISION=unknown
LABEL org.opencontainers.image.title="emotion-worker" \
    org.opencontainers.image.description="Reads texts from Kafka, writes their emotion labels exactly once." \
    org.opencontainers.image.version="0.1.0" \
    org.opencontainers.image.revision="$REVISION" \
    org.opencontainers.image.licenses="Apache-2.0"
