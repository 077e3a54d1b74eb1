"""A running `gpuwise serve` for integration tests: start(), and requests to it with bounds on time.

The program ends with the test that started it. Waiting for it is bounded, and says what it printed where it does not come up.
"""
import ctypes, gzip, http.client, json, os, select, signal, subprocess, tempfile, time, urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GPUWISE = os.path.join(os.environ.get("GW_BUILD", os.path.join(ROOT, "build")), "gpuwise")
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith("GPUWISE_") and k not in ("NO_COLOR", "KUBECONFIG")}
CLEAN["HOME"] = "/nonexistent"
START_S, READY_S, REPLY_S = 20, 90, 60
PR_SET_PDEATHSIG = 1


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.raw = status, headers, body
        self.body = gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" and body else body

    def json(self, **kw):
        return json.loads(self.body, **kw)


class Daemon:
    def __init__(self, *args, ready=True, env=None):
        self.dir = tempfile.TemporaryDirectory(prefix="gw-daemon-")
        self.log = open(os.path.join(self.dir.name, "stderr"), "w+")
        libc = ctypes.CDLL(None)
        self.process = subprocess.Popen([GPUWISE, "serve", "--listen", "127.0.0.1:0", *args], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=self.log, cwd=self.dir.name, env={**CLEAN, **(env or {})},
                                        preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        try:
            self.url = self.read_url()
            self.host = urllib.parse.urlsplit(self.url).netloc
            if ready:
                self.wait_ready()
        except BaseException:
            self.stop()
            raise

    def said(self):
        self.log.seek(0)
        return self.log.read()[-3000:]

    def read_url(self):
        readable, _, _ = select.select([self.process.stdout], [], [], START_S)
        line = self.process.stdout.readline().decode() if readable else ""
        if not line.startswith("http"):
            raise RuntimeError("gpuwise serve printed no address in %d s: %r, %s" % (START_S, line, self.said()))
        return line.split()[0]

    def wait_ready(self):
        deadline = time.time() + READY_S
        while time.time() < deadline:
            last = self.get("/readyz")
            if last.status == 200:
                return
            time.sleep(0.2)
        raise RuntimeError("not ready in %d s: %s" % (READY_S, last.body))

    def request(self, method, path, body=None, **headers):
        c = http.client.HTTPConnection(self.host, timeout=REPLY_S)
        try:
            c.request(method, path, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})
            r = c.getresponse()
            return Reply(r.status, r.headers, r.read())
        finally:
            c.close()

    def get(self, path, **headers):
        return self.request("GET", path, **headers)

    def stop(self, how=signal.SIGTERM):
        """The exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        self.log.close()
        self.dir.cleanup()
        return self.process.returncode


def query(**params):
    return "?" + urllib.parse.urlencode(params)
