"""Makes a small build without GPU of PyTorch's for NVIDIA GPUs, where the index of its CPU builds is out of reach.

    python torch_without_gpu.py SITE_PACKAGES        # with torch and nvidia-cuda-runtime installed there

Torch's libraries stay as they are. The loader wants what they name: 2.6 GB of NVIDIA's libraries, of which nothing runs
without a GPU. Each gets a stand-in with the functions that torch names; a call of one would end the process.
"""

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection, GNUVerSymSection

NVIDIA = re.compile(r"lib(cu|nccl|nv)\w*\.so\.\d+")
NAMES = re.compile(r"(cu|nccl|nv)\w+")  # of its functions, which are plain C
REAL = "libcudart.so.13"  # small, and the one that is asked, namely whether there is a GPU
UNUSED = ("libtorch_cuda_linalg.so", "libcaffe2_nvrtc.so")  # loaded when a GPU needs them

# Of a library: its functions, by the version of the library's interface that they are asked in ("": in none).
Functions = dict[str, set[str]]


def main() -> None:
    """Put the stand-ins beside torch's libraries, and forget that torch requires the real ones."""
    site_packages = Path(sys.argv[1])
    folder = site_packages / "torch/lib"
    for name in UNUSED:
        (folder / name).unlink()
    libraries: defaultdict[str, Functions] = defaultdict(lambda: defaultdict(set))
    without_library: set[str] = set()
    for path in sorted(folder.glob("*.so")):
        without_library |= add_needed(path, libraries)
    del libraries[REAL]
    for name, functions in libraries.items():
        make_stand_in(folder / name, functions)
    # Without a version any library may have a function: one has them all.
    make_stand_in(folder / "libnccl.so.2", {"": without_library})
    for metadata in site_packages.glob("torch-*.dist-info/METADATA"):
        text = metadata.read_text(encoding="utf-8")
        metadata.write_text(re.sub(r"^Requires-Dist: (cuda|nvidia|triton).*\n", "", text, flags=re.M), encoding="utf-8")


def add_needed(path: Path, libraries: defaultdict[str, Functions]) -> set[str]:
    """Add what a library of torch needs of NVIDIA's; gives the functions that it does not say the library of."""
    with path.open("rb") as file:
        elf = ELFFile(file)
        sections = list(elf.iter_sections())
        for tag in (tag for section in sections if isinstance(section, DynamicSection) for tag in section.iter_tags()):
            if tag.entry.d_tag == "DT_NEEDED" and NVIDIA.fullmatch(tag.needed):
                libraries[tag.needed]  # a library without a function that is needed has to be there as well
        versions = {
            version.entry.vna_other: (library.name, version.name)
            for section in sections
            if isinstance(section, GNUVerNeedSection)
            for library, of_library in section.iter_versions()
            for version in of_library
        }
        symbols = elf.get_section_by_name(".dynsym")
        of_symbols = next(section for section in sections if isinstance(section, GNUVerSymSection))
        rest = set()
        for index, symbol in enumerate(symbols.iter_symbols()):
            if symbol.entry.st_shndx != "SHN_UNDEF" or not NAMES.fullmatch(symbol.name):
                continue
            library, version = versions.get(of_symbols.get_symbol(index).entry.ndx, ("", ""))
            if library in libraries:
                libraries[library][version].add(symbol.name)
            elif not library:
                rest.add(symbol.name)
        return rest


def make_stand_in(path: Path, functions: Functions) -> None:
    """Compile a library with functions of these names."""
    with TemporaryDirectory() as folder:
        source, versions = Path(folder) / "stand_in.c", Path(folder) / "versions"
        names = sorted(set().union(*functions.values()))
        source.write_text("".join(f"void {name}(void) {{ __builtin_trap(); }}\n" for name in names), encoding="utf-8")
        named = {version: names for version, names in functions.items() if version}
        script = "".join(f"{version} {{ global: {'; '.join(sorted(names))}; }};\n" for version, names in named.items())
        versions.write_text(script, encoding="utf-8")
        options = [f"-Wl,--version-script={versions}"] if script else []
        compiler = [sys.executable, "-m", "ziglang", "cc", "-shared", "-fPIC", "-nostdlib", "-O1", "-fno-builtin", "-w"]
        subprocess.run([*compiler, *options, f"-Wl,-soname,{path.name}", "-o", path, source], check=True)  # noqa: S603


if __name__ == "__main__":
    main()
