"""
A Hugging Face Hub on 127.0.0.1: the endpoints that huggingface_hub 1.5 to 2.4 uses to push a repository and to load
from it, without Xet (`HF_HUB_DISABLE_XET=1`). A test can make it fail.
"""

import hashlib
import json
import re
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import yaml

REPO = r"/api/(models|spaces|datasets)/([\w.-]+/[\w.-]+)"
PREFIX = "/(?:(spaces|datasets)/)?"  # of addresses outside of /api/


@dataclass
class File:
    content: bytes
    is_lfs: bool

    @cached_property
    def oid(self) -> str:
        """As git and LFS name it."""
        if self.is_lfs:
            return hashlib.sha256(self.content).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(self.content) + self.content).hexdigest()


def entry_of(path: str, file: File) -> dict:
    """A file in the listings of a repository."""
    entry = {"type": "file", "path": path, "size": len(file.content), "oid": file.oid}
    if file.is_lfs:
        entry["lfs"] = {"oid": file.oid, "size": len(file.content), "pointerSize": 134}
    return entry


@dataclass
class Repo:
    private: bool
    variables: dict[str, str]
    commits: dict[str, dict[str, File]] = field(default_factory=dict)  # the files after each commit, by their paths
    head: str = ""

    def commit(self, files: dict[str, File]) -> None:
        text = json.dumps([len(self.commits), *sorted((path, file.oid) for path, file in files.items())])
        self.head = hashlib.sha1(text.encode()).hexdigest()
        self.commits[self.head] = files

    @property
    def files(self) -> dict[str, File]:
        return self.commits[self.head]


@dataclass
class Fault:
    """What happens to the next requests: `status` is answered, or where it is None the connection breaks half-way."""

    method: str
    path: str  # a regular expression
    status: int | None
    times: int = 1


class HubServer(ThreadingHTTPServer):
    """
    Attributes:
        url: for `HF_ENDPOINT`.
        tokens: known tokens and their owners; an owner writes in the own namespace alone.
        repos: by ("models", "spaces" or "datasets", "owner/name").
        blobs: uploaded LFS files by their SHA-256.
        faults: what breaks next.
        requests: every request, as "METHOD path".
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.tokens = {"hf_writes": "me", "hf_of_another": "someone"}
        self.repos: dict[tuple[str, str], Repo] = {}
        self.blobs: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.lock = threading.Lock()

    def due_fault(self, method: str, path: str) -> Fault | None:
        with self.lock:
            self.requests.append(f"{method} {path}")
            for fault in self.faults:
                if fault.times and fault.method == method and re.search(fault.path, path):
                    fault.times -= 1
                    return fault
        return None

    def environment(self, **changes: str) -> dict[str, str]:
        """Of a process that uses this Hub as the user "me", with the time that a busy machine needs."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_TOKEN": "hf_writes",
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DOWNLOAD_TIMEOUT": "600",
            "HF_HUB_ETAG_TIMEOUT": "600",
        } | changes

    def count(self, pattern: str) -> int:
        return sum(1 for request in self.requests if re.search(pattern, request))


@contextmanager
def running_hub() -> Iterator[HubServer]:
    with HubServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Refusal(Exception):
    def __init__(self, status: int, message: str, code: str = ""):
        super().__init__(message)
        self.status, self.code = status, code


class Handler(BaseHTTPRequestHandler):
    server: HubServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *args) -> None:
        """Keeps the tests' output clean; `requests` has it all."""

    def do_GET(self) -> None:
        self.handle_one()

    do_HEAD = do_POST = do_PUT = do_GET

    def handle_one(self) -> None:
        path = unquote(urlsplit(self.path).path)
        fault = self.server.due_fault(self.command, path)
        if fault and fault.status is None and self.command != "GET":
            self.rfile.read(int(self.headers.get("Content-Length", 2)) // 2)
            self.close_connection = True
            self.connection.close()
            return
        body = self.read_body()
        if fault and fault.status is not None:
            return self.answer_json({"error": "broken on demand"}, status=fault.status)
        try:
            self.route(path, body, cut=fault is not None)
        except Refusal as refusal:
            self.answer_json({"error": str(refusal)}, refusal.status, {"X-Error-Code": refusal.code})

    def read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def route(self, path: str, body: bytes, cut: bool) -> None:
        if path == "/api/whoami-v2":
            return self.answer_json({"type": "user", "name": self.owner(), "orgs": []})
        if path == "/api/repos/create":
            return self.create_repo(json.loads(body))
        if path == "/api/validate-yaml":
            return self.validate_yaml(json.loads(body))
        if match := re.fullmatch(f"{REPO}/preupload/main", path):
            return self.preupload(*match.groups(), json.loads(body))
        if match := re.fullmatch(f"{REPO}/commit/main", path):
            return self.commit(*match.groups(), body)
        if match := re.fullmatch(f"{REPO}/variables", path):
            repo = self.repo(*match.groups(), writing=True)
            variable = json.loads(body)
            repo.variables[variable["key"]] = variable["value"]
            return self.answer_json({name: {"key": name, "value": value} for name, value in repo.variables.items()})
        if match := re.fullmatch(f"{REPO}(?:/revision/([^/]+))?", path):
            return self.info(*match.groups())
        if match := re.fullmatch(f"{REPO}/tree/([^/]+)(/.+)?", path):
            return self.tree(*match.groups())
        if match := re.fullmatch(f"{REPO}/paths-info/([^/]+)", path):
            return self.paths_info(*match.groups(), body)
        if match := re.fullmatch(rf"{PREFIX}([\w.-]+/[\w.-]+)\.git/info/lfs/objects/batch", path):
            return self.lfs_batch(match[1] or "models", match[2], json.loads(body))
        if match := re.fullmatch(r"/lfs/(\w{64})", path):
            if hashlib.sha256(body).hexdigest() != match[1]:
                raise Refusal(400, "the content is another one than announced")
            self.server.blobs[match[1]] = body
            return self.answer(b"")
        if path == "/lfs/verify":
            upload = json.loads(body)
            if len(self.server.blobs.get(upload["oid"], b"")) != upload["size"]:
                raise Refusal(404, "no such upload")
            return self.answer(b"")
        if match := re.fullmatch(rf"{PREFIX}([\w.-]+/[\w.-]+)/resolve/([^/]+)/(.+)", path):
            return self.resolve(match[1] or "models", *match.groups()[1:], cut)
        raise Refusal(404, f"the test's Hub has no {self.command} {path}")

    def owner(self) -> str:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token:
            raise Refusal(401, "Invalid username or password.")
        if token not in self.server.tokens:
            raise Refusal(401, "Invalid user token.")
        return self.server.tokens[token]

    def repo(self, kind: str, repo_id: str, writing: bool = False) -> Repo:
        repo = self.server.repos.get((kind, repo_id))
        is_mine = self.headers.get("Authorization") is not None and self.owner() == repo_id.split("/")[0]
        if repo is None or (repo.private and not is_mine):
            raise Refusal(401 if writing else 404, "Repository not found", "RepoNotFound")
        if writing and not is_mine:
            raise Refusal(403, "You don't have the rights for this repository.")
        return repo

    def files(self, kind: str, repo_id: str, revision: str | None) -> tuple[str, dict[str, File]]:
        repo = self.repo(kind, repo_id)
        commit = repo.head if revision in (None, "main") else revision
        if commit not in repo.commits:
            raise Refusal(404, "Revision not found", "RevisionNotFound")
        return commit, repo.commits[commit]

    def create_repo(self, request: dict) -> None:
        namespace = request.get("organization") or self.owner()
        if self.owner() != namespace:
            raise Refusal(403, f"You don't have the rights to create a repository under {namespace}.")
        repo_id, kind = f"{namespace}/{request['name']}", f"{request.get('type', 'model')}s"
        status = 409 if (kind, repo_id) in self.server.repos else 200
        if status == 200:
            private = request.get("visibility") == "private" or request.get("private") is True
            variables = {variable["key"]: variable["value"] for variable in request.get("variables", [])}
            self.server.repos[kind, repo_id] = Repo(private, variables)
            self.server.repos[kind, repo_id].commit({})
        prefix = "" if kind == "models" else f"{kind}/"
        self.answer_json({"url": f"{self.server.url}/{prefix}{repo_id}"}, status)

    def validate_yaml(self, request: dict) -> None:
        try:
            yaml.safe_load(request["content"].split("---")[1])
        except (yaml.YAMLError, IndexError) as error:
            return self.answer_json({"errors": [{"message": str(error)}], "warnings": []}, status=400)
        self.answer_json({"errors": [], "warnings": []})

    def preupload(self, kind: str, repo_id: str, request: dict) -> None:
        files = self.repo(kind, repo_id, writing=True).files
        answers = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith((".safetensors", ".png", ".parquet")) else "regular",
                "shouldIgnore": False,
                "oid": files[file["path"]].oid if file["path"] in files else None,
            }
            for file in request["files"]
        ]
        self.answer_json({"files": answers})

    def lfs_batch(self, kind: str, repo_id: str, request: dict) -> None:
        self.repo(kind, repo_id, writing=True)
        objects = []
        for upload in request["objects"]:
            answer = {"oid": upload["oid"], "size": upload["size"]}
            if upload["oid"] not in self.server.blobs:
                answer["actions"] = {
                    "upload": {"href": f"{self.server.url}/lfs/{upload['oid']}"},
                    "verify": {"href": f"{self.server.url}/lfs/verify"},
                }
            objects.append(answer)
        self.answer_json({"transfer": "basic", "objects": objects})

    def commit(self, kind: str, repo_id: str, body: bytes) -> None:
        repo = self.repo(kind, repo_id, writing=True)
        files = dict(repo.files)
        for line in body.splitlines():
            operation = json.loads(line)
            value = operation["value"]
            if operation["key"] == "file":
                files[value["path"]] = File(b64decode(value["content"]), is_lfs=False)
            elif operation["key"] == "lfsFile":
                if value["oid"] not in self.server.blobs:
                    raise Refusal(400, f"{value['path']} was not uploaded")
                files[value["path"]] = File(self.server.blobs[value["oid"]], is_lfs=True)
            elif operation["key"] == "deletedFile":
                del files[value["path"]]
        repo.commit(files)
        prefix = "" if kind == "models" else f"{kind}/"
        url = f"{self.server.url}/{prefix}{repo_id}/commit/{repo.head}"
        self.answer_json({"success": True, "commitOid": repo.head, "commitUrl": url})

    def info(self, kind: str, repo_id: str, revision: str | None) -> None:
        commit, files = self.files(kind, repo_id, revision)
        siblings = [{"rfilename": path} for path in files]
        private = self.repo(kind, repo_id).private
        self.answer_json({"id": repo_id, "sha": commit, "private": private, "siblings": siblings, "tags": []})

    def tree(self, kind: str, repo_id: str, revision: str, folder: str | None) -> None:
        """All files and folders below a folder, in whatever depth."""
        _, files = self.files(kind, repo_id, revision)
        prefix = f"{folder[1:]}/" if folder else ""
        below = {path: file for path, file in files.items() if path.startswith(prefix)}
        folders = {path.rpartition("/")[0] for path in below} - {"", prefix.rstrip("/")}
        entries = [{"type": "directory", "path": path, "oid": ""} for path in sorted(folders)]
        self.answer_json(entries + [entry_of(path, file) for path, file in below.items()])

    def paths_info(self, kind: str, repo_id: str, revision: str, body: bytes) -> None:
        _, files = self.files(kind, repo_id, revision)
        entries = []
        for path in json.loads(body)["paths"]:
            if path in files:
                entries.append(entry_of(path, files[path]))
            elif any(name.startswith(f"{path}/") for name in files):
                entries.append({"type": "directory", "path": path, "oid": ""})
        self.answer_json(entries)

    def resolve(self, kind: str, repo_id: str, revision: str, path: str, cut: bool) -> None:
        commit, files = self.files(kind, repo_id, revision)
        if path not in files:
            raise Refusal(404, "Entry not found", "EntryNotFound")
        content = files[path].content
        headers = {"X-Repo-Commit": commit, "ETag": f'"{files[path].oid}"', "Accept-Ranges": "bytes"}
        status = 200
        if match := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            status, start, end = 206, int(match[1]), min(int(match[2] or len(content)), len(content) - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
            content = content[start : end + 1]
        self.answer(content, status, headers, cut)

    def answer_json(self, value: dict | list, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.answer(json.dumps(value).encode(), status, {"Content-Type": "application/json"} | (headers or {}))

    def answer(
        self, content: bytes, status: int = 200, headers: dict[str, str] | None = None, cut: bool = False
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if cut else content)
        if cut:
            self.close_connection = True
