#!/bin/sh
# Installs torch into /venv, as torch.txt pins it:
#
#     sh install_torch.sh cpu|cuda CPU_INDEX
#
# cpu   from CPU_INDEX, PyTorch's own. Where that cannot be reached: the default index's build for GPUs, without the GPU's part.
# cuda  from the default index, with CUDA itself; the machine gives the driver.
set -eu
cd "$(dirname "$0")"

install() { pip --python /venv/bin/python install --no-deps "$@"; }
pin() { grep "^$1==" torch.txt; }

site_packages=$(/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
case $1 in
cuda)
    install --requirement torch.txt
    build="GPU"
    ;;
cpu)
    if install --index-url "$2" --timeout 10 --retries 1 "$(pin torch)"; then
        build="CPU, from $2"
    else
        install "$(pin torch)" "$(pin nvidia-cuda-runtime)"
        pip install --target tools "$(pin pyelftools)" "$(pin ziglang)"
        PYTHONPATH=tools python torch_without_gpu.py "$site_packages"
        build="GPU, with stand-ins for NVIDIA's libraries: $2 gave no CPU build"
    fi
    ;;
*)
    echo "TORCH=$1: use cpu or cuda" >&2
    exit 2
    ;;
esac
# Nothing is compiled in a container: neither extensions of torch, nor models by Triton, which brings compilers of its own.
rm -rf "$site_packages"/torch/include "$site_packages"/torch/share "$site_packages"/nvidia/*/include "$site_packages"/triton*
sed -i '/^Requires-Dist: triton/d' "$site_packages"/torch-*.dist-info/METADATA
echo "torch: $build" | tee /venv/torch_build.txt
