"""Holds a running Tocsin to openapi/openapi.json with schemathesis.

Usage: python run.py PROGRAM FOLDER [--seed N] [--max-examples N] [SCHEMATHESIS OPTION ...]

Starts PROGRAM on loopback with its data in FOLDER, fills in some of everything,
and lets schemathesis ask every operation what its description allows, and what
it does not. Run it by `cargo xtask test --only contract`.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAYLOADS = HERE.parent / "fixtures" / "payloads"

# Of this machine's loopback only, for as long as the test runs. They stand in
# the settings because what the API has made, a test could delete by the API.
ADMIN = "contract-admin-0123456789abcdef"
INGEST = "contract-ingest-0123456789abcdef"
PERSON = ("ada@example.com", "a whale in seven orange boots")

SETTINGS = f"""
[limits]
# Schemathesis asks as fast as it can.
requests_per_second = 0
sign_ins_per_minute = 0

[[auth.tokens]]
name = "contract"
token = "{ADMIN}"
scope = "admin"

[[ingest.tokens]]
name = "contract"
token = "{INGEST}"
"""


class Server:
    """The program under test."""

    def __init__(self, program, folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        settings = folder / "tocsin.toml"
        settings.write_text(SETTINGS)
        self.program = program
        self.arguments = ["--config", settings, "--data-dir", folder / "data"]
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("TOCSIN_")}
        self.environment["TOCSIN_LOG_FORMAT"] = "json"
        self.log = folder / "server.txt"

    def __enter__(self):
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [self.program, "serve", "--listen", "127.0.0.1:0", *self.arguments],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=self.environment,
            )
        for _ in range(600):
            address = self.address()
            if address and self.process.poll() is None:
                self.url = f"http://{address}"
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        self.__exit__()
        sys.exit(f"the program does not start:\n{self.log.read_text()}")

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def address(self):
        for line in self.log.read_text(errors="replace").splitlines():
            try:
                line = json.loads(line)
            except ValueError:
                continue
            fields = line.get("fields", line)
            if fields.get("message") == "serving":
                return fields["address"].removeprefix("http://").rstrip("/")
        return None

    def command(self, *arguments, stdin=""):
        subprocess.run(
            [self.program, *arguments, *self.arguments],
            input=stdin.encode(),
            env=self.environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def post(self, path, body, token=ADMIN):
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method="POST")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            return answer.headers


def fill(server):
    """Some of everything, so that there is something to ask for. Answers with the
    session cookie of a person."""
    for group in ("Infra", "On call"):
        server.post("/api/v1/groups", {"name": group})
    server.post("/api/v1/recipients", {"name": "Ada", "email": "ada@example.com", "groupIds": [1, 2]})
    server.post("/api/v1/routes", {"name": "All", "matchers": [], "groupIds": [1]})
    server.post("/api/v1/routes", {"name": "Critical", "matchers": ['severity="critical"'], "groupIds": [2]})
    for name in sorted(PAYLOADS.glob("alertmanager-0.25-*.json")):
        server.post("/api/v1/webhooks/alertmanager", name.read_bytes(), INGEST)
    email, password = PERSON
    server.command(
        "user", "add", "--role", "admin", "--name", "Ada", "--email", email, stdin=f"{password}\n"
    )
    headers = server.post("/api/v1/sign-in", {"email": email, "password": password}, token=None)
    return headers["Set-Cookie"].split(";")[0].split("=", 1)[1]


def main():
    program, folder, *options = sys.argv[1:]
    schemathesis = Path(sys.executable).with_name("schemathesis")
    with Server(program, Path(folder).resolve()) as server:
        session = fill(server)
        environment = {
            **server.environment,
            "CONTRACT_ADMIN": ADMIN,
            "CONTRACT_INGEST": INGEST,
            "CONTRACT_SESSION": session,
            "NO_PROXY": "127.0.0.1",
        }
        # Read as a file, from the repository: what is committed is what is tested.
        description = HERE.parent.parent / "openapi" / "openapi.json"
        command = [schemathesis, "--config-file", HERE / "schemathesis.toml", "run", description]
        report = Path(folder).resolve() / "report.json"
        command += ["--url", server.url, "--report", "json", "--report-json-path", report, *options]
        ended = subprocess.run(command, env=environment, cwd=folder, check=False)
        alive = server.process.poll() is None
        log = server.log.read_text(errors="replace")
    if not alive:
        sys.exit("the program ended during the tests; see server.txt")
    if "panicked" in log:
        sys.exit("the program panicked during the tests; see server.txt")
    cases = json.loads(report.read_text())["test_cases"]
    failed = max(cases["unique_failures"], cases["errored"], int(ended.returncode != 0))
    # What `cargo xtask test` counts.
    print(f"contract: {cases['generated'] - cases['with_failures']} passed, {failed} failed", flush=True)
    sys.exit(ended.returncode)


if __name__ == "__main__":
    main()
