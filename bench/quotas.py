"""Limits processes to half a processor each, so that PostgreSQL and the load generator have the rest."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
# Control groups of version 1 have a tree for each resource.
TREE = GROUPS / "cpu" if (GROUPS / "cpu").exists() else GROUPS
# Short, so that a process that has used up its quota is paused for a moment only.
PERIOD_MICROSECONDS = 5_000
HALF = PERIOD_MICROSECONDS // 2


@contextlib.contextmanager
def half_a_core_each(process_ids: Sequence[int]) -> Iterator[bool]:
    """Limit the processes within the block. Yields False without the rights, and on other systems."""
    groups = [TREE / f"parlour-bench-{process_id}" for process_id in process_ids]
    try:
        for group, process_id in zip(groups, process_ids, strict=True):
            group.mkdir()
            set_half(group)
            move(process_id, group)
        limited = True
    except OSError:
        limited = False
    try:
        yield limited
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
    """Return the ids of the processes that a process has started."""
    tasks = Path(f"/proc/{process_id}/task").glob("*/children")
    return [int(each) for task in tasks for each in task.read_text().split()]
