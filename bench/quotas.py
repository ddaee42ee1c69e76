"""Half a processor for each process, where the system lets us: then what is beside them has the rest."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
# The older version of control groups has a tree for each of what it controls.
TREE = GROUPS / "cpu" if (GROUPS / "cpu").exists() else GROUPS
# Short, so that a process that has used up its time stands still for a moment only.
PERIOD_MICROSECONDS = 5_000
HALF = PERIOD_MICROSECONDS // 2


@contextlib.contextmanager
def half_a_core_each(process_ids: Sequence[int]) -> Iterator[bool]:
    """Whether each has no more than that within the block; not without the rights, or on other systems."""
    groups = [TREE / f"parlour-bench-{process_id}" for process_id in process_ids]
    try:
        for group, process_id in zip(groups, process_ids, strict=True):
            group.mkdir()
            set_half(group)
            move(process_id, group)
        halved = True
    except OSError:
        halved = False
    try:
        yield halved
    finally:
        for group, process_id in zip(groups, process_ids, strict=True):
            with contextlib.suppress(OSError):
                move(process_id, TREE)
                group.rmdir()


def set_half(group: Path) -> None:
    if (group / "cpu.max").exists():
        (group / "cpu.max").write_text(f"{HALF} {PERIOD_MICROSECONDS}")
    else:
        (group / "cpu.cfs_period_us").write_text(str(PERIOD_MICROSECONDS))
        (group / "cpu.cfs_quota_us").write_text(str(HALF))


def move(process_id: int, group: Path) -> None:
    (group / "cgroup.procs").write_text(str(process_id))


def children(process_id: int) -> list[int]:
    """The processes that it has started."""
    tasks = Path(f"/proc/{process_id}/task").glob("*/children")
    return [int(each) for task in tasks for each in task.read_text().split()]
