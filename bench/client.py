"""Asks a Kubernetes API, of slipway or of a peer: small, and the same for both."""
import calendar
import http.client
import json
import ssl
import time


class Refused(Exception):
    def __init__(self, status, text):
        super().__init__(f"{status}: {text[:300]}")
        self.status = status


class Api:
    """One kept connection. server: has host, port, ca and token (the last two are files)."""

    def __init__(self, server, timeout=30):
        self.where = (server.host, server.port)
        self.tls = ssl.create_default_context(cafile=server.ca)
        self.headers = {"Authorization": f"Bearer {server.token.read_text().strip()}", "Accept": "application/json"}
        self.timeout = timeout
        self.connection = self.connect()

    def connect(self):
        return http.client.HTTPSConnection(*self.where, context=self.tls, timeout=self.timeout)

    def ask(self, method, path, body=None, content_type="application/json"):
        """The answer's text."""
        data = None if body is None else json.dumps(body).encode()
        headers = self.headers | ({} if body is None else {"Content-Type": content_type})
        self.connection.request(method, path, data, headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        if answer.status >= 300:
            raise Refused(answer.status, text)
        return text

    def get(self, path):
        return json.loads(self.ask("GET", path))

    def post(self, path, body):
        return json.loads(self.ask("POST", path, body))

    def patch(self, path, body):
        return json.loads(self.ask("PATCH", path, body, "application/merge-patch+json"))

    def delete(self, path):
        self.ask("DELETE", path)

    def apply(self, path, body):
        return json.loads(self.ask("PATCH", f"{path}?fieldManager=bench&force=true", body, "application/apply-patch+yaml"))

    def watch(self, path):
        """Objects as they change, from now on; the watch is open when this returns."""
        connection = self.connect()
        revision = self.get(path)["metadata"]["resourceVersion"]
        both = "&" if "?" in path else "?"
        connection.request("GET", f"{path}{both}watch=true&resourceVersion={revision}", headers=self.headers)
        return Watch(connection)


class Watch:
    def __init__(self, connection):
        self.connection = connection
        self.answer = connection.getresponse()
        if self.answer.status != 200:
            raise Refused(self.answer.status, self.answer.read().decode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def __iter__(self):
        while line := self.answer.readline():
            event = json.loads(line)
            yield event["type"], event["object"]

    def until(self, holds):
        """The first object of which it holds."""
        for _, item in self:
            if holds(item):
                return item
        raise TimeoutError("the watch ended")


def await_account(api, namespace):
    """Pods want the account that a namespace gets a moment after it was made."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    with api.watch(path) as accounts:
        if not any(account["metadata"]["name"] == "default" for account in api.get(path)["items"]):
            accounts.until(lambda account: account["metadata"]["name"] == "default")


def condition(item, kind):
    """(status, reason) of an object's condition."""
    for c in item.get("status", {}).get("conditions", []):
        if c["type"] == kind:
            return c["status"], c.get("reason")
    return None, None


def log_lines(api, namespace, pod, container):
    """When each line of a container's log was written, in seconds since 1970, and the line."""
    text = api.ask("GET", f"/api/v1/namespaces/{namespace}/pods/{pod}/log?container={container}&timestamps=true")
    for line in text.splitlines():
        stamp, said = line.split(" ", 1)
        whole, fraction = stamp.rstrip("Z").split(".")
        yield calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float(f"0.{fraction}"), said
