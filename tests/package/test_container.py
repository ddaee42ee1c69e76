"""The Containerfile and compose.yaml. No daemon is needed: the steps of the image are taken in a folder."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

import pytest
import yaml

from parlour.config import Config, environment_name
from tests.documents import ROOT, read
from tests.files import wait_until
from tests.package.environments import link_dependencies, run
from tests.servers import ACCOUNT_SID, AUTH_TOKEN, TIMEOUT_SECONDS

COMPOSE = yaml.safe_load(read("compose.yaml"))
SERVICES = COMPOSE["services"]
PINNED = r"docker\.io/library/[a-z]+:\d+(\.\d+)?-[\w-]+"


def instructions():
    """Each instruction of the Containerfile: its word and the rest, joined where a line goes on."""
    lines = [line for line in read("Containerfile").splitlines() if line and not line.startswith("#")]
    return [each.split(" ", 1) for each in "\n".join(lines).replace("\\\n", "").splitlines()]


def given(word):
    return [rest for each, rest in instructions() if each == word]


def copied():
    """The files and folders that the image takes from here."""
    return [name for rest in given("COPY") if "--from" not in rest for name in rest.split()[:-1]]


def image_environment():
    return dict(each.split("=", 1) for each in given("ENV"))


def test_the_image_is_small_runs_as_nobody_in_particular_and_says_what_it_is():
    stages = given("FROM")
    labels = re.findall(r"org\.opencontainers\.image\.(\w+)=", " ".join(given("LABEL")))

    assert [re.fullmatch(rf"{PINNED}( AS build)?", each) is not None for each in stages] == [True, True]
    assert stages[0].removesuffix(" AS build") == stages[1]
    assert given("USER") == ["10001:10001"]
    assert given("VOLUME") == given("WORKDIR")[1:] == ["/data"]
    assert set(labels) == {"title", "description", "licenses", "source", "revision", "version"}


def test_what_is_sent_to_the_builder_is_what_the_image_takes():
    kept = [line.removeprefix("!") for line in read(".dockerignore").splitlines() if line.startswith("!")]

    assert set(kept) == set(copied())
    assert [name for name in kept if not (ROOT / name).exists()] == []


def test_both_files_set_only_settings_that_exist():
    known = {environment_name(name) for name in Config.__dataclass_fields__}
    ours = {name for each in SERVICES.values() for name in each["environment"] if name.startswith("PARLOUR_")}

    assert {name for name in image_environment() if name.startswith("PARLOUR_")} <= known
    assert ours <= known | {"PARLOUR_URL"}


def test_compose_runs_the_image_read_only_and_without_rights_on_this_machines_port_only():
    parlour = SERVICES["parlour"]

    assert (parlour["read_only"], parlour["cap_drop"]) == (True, ["ALL"])
    assert parlour["security_opt"] == ["no-new-privileges:true"]
    assert parlour["volumes"] == ["data:/data"]
    assert all(each.startswith("127.0.0.1:") for each in parlour["ports"])
    assert int(parlour["stop_grace_period"].rstrip("s")) > Config().stop_seconds


def test_compose_by_itself_starts_parlour_alone():
    by_default = [name for name, each in SERVICES.items() if "profiles" not in each]

    assert by_default == ["parlour"]
    # What is not started is not waited for.
    assert SERVICES["parlour"]["depends_on"]["postgresql"]["required"] is False
    assert SERVICES["hello"]["environment"]["PARLOUR_URL"] == "http://parlour:8080"
    assert set(COMPOSE["volumes"]) == {"data", "postgresql"}
    for each in SERVICES.values():
        assert "build" in each or re.fullmatch(PINNED, each["image"])


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def image(tmp_path):
    """A folder with the steps of the Containerfile taken: what would be at /opt/parlour and /data."""
    source = tmp_path / "source"
    for name in copied():
        place = source / name
        place.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, place)
    opt = tmp_path / "opt"
    run(sys.executable, "-m", "venv", "--without-pip", opt, folder=tmp_path)
    [site_packages] = (opt / "lib").glob("python*/site-packages")
    # In place of the step that downloads them.
    link_dependencies(site_packages, leave_out=())
    [step] = [each for each in given("RUN") if each.endswith("--no-build-isolation .")]
    pip = [sys.executable, "-m", "pip", "--python", opt, "--disable-pip-version-check"]
    run(*pip, *step.split()[1:], "--no-index", folder=source)
    shutil.copyfile(source / "containers/healthcheck.py", opt / "healthcheck.py")
    shutil.rmtree(source)
    (tmp_path / "data").mkdir(mode=0o700)
    yield tmp_path
    subprocess.run(["chmod", "-R", "u+w", tmp_path], check=True)


def start(image, port):
    """The image's command, and its health check, with the rights that compose.yaml leaves them: none.

    Root without its capabilities can write to a file only if the file's mode says so, as everyone else.
    """
    here = {"/opt/parlour": str(image / "opt"), "/data": str(image / "data")}
    settings = {"PARLOUR_ACCOUNT_SID": ACCOUNT_SID, "PARLOUR_AUTH_TOKEN": AUTH_TOKEN}
    for name, value in image_environment().items():
        settings[name] = re.sub("|".join(here), lambda found: here[found[0]], value)
    settings["PARLOUR_PORT"] = str(port)
    prefix = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    subprocess.run(["chmod", "-R", "a-w", image / "opt"], check=True)
    words = json.loads(given("ENTRYPOINT")[0]) + json.loads(given("CMD")[0])
    options = {"cwd": image / "data", "env": settings}
    health = json.loads(given("HEALTHCHECK")[0].partition("CMD ")[2])
    health[1] = health[1].replace("/opt/parlour", here["/opt/parlour"])
    program, health[0] = (shutil.which(each, path=settings["PATH"]) for each in (words[0], health[0]))
    server = subprocess.Popen([*prefix, program, *words[1:]], **options)
    return server, lambda: subprocess.run([*prefix, *health], **options, check=False).returncode == 0


@pytest.mark.long
def test_the_steps_of_the_image_make_a_server_that_writes_to_its_volume_only(image, free_port):
    server, is_healthy = start(image, free_port)
    try:
        wait_until(is_healthy)
        message = subprocess.run(
            [sys.executable, ROOT / SERVICES["hello"]["command"][1].lstrip("/")],
            env={
                "PARLOUR_URL": f"http://127.0.0.1:{free_port}",
                "PARLOUR_ACCOUNT_SID": ACCOUNT_SID,
                "PARLOUR_AUTH_TOKEN": AUTH_TOKEN,
            },
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        server.send_signal(getattr(signal, given("STOPSIGNAL")[0]))
        assert server.wait(TIMEOUT_SECONDS) == 0

    assert message.stdout == "0 alice Is anybody here?\n"
    assert (image / "data" / "parlour.db").exists()
    assert not is_healthy()
