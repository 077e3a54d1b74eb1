"""gpuwise serve for tests that kill, starve and mislead it (daemon.py is for those that only ask): started on a free port of loopback, asked over HTTP, and sure to end with the test."""
import http.client, json, os, re, select, signal, subprocess, time, urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("GW_BUILD", os.path.join(ROOT, "build"))
GPUWISE = os.path.join(BUILD, "gpuwise")
START_S = 60


class Daemon:
    def __init__(self, *args, env=None, listen="127.0.0.1:0", preexec_fn=None):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("GPUWISE_")}
        self.process = subprocess.Popen([GPUWISE, "serve", "--listen", listen, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        stdin=subprocess.DEVNULL, text=True, env={**clean, **(env or {})}, preexec_fn=preexec_fn)
        self.url = None

    def wait_url(self, seconds=START_S):
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        line = self.process.stdout.readline() if ready else ""
        found = re.match(r"(https?://\S+)", line)
        if not found:
            self.process.kill()
            raise RuntimeError("gpuwise serve did not start: %r %s" % (line, self.process.communicate()[1]))
        self.url = found.group(1)
        parts = urllib.parse.urlsplit(self.url)
        self.host, self.port = parts.hostname, parts.port
        return self

    def ask(self, path, method="GET", body=None, headers=None, timeout=30):
        """(status, bytes, headers)"""
        c = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            c.request(method, path, body, headers or {})
            r = c.getresponse()
            return r.status, r.read(), dict(r.getheaders())
        finally:
            c.close()

    def get(self, path, timeout=30):
        status, body, _ = self.ask(path, timeout=timeout)
        if status != 200:
            raise AssertionError("%s: %d %s" % (path, status, body[:500]))
        return json.loads(body)

    def status(self):
        return self.get("/api/v1/status")

    def wait_status(self, wanted, what, seconds=START_S):
        deadline, last = time.time() + seconds, None
        while time.time() < deadline:
            if self.process.poll() is not None:
                raise AssertionError("the daemon ended (%s) while waiting for %s: %s" % (self.process.returncode, what, self.process.stderr.read()[-2000:]))
            last = self.status()
            if wanted(last):
                return last
            time.sleep(0.05)
        raise AssertionError("no %s in %d s: %s" % (what, seconds, last))

    def wait_ready(self, seconds=START_S):
        return self.wait_status(lambda s: s["state"] == "ready", "state ready", seconds)

    def metrics(self):
        """{"name" or "name{labels}": value}"""
        status, body, _ = self.ask("/metrics")
        if status != 200:
            raise AssertionError("/metrics: %d" % status)
        return {m[1]: float(m[2]) for m in re.finditer(r"^([a-z_]+(?:\{[^}]*\})?) (\S+)", body.decode(), re.M)}

    def turns(self):
        """(number, CPU seconds of all)"""
        m = self.metrics()
        return sum(v for k, v in m.items() if k.startswith("gpuwise_turns_total")), m.get("gpuwise_turn_cpu_seconds_sum", 0)

    def wait_turns(self, n, seconds=START_S):
        deadline, start = time.time() + seconds, self.turns()[0]
        while self.turns()[0] < start + n:
            if time.time() > deadline:
                raise AssertionError("no %d turns in %d s" % (n, seconds))
            time.sleep(0.05)

    def cpu_seconds(self):
        with open("/proc/%d/stat" % self.process.pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_kib(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def stop(self):
        """The exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise AssertionError("the daemon did not stop within 30 s")
        return self.process.returncode


def gpuwise(*args, check=True, timeout=120):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GPUWISE_")}
    r = subprocess.run([GPUWISE, *args], capture_output=True, text=True, env=clean, timeout=timeout)
    if check and r.returncode:
        raise AssertionError("gpuwise %s: %d %s" % (" ".join(args), r.returncode, r.stderr[-2000:]))
    return r
