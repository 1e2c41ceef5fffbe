"""Makes the lock files from the lists of direct dependencies (`make lock`).

In: conda.yaml and the lists in `EXTRAS`; uv, conda-lock, and a conda, mamba or micromamba executable.
Out: requirements.lock and one lock per extra list (pip, by hash); conda-lock.yml (python, pip and their
native libraries, by address and hash).
Promise: a lock names no package index and nothing of the machine that made it; each records a digest
of its input, so that `tests/test_locks.py` can tell without a network when it is stale.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
PYTHON_VERSION = "3.11"
PLATFORMS = ("linux-64", "linux-aarch64", "osx-arm64", "win-64")
EXTRAS = ("requirements-dev.in", "requirements-peers.in")
"""What goes on top of conda.yaml, and never into a run: test tools; the peers of `make bench-peers`."""
DIGEST_LINE = "# sha256 of the input: "
ADDRESS = re.compile(r"\w+://|^\s*--(?:index-url|extra-index-url|find-links)", re.MULTILINE)


class LockError(Exception):
    """A lock cannot be made; the message is for the person who typed `make lock`."""


def conda_pins(root: Path = ROOT) -> list[str]:
    """Return the `pip:` list of conda.yaml, as written, comments left out."""
    dependencies = yaml.safe_load((root / "conda.yaml").read_text(encoding="utf-8"))["dependencies"]
    return [pin for item in dependencies if isinstance(item, dict) for pin in item["pip"]]


def extra_pins(source: str, root: Path = ROOT) -> list[str]:
    """Return the requirements of `source`, one of `EXTRAS`, comments left out."""
    lines = (root / source).read_text(encoding="utf-8").splitlines()
    return [pin for line in lines if (pin := line.split("#")[0].strip())]


def lock_name(source: str) -> str:
    """Return the lock that is made from `source`."""
    return str(Path(source).with_suffix(".lock"))


def digest(pins: Iterable[str]) -> str:
    """Return the SHA-256 of the sorted pins: moving a line or a comment makes no lock stale."""
    return hashlib.sha256("\n".join(sorted(pins)).encode()).hexdigest()


def conda_half(root: Path = ROOT) -> str:
    """Return conda.yaml without its `pip:` list: all that conda-lock.yml locks."""
    content = yaml.safe_load((root / "conda.yaml").read_text(encoding="utf-8"))
    content["dependencies"] = [item for item in content["dependencies"] if isinstance(item, str)]
    return str(yaml.safe_dump(content, sort_keys=False))


def stale_platforms(root: Path = ROOT) -> list[str]:
    """Return the platforms for which conda-lock.yml is missing or made from another conda half.

    The digest is conda-lock's own, so its recipe follows conda-lock's version.
    """
    # conda-lock takes half a second to import, and locking the pip half does not need it.
    from conda_lock.content_hash import backwards_compatible_content_hashes
    from conda_lock.src_parser import make_lock_spec
    from conda_lock.virtual_package import default_virtual_package_repodata

    lock = root / "conda-lock.yml"
    metadata = yaml.safe_load(lock.read_text(encoding="utf-8"))["metadata"] if lock.exists() else {}
    recorded = metadata.get("content_hash", {})
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "conda.yaml")
        source.write_text(conda_half(root), encoding="utf-8")
        spec = make_lock_spec(src_files=[source], platform_overrides=PLATFORMS, mapping_url="")
    machine = default_virtual_package_repodata(cuda_version="")  # as --without-cuda below
    return [
        platform
        for platform in PLATFORMS
        if recorded.get(platform) not in backwards_compatible_content_hashes(spec, machine, platform)
    ]


def lock_pip(
    name: str, pins: list[str], source: str, *, upgrade: bool, constraints: str | None = None
) -> None:
    """Write the lock `name` for `pins`, which stand in `source`.

    Versions that the present lock holds are kept unless `upgrade` is set.

    Raises:
        LockError: uv failed, or its answer holds an address.
    """
    with tempfile.TemporaryDirectory() as folder:
        # A folder of its own, so that uv notes bare file names and finds no settings of this project.
        Path(folder, source).write_text("\n".join(pins) + "\n", encoding="utf-8")
        for present in {name, constraints} - {None}:
            if (ROOT / str(present)).exists():
                shutil.copy(ROOT / str(present), folder)
        command = ["uv", "pip", "compile", source, "--output-file", name, "--quiet", "--no-header"]
        command += ["--universal", "--python-version", PYTHON_VERSION, "--generate-hashes"]
        command += ["--no-emit-index-url", "--no-emit-find-links"]
        command += ["--constraints", constraints] if constraints else []
        command += ["--upgrade"] if upgrade else []
        _run(command, folder)
        body = Path(folder, name).read_text(encoding="utf-8")
    if found := ADDRESS.search(body):
        raise LockError(f"expected no address in {name}, found {found.group()!r}; look at uv's settings")
    origin = "conda.yaml" if source == "conda.txt" else source
    header = f"# Made from {origin} by `make lock`; do not edit.\n{DIGEST_LINE}{digest(pins)}\n"
    _write(name, header + body.replace(f"-r {source}", origin))


def lock_conda(conda: str) -> None:
    """Write conda-lock.yml with the solver `conda`, a name on PATH or a path.

    Raises:
        LockError: the solver is missing or failed.
    """
    solver = shutil.which(conda)
    if solver is None:
        raise LockError(f"expected a conda, mamba or micromamba, found no {conda!r}; say make lock CONDA=…")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "conda.yaml").write_text(conda_half(), encoding="utf-8")
        Path(folder, "names.json").write_text("{}", encoding="utf-8")  # no pip part: no names to map
        command = [sys.executable, "-m", "conda_lock", "lock", "--conda", str(Path(solver).absolute())]
        command += ["--file", "conda.yaml", "--lockfile", "conda-lock.yml", "--without-cuda"]
        command += ["--pypi_to_conda_lookup_file", "names.json"]
        _run(command + [word for platform in PLATFORMS for word in ("--platform", platform)], folder)
        text = Path(folder, "conda-lock.yml").read_text(encoding="utf-8")
    body = text[text.index("version: 1\n") :]  # conda-lock's own header tells how to lock the pip part too
    header = "# The conda half of conda.yaml, made by `make lock` with conda-lock; do not edit.\n"
    _write("conda-lock.yml", header + body)


def _write(name: str, text: str) -> None:
    """Write a lock only where it changes: a newer file makes the next `make` set up anew."""
    path = ROOT / name
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _run(command: list[str], folder: str) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True)  # the words are ours
    except (OSError, subprocess.CalledProcessError) as error:
        raise LockError(f"{error}; see its output above and lock again") from error


def main(argv: list[str] | None = None) -> int:
    """Make all locks and return the exit status."""
    parser = argparse.ArgumentParser(description="Make the lock files.")
    parser.add_argument("--conda", default="conda", help="conda, mamba or micromamba executable")
    parser.add_argument("--upgrade", action="store_true", help="take the newest indirect dependencies")
    options = parser.parse_args(argv)
    try:
        lock_pip("requirements.lock", conda_pins(), "conda.txt", upgrade=options.upgrade)
        for source in EXTRAS:
            lock_pip(
                lock_name(source),
                extra_pins(source),
                source,
                upgrade=options.upgrade,
                constraints="requirements.lock",
            )
        if options.upgrade or stale_platforms():
            lock_conda(options.conda)
        else:
            print("conda-lock.yml is up to date: no solver needed")
    except LockError as error:
        print(f"make lock: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
