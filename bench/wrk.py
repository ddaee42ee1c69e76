"""Load by wrk: one thread, with a script that makes the requests and prints the result as JSON."""

import json
import subprocess
import tempfile

from bench.errors import BenchError
from bench.load import LoadResult, checked_result
from bench.operations import Request

# Longer than any load: a slow answer is a result, not an error.
TIMEOUT_SECONDS = 60
MICROSECONDS_PER_MILLISECOND = 1_000

# Without a function `request`, wrk sends the same bytes each time and spends nothing on Lua.
# Only the path is a format string, because a form may contain a %.
RANDOM_PATH = """
math.randomseed(os.time())
local before, after
function init()
    local text = wrk.format(nil, wrk.path)
    local first, last = text:find(wrk.path, 1, true)
    before, after = text:sub(1, first - 1), text:sub(last + 1)
end
function request() return before .. string.format(wrk.path, {numbers}) .. after end
"""

REPORT = """
function done(summary, latency)
    local e = summary.errors
    print(string.format(
        '{"requests": %d, "failures": %d, "microseconds": %d, "p50": %f, "p99": %f}',
        summary.requests, e.connect + e.read + e.write + e.status + e.timeout, summary.duration,
        latency:percentile(50), latency:percentile(99)
    ))
end
"""


def load_with_wrk(url: str, request: Request, connections: int, seconds: int) -> LoadResult:
    with tempfile.NamedTemporaryFile("w", prefix="parlour-bench-", suffix=".lua") as file:
        file.write(script(request))
        file.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={TIMEOUT_SECONDS}s"]
        ended = subprocess.run(
            [*command, f"--script={file.name}", url], capture_output=True, text=True, check=False
        )
    # wrk exits with status 0 even if its script has failed.
    if ended.returncode or ended.stderr:
        raise BenchError(f"wrk: {ended.stderr or ended.stdout}")
    report = json.loads(ended.stdout.splitlines()[-1])
    return checked_result(
        report["requests"],
        report["failures"],
        report["microseconds"] / 1_000_000,
        report["p50"] / MICROSECONDS_PER_MILLISECOND,
        report["p99"] / MICROSECONDS_PER_MILLISECOND,
    )


def script(request: Request) -> str:
    # For printable ASCII, a JSON string is also a Lua string.
    lines = [f"wrk.method = {json.dumps(request.method)}", f"wrk.path = {json.dumps(request.path)}"]
    lines += [
        f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in request.headers.items()
    ]
    if request.form:
        lines.append(f"wrk.body = {json.dumps(request.form)}")
    if request.ranges:
        numbers = ", ".join(f"math.random({least}, {most})" for least, most in request.ranges)
        lines.append(RANDOM_PATH.format(numbers=numbers))
    return "\n".join([*lines, REPORT])
