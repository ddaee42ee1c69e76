"""The load by wrk: one thread, and a script that says what to ask and reports in JSON."""

import json
import subprocess
import tempfile

from bench.errors import BenchError
from bench.load import Outcome, outcome
from bench.operations import Request

# Longer than any load lasts: a slow answer is a figure, not an error.
TIMEOUT_SECONDS = 60
MICROSECONDS_PER_MILLISECOND = 1_000

# Without a function `request`, wrk sends the same bytes each time and spends nothing on Lua.
# Only the path is a format: what is sent may have a % of its own.
DRAWN = """
math.randomseed(os.time())
local before, after
function init()
    local whole = wrk.format(nil, wrk.path)
    local first, last = whole:find(wrk.path, 1, true)
    before, after = whole:sub(1, first - 1), whole:sub(last + 1)
end
function request() return before .. string.format(wrk.path, {draws}) .. after end
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


def load_with_wrk(url: str, request: Request, connections: int, seconds: int) -> Outcome:
    with tempfile.NamedTemporaryFile("w", prefix="parlour-bench-", suffix=".lua") as file:
        file.write(script(request))
        file.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={TIMEOUT_SECONDS}s"]
        ended = subprocess.run(
            [*command, f"--script={file.name}", url], capture_output=True, text=True, check=False
        )
    # wrk ends well even when its script does not.
    if ended.returncode or ended.stderr:
        raise BenchError(f"wrk: {ended.stderr or ended.stdout}")
    told = json.loads(ended.stdout.splitlines()[-1])
    return outcome(
        told["requests"],
        told["failures"],
        told["microseconds"] / 1_000_000,
        told["p50"] / MICROSECONDS_PER_MILLISECOND,
        told["p99"] / MICROSECONDS_PER_MILLISECOND,
    )


def script(request: Request) -> str:
    # For printable ASCII, what JSON and Lua call a string is the same.
    lines = [f"wrk.method = {json.dumps(request.method)}", f"wrk.path = {json.dumps(request.path)}"]
    lines += [
        f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in request.headers.items()
    ]
    if request.form:
        lines.append(f"wrk.body = {json.dumps(request.form)}")
    if request.ranges:
        draws = ", ".join(f"math.random({least}, {most})" for least, most in request.ranges)
        lines.append(DRAWN.format(draws=draws))
    return "\n".join([*lines, REPORT])
