"""The files that hosts and editors read: hosted CI, Dependabot, pre-commit, templates, the release."""

import re
import tomllib

import pytest
import yaml

from parlour import __version__
from tests.documents import ROOT, read

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
PROJECT = tomllib.loads(read("pyproject.toml"))["project"]


def load(file):
    # YAML 1.1 takes the key `on` for a truth value.
    return {"on" if key is True else key: value for key, value in yaml.safe_load(file.read_text()).items()}


def jobs_of(file):
    return load(file)["jobs"].values()


def steps_of(file):
    return [step for job in jobs_of(file) for step in job["steps"]]


def make_words(text):
    return set(re.findall(r"\bmake ([a-z][a-z-]*)", text))


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_every_action_is_pinned_by_its_commit_with_the_version_beside_it(file):
    uses = re.findall(r"uses: *(.+)", file.read_text())
    pinned = [each for each in uses if re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)]

    assert uses
    assert pinned == uses
    # One version of an action everywhere.
    assert len(set(uses)) == len({each.partition("@")[0] for each in uses})


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_job_may_only_read_and_ends_in_time(file):
    assert load(file)["permissions"] == {}
    assert "concurrency" in load(file)
    for job in jobs_of(file):
        assert job["permissions"] == {"contents": "read"}
        assert job["timeout-minutes"] <= 60
    for step in steps_of(file):
        if "checkout@" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_no_step_runs_text_that_others_write(file):
    assert [step for step in steps_of(file) if "${{" in step.get("run", "")] == []


def test_hosted_ci_runs_what_must_pass_on_every_python_that_is_named():
    job = load(ROOT / ".github/workflows/ci.yml")["jobs"]["test"]
    versions = job["strategy"]["matrix"]["python"]
    run = [step["run"] for step in job["steps"] if "run" in step]
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))

    assert set(named) <= set(versions)
    assert PROJECT["requires-python"] == f">={versions[0]}"
    assert re.findall(r"^make .*", read(".ci/run"), re.MULTILINE) == [each for each in run if "make" in each]


@pytest.mark.parametrize("name", [".ci/run", ".pre-commit-config.yaml", ".github/pull_request_template.md"])
def test_every_make_word_of_the_habits_exists(name):
    assert make_words(read(name))
    assert make_words(read(name)) <= TARGETS


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_every_make_word_and_every_file_of_a_workflow_exists(file):
    text = "\n".join(step["run"] for step in steps_of(file) if "run" in step)
    files = re.findall(r"\b(?:requirements|tests)/[\w./-]+", file.read_text())

    assert make_words(text) <= TARGETS
    assert [each for each in files if not (ROOT / each).exists()] == []


def test_dependabot_watches_what_is_locked_and_lets_releases_age():
    updates = load(ROOT / ".github/dependabot.yml")["updates"]

    assert {each["package-ecosystem"] for each in updates} == {"pip", "npm", "github-actions"}
    for each in updates:
        assert each["cooldown"]["default-days"] >= 7
        assert (ROOT / each["directory"].lstrip("/")).is_dir()
    assert (ROOT / "requirements/dev.txt").exists()
    assert (ROOT / "requirements/node/package-lock.json").exists()


def test_pre_commit_runs_make_check_and_brings_no_versions_of_its_own():
    repositories = load(ROOT / ".pre-commit-config.yaml")["repos"]

    assert [each["repo"] for each in repositories] == ["local"]
    assert [hook["entry"] for each in repositories for hook in each["hooks"]] == ["make check"]


@pytest.mark.parametrize("file", FORMS, ids=lambda file: file.name)
def test_an_issue_form_asks_for_something_and_leads_to_files_that_exist(file):
    form = load(file)
    asked = [each for each in form.get("body", []) if each["type"] != "markdown"]

    assert file.name == "config.yml" or (form["name"] and form["description"] and asked)
    assert [
        name for name in re.findall(r"\b[A-Z]+\.md\b", file.read_text()) if not (ROOT / name).exists()
    ] == []


def test_the_version_is_the_same_everywhere():
    assert PROJECT["version"] == __version__


def test_the_changelog_has_a_section_for_what_is_unreleased():
    assert re.findall(r"^## \[(.+?)\]", read("CHANGELOG.md"), re.MULTILINE)[0] == "Unreleased"
