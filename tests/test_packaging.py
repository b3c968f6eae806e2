"""What a person who installs the package counts on: a light import, one version, a complete wheel."""

import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

import separatrix

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "separatrix"
HEAVY = ("numpy", "scipy", "pandas", "matplotlib", "torch", "onnx", "sklearn", "flint", "joblib", "dask", "jinja2")
TIMED_IMPORT = """
import sys, time
start = time.perf_counter()
import separatrix
print(time.perf_counter() - start)
print(*sorted(sys.modules))
"""


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_the_import_is_light() -> None:
    runs = [run_python(TIMED_IMPORT).splitlines() for _ in range(3)]
    loaded = set(runs[0][1].split())
    assert loaded.isdisjoint(HEAVY)
    assert min(float(seconds) for seconds, _ in runs) < 0.5


def test_every_public_name_is_there_and_none_loads_a_framework_or_a_drawer() -> None:
    code = """
import sys
import separatrix as sx
names = [name for name in getattr(sx, "__all__", []) if getattr(sx, name) is None]
assert not names, names
print(*sorted({"torch", "onnx", "sklearn", "matplotlib", "plotly", "pandas", "dask"} & set(sys.modules)))
"""
    assert run_python(code).strip() == ""


def test_logging_is_silent_by_default() -> None:
    code = "import logging, separatrix; logging.getLogger('separatrix.study').error('a stage failed')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""


def test_the_version_stands_in_one_place() -> None:
    version = separatrix.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+([ab]\d+|rc\d+|\.dev\d+)?", version)
    assert 'dynamic = ["version"]' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert metadata.version("separatrix") == version, "installed from another state: run `make venv` anew"
    literals = [path for path in PACKAGE.rglob("*.py") if f'"{version}"' in path.read_text(encoding="utf-8")]
    assert literals == [PACKAGE / "_version.py"]


def test_changelog_and_citation_name_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"## [{separatrix.__version__}]" in changelog
    assert f"\nversion: {separatrix.__version__}\n" in citation


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    built = next(WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"]))
    return zipfile.ZipFile(built)


def test_one_pure_wheel_serves_every_system(wheel: zipfile.ZipFile) -> None:
    assert Path(wheel.filename or "").name == f"separatrix-{separatrix.__version__}-py3-none-any.whl"


def test_the_wheel_holds_every_file_of_the_package_and_the_licences(wheel: zipfile.ZipFile) -> None:
    held = set(wheel.namelist())
    files = [path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    expected = {path.relative_to(PACKAGE.parent).as_posix() for path in files}
    assert {"separatrix/py.typed", "separatrix/data/mnist.npz"} <= expected
    assert expected <= held
    assert {"LICENSE", "NOTICE"} <= {Path(name).name for name in held if ".dist-info/" in name}


def test_constraints_pin_every_requirement_of_the_checks() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    pinned = {normal(name) for name in pins}
    assert all("+" not in version for version in pins.values()), "a local version label binds to one build"
    requirements = metadata.requires("separatrix") or []
    wanted = {normal(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]) for requirement in requirements}
    assert wanted <= pinned


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
