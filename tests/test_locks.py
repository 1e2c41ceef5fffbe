"""The lock files: made from today's lists, complete, and free of addresses that do not belong there.

In: conda.yaml, the lists of extras and the lock files; no network.
Out: a failure that names the stale or incomplete lock; `make lock` mends it.
"""

import re
import shutil
from functools import partial
from pathlib import Path
from urllib.parse import urlparse

import pytest
import yaml

from tools.lock import (
    ADDRESS,
    DIGEST_LINE,
    EXTRAS,
    PLATFORMS,
    ROOT,
    LockError,
    conda_pins,
    digest,
    extra_pins,
    lock_conda,
    lock_name,
    stale_platforms,
)

# conda-lock 4.0.3 warns of its own habits while it is imported.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:conda_lock"),
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning:conda_lock"),
]

EXTRA_LOCKS = {lock_name(source): partial(extra_pins, source) for source in EXTRAS}
PIP_LOCKS = {"requirements.lock": conda_pins, **EXTRA_LOCKS}
LOCKS = [*PIP_LOCKS, "conda-lock.yml"]
# Joined, so that this file does not name the hosts that no file of the repository may name.
INDEX_HOSTS = [".".join(("pypi", "org")), ".".join(("files", "pythonhosted", "org"))]
LOCKED = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ ]+)( ; [^\\]+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _entries(name: str) -> list[tuple[str, str]]:
    """Return (name, version) of each locked requirement."""
    return [(m[1], m[2]) for line in _text(name).splitlines() if (m := LOCKED.match(line))]


def _canonical(pin: str) -> tuple[str, str]:
    """Return (name, version) of a pin as uv writes it: lower case, no extras."""
    name, version = pin.split("==")
    return re.sub(r"[-_.]+", "-", name.split("[")[0]).lower(), version


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A folder with copies of the lists and locks, to be spoiled."""
    for name in ["conda.yaml", *EXTRAS, *LOCKS]:
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", PIP_LOCKS)
def test_pip_lock_is_made_from_the_present_list(name: str) -> None:
    recorded = [line for line in _text(name).splitlines() if line.startswith(DIGEST_LINE)]
    assert recorded == [DIGEST_LINE + digest(PIP_LOCKS[name]())], f"{name} is stale: run make lock"


@pytest.mark.parametrize("name", PIP_LOCKS)
def test_pip_lock_holds_each_direct_dependency_at_its_pin(name: str) -> None:
    pins = [_canonical(pin) for pin in PIP_LOCKS[name]()]
    assert pins
    assert [pin for pin in pins if pin not in _entries(name)] == []


@pytest.mark.parametrize("name", PIP_LOCKS)
def test_pip_lock_has_a_hash_for_each_requirement_and_nothing_else(name: str) -> None:
    lines = [line for line in _text(name).splitlines() if not line.lstrip().startswith("#")]
    assert [line for line in lines if not LOCKED.match(line) and not HASH.match(line)] == []
    unhashed = [
        a for a, b in zip(lines, [*lines[1:], ""], strict=True) if LOCKED.match(a) and not HASH.match(b)
    ]
    assert unhashed == []


@pytest.mark.parametrize("name", EXTRA_LOCKS)
def test_an_extra_shares_the_versions_of_the_run(name: str) -> None:
    run, extra = set(_entries("requirements.lock")), set(_entries(name))
    shared = {name for name, _ in run} & {name for name, _ in extra}
    assert shared
    assert {entry for entry in extra if entry[0] in shared} <= run


def test_no_peer_is_part_of_a_run_or_of_its_tests() -> None:
    peers = {_canonical(pin)[0] for pin in extra_pins("requirements-peers.in")}
    others = {name for lock in ("requirements.lock", "requirements-dev.lock") for name, _ in _entries(lock)}
    assert peers and not peers & others


def test_conda_lock_is_made_from_the_present_conda_half() -> None:
    assert stale_platforms() == [], "conda-lock.yml is stale: run make lock"


def test_conda_lock_holds_hashed_conda_forge_packages_for_each_platform() -> None:
    lock = yaml.safe_load(_text("conda-lock.yml"))
    assert tuple(lock["metadata"]["platforms"]) == PLATFORMS
    for platform in PLATFORMS:
        packages = {item["name"]: item for item in lock["package"] if item["platform"] == platform}
        assert packages["python"]["version"].startswith("3.11.")
        assert "pip" in packages
    for item in lock["package"]:
        url = urlparse(item["url"])
        assert (url.scheme, url.netloc) == ("https", "conda.anaconda.org"), item["url"]
        assert url.path.startswith(("/conda-forge/noarch/", f"/conda-forge/{item['platform']}/")), item["url"]
        assert item["manager"] == "conda"
        assert re.fullmatch("[0-9a-f]{64}", item["hash"]["sha256"]), item["name"]


def test_conda_lock_tells_nothing_of_the_machine_that_made_it() -> None:
    metadata = yaml.safe_load(_text("conda-lock.yml"))["metadata"]
    assert set(metadata) == {"content_hash", "channels", "platforms", "sources"}
    assert metadata["sources"] == ["conda.yaml"]


@pytest.mark.parametrize("name", LOCKS)
def test_lock_names_no_package_index(name: str) -> None:
    assert [host for host in INDEX_HOSTS if host in _text(name)] == []


@pytest.mark.parametrize("name", PIP_LOCKS)
def test_pip_lock_holds_no_address(name: str) -> None:
    assert ADDRESS.search(_text(name)) is None


def test_another_pin_changes_the_digest(scratch: Path) -> None:
    before = digest(conda_pins(scratch))
    _replace(scratch / "conda.yaml", "onnx==", "onnx==9.")
    assert digest(conda_pins(scratch)) != before


@pytest.mark.parametrize("name", EXTRAS)
def test_order_and_comments_leave_the_digest(scratch: Path, name: str) -> None:
    before = digest(extra_pins(name, scratch))
    lines = (scratch / name).read_text(encoding="utf-8").splitlines()
    (scratch / name).write_text("\n".join(["# another", *reversed(lines)]), encoding="utf-8")
    assert digest(extra_pins(name, scratch)) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [("- python=3.11", "- python=3.12"), ("- conda-forge", "- elsewhere"), ("- pip\n", "- pip=26\n")],
)
def test_another_conda_half_makes_conda_lock_stale(scratch: Path, old: str, new: str) -> None:
    _replace(scratch / "conda.yaml", old, new)
    assert stale_platforms(scratch) == list(PLATFORMS)


def test_a_missing_platform_makes_conda_lock_stale(scratch: Path) -> None:
    _replace(scratch / "conda-lock.yml", "    win-64: ", "    win-32: ")
    assert stale_platforms(scratch) == ["win-64"]


def test_a_missing_conda_lock_is_stale(scratch: Path) -> None:
    (scratch / "conda-lock.yml").unlink()
    assert stale_platforms(scratch) == list(PLATFORMS)


def test_a_missing_solver_is_one_sentence_and_leaves_the_lock() -> None:
    before = _text("conda-lock.yml")
    with pytest.raises(LockError, match=r"found no 'no-such-conda'; say make lock CONDA="):
        lock_conda("no-such-conda")
    assert _text("conda-lock.yml") == before


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
