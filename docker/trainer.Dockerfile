# The trainer, for NVIDIA GPUs. Build it from the root of the repository:
#
#     docker build --file docker/trainer.Dockerfile --tag emotion-trainer .
#     docker build --file docker/trainer.Dockerfile --tag emotion-trainer-cpu --build-arg TORCH=cpu .
#
# What changes least lies lowest, as in worker.Dockerfile: torch, the other packages, the model, the code.

FROM python:3.11.14-slim-bookworm AS lists
WORKDIR /lists
COPY constraints.txt pyproject.toml ./
# Lists of their own: a layer is made anew when its list changes, not when any line of those two files does.
RUN grep -E '^(torch|triton|nvidia-.+|cuda-.+|pyelftools|ziglang)==' constraints.txt > torch.txt \
    && python -c "import tomllib; \
project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
extras = project['optional-dependencies']; \
print(*project['dependencies'], *extras['trainer'], sep='\n')" > packages.txt

FROM python:3.11.14-slim-bookworm AS torch
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv --without-pip /venv
COPY docker/build /build
COPY --from=lists /lists/torch.txt /build/
ARG TORCH=cuda
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
    && rm /venv/bin/emotion-worker

FROM python:3.11.14-slim-bookworm
# /data is to be a volume: data and models lie there.
RUN useradd --uid 10001 --create-home emotion && install --directory --owner=10001 --group=10001 /data
COPY --from=torch /venv /venv
COPY --from=lists /lists/constraints.txt /lists/packages.txt /venv/
# Nothing is installed, compiled or tested in a container: what could is not there.
RUN pip --no-cache-dir --disable-pip-version-check --python /venv/bin/python install \
        --constraint /venv/constraints.txt --requirement /venv/packages.txt \
    && pip --python /venv/bin/python uninstall --yes setuptools \
    && find /venv/lib -type d -name tests -prune -exec rm -r {} + \
    && find /venv/bin -type f ! -name torchrun -delete \
    && pip uninstall --yes setuptools wheel pip
COPY --from=product /bundled /venv/lib/python3.11/site-packages/worker/bundled
COPY --from=product /venv /venv
# Below /data, because what comes from the hub is large, and worth keeping.
ENV PATH=/venv/bin:$PATH XDG_CACHE_HOME=/data/.cache
USER 10001
WORKDIR /data
# As process 1 it would not hear SIGTERM.
STOPSIGNAL SIGINT
ENTRYPOINT ["emotion-trainer"]
# Last, since they are others for each revision.
ARG REVISION=unknown
LABEL org.opencontainers.image.title="emotion-trainer" \
    org.opencontainers.image.description="Fine-tunes, measures and exports emotion models." \
    org.opencontainers.image.version="0.1.0" \
    org.opencontainers.image.revision="$REVISION" \
    org.opencontainers.image.licenses="Apache-2.0"
