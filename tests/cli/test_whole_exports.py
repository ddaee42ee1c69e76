"""Exports that are whole, and how it is noticed when one is not."""

import pytest
from click.testing import CliRunner

from parlour.cli import main
from tests.cli.test_transfer import fill
from tests.storages import File


@pytest.fixture
def elsewhere(tmp_path, databases):
    """The setting of a storage of the other engine than the test's."""
    made = []

    def elsewhere(storage):
        if storage.kind == File.kind:
            made.append(databases.make())
            return made[-1].setting
        return str(tmp_path / "elsewhere.db")

    yield elsewhere
    for storage in made:
        storage.remove()


def without_last_line(lines):
    return lines[:-1]


def without_a_row(lines):
    return [*lines[:-2], lines[-1]]


def with_a_row_behind(lines):
    return [*lines, lines[1]]


def cut_within_a_line(lines):
    return [*lines[:-2], lines[-2][: len(lines[-2]) // 2]]


def nothing(_):
    return []


def only_the_first_line(lines):
    return lines[:1]


@pytest.mark.both_engines
@pytest.mark.parametrize(
    ("cut", "reason"),
    [
        (without_last_line, "the last line of the export is missing"),
        (without_a_row, "the file is not whole: of 12 rows of roles it holds 11"),
        (with_a_row_behind, "it stands behind the last line of an export"),
        (cut_within_a_line, "is not JSON"),
        (nothing, "the file is empty"),
        (only_the_first_line, "the last line of the export is missing"),
    ],
)
def test_an_export_that_is_not_whole_is_told_and_the_whole_one_goes_on(
    tmp_path, running, api, elsewhere, cut, reason
):
    fill(api)
    there, whole, part = elsewhere(running.storage), tmp_path / "all.jsonl", tmp_path / "cut.jsonl"
    invoke("export", str(whole), "--database", running.storage.setting)
    part.write_bytes(b"".join(cut(whole.read_bytes().splitlines(keepends=True))))
    refused = invoke("import", str(part), "--database", there)
    done = invoke("import", str(whole), "--database", there)

    assert refused.exit_code == 1
    assert reason in refused.stderr
    assert "rows were read before that" in refused.stderr
    assert done.exit_code == 0, done.stderr


def invoke(*words):
    """A command in this process, which is quicker."""
    return CliRunner().invoke(main, words)


def test_several_exports_may_follow_each_other(tmp_path, running, api, elsewhere):
    fill(api)
    exported = invoke("export", "--database", running.storage.setting)
    assert exported.exit_code == 0, exported.output
    text = exported.stdout
    twice = tmp_path / "twice.jsonl"
    twice.write_text(text + text)
    done = invoke("import", str(twice), "--database", elsewhere(running.storage))

    assert text.startswith('{"parlour_export":1}\n')
    assert text.splitlines()[-1].startswith('{"rows":{')
    assert done.exit_code == 0
    assert done.stderr.startswith(f"{2 * (len(text.splitlines()) - 2)} rows read, ")


def test_an_export_that_fails_or_is_killed_leaves_the_older_one(tmp_path, running, api, monkeypatch):
    fill(api)
    monkeypatch.chdir(tmp_path)
    assert invoke("export", "all.jsonl", "--database", running.storage.setting).exit_code == 0
    before = (tmp_path / "all.jsonl").read_bytes()

    def lines_until_killed(_):
        yield b'{"parlour_export":1}\n', 10
        # As kill -9: nothing of ours runs any more.
        raise Killed

    monkeypatch.setattr("parlour.cli.storage.export_lines", lines_until_killed)
    with pytest.raises(Killed):
        main(["export", "all.jsonl", "--database", running.storage.setting], standalone_mode=False)

    assert (tmp_path / "all.jsonl").read_bytes() == before
    assert [path.name for path in tmp_path.glob("*.jsonl*")] == ["all.jsonl"]


class Killed(BaseException):
    pass
