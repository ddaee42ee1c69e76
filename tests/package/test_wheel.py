"""The wheel and the sdist, each installed into an environment of its own: they serve without the sources."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.documents import ROOT
from tests.package.environments import ENVIRONMENT, link_dependencies, run

pytestmark = pytest.mark.long

TRY = Path(__file__).with_name("first_message.py")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "--directory", folder, folder=ROOT)
    return folder


@pytest.fixture(scope="module", params=["*.whl", "*.tar.gz"], ids=["wheel", "sdist"])
def installed(request, built, tmp_path_factory):
    """The `bin` folder of an environment that has the package and its dependencies."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", folder=folder)
    [site_packages] = (folder / "venv" / "lib").glob("python*/site-packages")
    # Not what an extra would bring, as after `pip install parlour`.
    link_dependencies(site_packages, leave_out=("psycopg",))
    [package] = built.glob(request.param)
    pip = [sys.executable, "-m", "pip", "--python", folder / "venv", "--disable-pip-version-check"]
    run(*pip, "install", "--no-index", "--no-deps", "--no-build-isolation", package, folder=folder)
    return folder / "venv" / "bin"


def test_it_is_imported_from_the_package_and_finds_no_tools_of_the_tests(installed, tmp_path):
    program = (
        "import parlour; from importlib.util import find_spec as find;"
        "print(parlour.__file__, find('pytest'), find('tests'))"
    )
    file, *others = run(installed / "python", "-c", program, folder=tmp_path).split()

    assert Path(file).is_relative_to(installed.parent)
    assert others == ["None", "None"]


def test_it_needs_what_it_says_that_it_needs(installed, tmp_path):
    pip = [sys.executable, "-m", "pip", "--python", installed.parent, "--disable-pip-version-check"]

    assert run(*pip, "check", folder=tmp_path) == "No broken requirements found.\n"


def test_it_serves_a_message(installed, tmp_path):
    printed = run(installed / "python", TRY, installed / "parlour", folder=tmp_path)

    assert printed == "0 alice Is anybody here?\n"


def test_without_the_extra_it_says_how_to_get_what_postgresql_needs(installed, tmp_path):
    words = [installed / "parlour", "serve", "--database", "postgresql://somebody@127.0.0.1/nothing"]
    ended = subprocess.run(
        words, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False
    )

    assert ended.returncode == 1
    assert "pip install 'parlour[postgresql]'" in ended.stderr


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(built):
    [wheel] = built.glob("*.whl")
    source = ROOT / "src"
    files = {
        file.relative_to(source).as_posix()
        for file in source.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert held == files
    assert "parlour/store/migrations/0001_messages.sql" in held


def test_the_sdist_holds_what_building_and_testing_need(built):
    [sdist] = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}

    needed = {
        "pyproject.toml",
        "hatch_build.py",
        "Makefile",
        "LICENSE",
        "README.md",
        "requirements/dev.txt",
        "tests/conftest.py",
    }
    assert needed <= held
    assert [name for name in held if name.startswith((".venv", "dist/"))] == []
