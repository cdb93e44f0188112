"""The stage of `.ci/observability-live`: processes that end with it, a PostgreSQL and a Redis of its own, nodes, and two webhooks."""
import http.client
import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

SERVER = "target/debug/chat-server"


def until(what, seconds, holds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            found = holds()
        except (OSError, http.client.HTTPException, KeyError, IndexError, subprocess.SubprocessError):
            found = None
        if found:
            return found
        time.sleep(0.1)
    raise SystemExit(f"{what} did not happen within {seconds} s")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def ask(url, body=None, token=None, method=None):
    """Status and text of an answer, whatever it is."""
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=data, headers=headers, method=method), timeout=15) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


class Stage:
    """What runs, where it listens, and its end."""

    def __init__(self, work):
        self.work = work
        self.running = {}

    def start(self, name, command, environment=None):
        with open(self.work / f"{name}.log", "ab") as log:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=os.environ | (environment or {})
            )
        self.running[name] = child
        return child

    def stop(self, name, how=signal.SIGTERM):
        child = self.running.pop(name)
        child.send_signal(how)
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(10)

    def end(self):
        # PostgreSQL's SIGQUIT and SIGKILL for all others: nothing here is worth an orderly end.
        for name in reversed(list(self.running)):
            self.stop(name, signal.SIGQUIT if name == "postgres" else signal.SIGKILL)

    def tails(self):
        for log in sorted(self.work.glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()[-8:]
            print(f"--- {log.name}", *lines, sep="\n", file=sys.stderr)


def postgres(stage):
    found = [shutil.which("initdb"), *sorted(map(str, pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb")), reverse=True)]
    programs = pathlib.Path(next(path for path in found if path)).resolve().parent
    # PostgreSQL does not run as root.
    lent = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
    data, port = stage.work / "postgres", free_port()
    data.mkdir(mode=0o700)
    if lent:
        shutil.chown(data, "postgres", "postgres")
    made = [*lent, programs / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"]
    subprocess.run(made, check=True, capture_output=True, timeout=60)
    options = ["-p", str(port), "-k", str(data), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
    stage.start("postgres", [*lent, programs / "postgres", "-D", data, *options])
    url = f"postgres://postgres@127.0.0.1:{port}"
    make = [programs / "psql", "-qXc", "CREATE DATABASE chat", f"{url}/postgres"]
    until("PostgreSQL", 30, lambda: subprocess.run(make, capture_output=True, timeout=10).returncode == 0)
    return f"{url}/chat"


def redis(stage):
    port = free_port()
    stage.start("redis", ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(stage.work)])
    return f"redis://127.0.0.1:{port}"


class Node:
    def __init__(self, stage, name, environment):
        self.stage, self.name = stage, name
        self.port, self.metrics_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = environment | {
            "CHAT_NODE__NAME": name,
            "CHAT_HTTP__LISTEN": f"127.0.0.1:{self.port}",
            "CHAT_METRICS__LISTEN": f"127.0.0.1:{self.metrics_port}",
            "CHAT_AUTH__BCRYPT_COST": "4",
            "CHAT_AUTH__ALLOW_WEAK_HASH": "true",
            # The load comes from one address and few users. What a user may ask by REST stays as it is: somebody has to hear 429.
            "CHAT_LIMITS__REGISTRATIONS_PER_ADDRESS_PER_HOUR": "1000000",
            "CHAT_LIMITS__SIGN_IN_PER_ADDRESS_PER_MINUTE": "1000000",
            "CHAT_LIMITS__SOCKETS_PER_USER": "1000",
            "CHAT_LIMITS__SOCKETS_PER_ADDRESS": "10000",
            "CHAT_LIMITS__UNAUTHENTICATED_PER_ADDRESS": "1000",
            "CHAT_LIMITS__FRAMES_PER_SECOND": "1000",
            "CHAT_LIMITS__FRAMES_BURST": "1000",
            "CHAT_LIMITS__SENDS_PER_USER_PER_SECOND": "10000",
            "CHAT_LIMITS__SENDS_PER_USER_BURST": "10000",
            "CHAT_LIMITS__SENDS_PER_ROOM_PER_SECOND": "10000",
            "CHAT_LIMITS__SENDS_PER_ROOM_BURST": "10000",
            "CHAT_LOG__LEVEL": "warn",
        }

    def start(self):
        self.stage.start(self.name, [SERVER], self.environment)
        until(f"the node {self.name}", 30, lambda: ask(f"{self.url}/readyz")[0] == 200)

    def metrics(self):
        return ask(f"http://127.0.0.1:{self.metrics_port}/metrics")[1]


class Receiver(http.server.ThreadingHTTPServer):
    """Two webhooks, /page and /warning, that remember what Alertmanager told them."""

    def __init__(self):
        self.heard = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                told = json.loads(self.rfile.read(int(self.headers["content-length"])))
                for alert in told["alerts"]:
                    receiver.heard.append((self.path, alert["status"], alert["labels"]["alertname"], alert["labels"].get("instance")))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_port}"
