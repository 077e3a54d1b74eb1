"""Real servers on loopback for integration tests: start_kube() and start_prometheus().

Each returns an object with what a client needs, and a stop() that always works; waits are bounded, and a server dies with the test that
started it. The binaries come from $KUBEBUILDER_ASSETS (or /usr/local/kubebuilder/bin) and the PATH; missing_kube() and
missing_prometheus() say what is not there, so that a test can skip loudly.
"""
import ctypes, http.client, json, os, shutil, signal, socket, ssl, subprocess, tempfile, time, urllib.error, urllib.request

ASSETS = os.environ.get("KUBEBUILDER_ASSETS", "/usr/local/kubebuilder/bin")
READY_S = 90
PR_SET_PDEATHSIG = 1


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def find(name):
    path = os.path.join(ASSETS, name)
    return path if os.access(path, os.X_OK) else shutil.which(name)


def missing_kube():
    return [n for n in ("etcd", "kube-apiserver", "openssl") if not find(n)]


def missing_prometheus():
    return [n for n in ("prometheus", "promtool") if not find(n)]


class Servers:
    """Processes and a directory that go away together."""

    def __init__(self, prefix):
        self.dir = tempfile.mkdtemp(prefix=prefix)
        self.processes = []

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, name, text, mode=0o600):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as f:
            f.write(text)
        return path

    def spawn(self, name, args):
        libc = ctypes.CDLL(None)
        with open(self.path(name + ".log"), "wb") as log:
            p = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=self.dir,
                                 preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        p.name = name
        self.processes.append(p)
        return p

    def wait_for(self, what, ready, seconds=READY_S):
        deadline = time.time() + seconds
        last = None
        while time.time() < deadline:
            for p in self.processes:
                if p.poll() is not None:
                    raise RuntimeError("%s ended with %s:\n%s" % (p.name, p.returncode, self.log(p.name)))
            try:
                if ready():
                    return
            except (OSError, urllib.error.URLError, http.client.HTTPException, ValueError) as e:
                last = e
            time.sleep(0.2)
        raise RuntimeError("%s was not ready in %d s (%s)" % (what, seconds, last))

    def log(self, name):
        with open(self.path(name + ".log"), errors="replace") as f:
            return f.read()[-3000:]

    def stop(self):
        for p in reversed(self.processes):
            if p.poll() is None:
                p.terminate()
        for p in reversed(self.processes):
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        self.processes = []
        shutil.rmtree(self.dir, ignore_errors=True)


class Kube(Servers):
    """An API server and its etcd.

    url, ca (path); admin_token; users() gives tokens. The serving certificate is for 127.0.0.1, localhost and inner.test.
    """

    def __init__(self, users=()):
        super().__init__("gw-kube-")
        self.admin_token = "admin-token"
        self.users = dict(users)
        self.port = free_port()
        self.url = "https://127.0.0.1:%d" % self.port
        self.ca = self.path("ca.crt")
        self.connection = None
        try:
            self.make_certificates()
            self.start()
        except BaseException:
            self.stop()
            raise

    def openssl(self, *args):
        subprocess.run(["openssl", *args], check=True, cwd=self.dir, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)

    def make_certificates(self):
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test-ca", "-keyout", "ca.key", "-out", "ca.crt")
        self.issue("server", "/CN=kube", "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:inner.test")
        self.openssl("genrsa", "-out", "sa.key", "2048")
        self.openssl("rsa", "-in", "sa.key", "-pubout", "-out", "sa.pub")

    def issue(self, name, subject, extension=None):
        """A certificate signed by the CA: (certificate, key) paths. A client's user is its CN, its groups are its Os."""
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", subject, "-keyout", name + ".key", "-out", name + ".csr")
        self.write(name + ".ext", (extension or "extendedKeyUsage=clientAuth") + "\n")
        self.openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                     "-extfile", name + ".ext", "-out", name + ".crt")
        return self.path(name + ".crt"), self.path(name + ".key")

    def start(self):
        etcd, peer = free_port(), free_port()
        tokens = ["%s,admin,1,system:masters" % self.admin_token]
        tokens += ["%s,%s,%d" % (token, user, i + 2) for i, (user, token) in enumerate(self.users.items())]
        self.write("tokens.csv", "\n".join(tokens) + "\n")
        self.spawn("etcd", [find("etcd"), "--data-dir", self.path("etcd"), "--unsafe-no-fsync",
                            "--listen-client-urls", "http://127.0.0.1:%d" % etcd, "--advertise-client-urls", "http://127.0.0.1:%d" % etcd,
                            "--listen-peer-urls", "http://127.0.0.1:%d" % peer])
        self.spawn("kube-apiserver", [
            find("kube-apiserver"), "--etcd-servers=http://127.0.0.1:%d" % etcd, "--bind-address=127.0.0.1", "--secure-port=%d" % self.port,
            "--cert-dir=" + self.path("certs"), "--tls-cert-file=" + self.path("server.crt"), "--tls-private-key-file=" + self.path("server.key"),
            "--client-ca-file=" + self.ca, "--token-auth-file=" + self.path("tokens.csv"),
            "--service-account-key-file=" + self.path("sa.pub"), "--service-account-signing-key-file=" + self.path("sa.key"),
            "--service-account-issuer=https://kubernetes.default", "--authorization-mode=RBAC", "--allow-privileged=true",
            "--service-cluster-ip-range=10.0.0.0/24", "--disable-admission-plugins=ServiceAccount"])
        self.wait_for("kube-apiserver", lambda: self.call("GET", "/readyz", raw=True) == b"ok")
        self.wait_for("the default namespace", lambda: self.call("GET", "/api/v1/namespaces/default"))

    def call(self, method, path, body=None, kind="application/json", raw=False):
        """One request as admin over a kept connection; raises on 4xx and 5xx."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": "Bearer " + self.admin_token, "Content-Type": kind}
        for attempt in (0, 1):
            if self.connection is None:
                self.connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=ssl.create_default_context(cafile=self.ca))
            try:
                self.connection.request(method, path, data, headers)
                reply = self.connection.getresponse()
                text = reply.read()
                break
            except (OSError, http.client.HTTPException):
                self.connection.close()
                self.connection = None
                if attempt:
                    raise
        if reply.status >= 400:
            raise OSError("%s %s: %d %s" % (method, path, reply.status, text[:500].decode(errors="replace")))
        return text if raw else json.loads(text)

    def create(self, path, **body):
        return self.call("POST", path, body)

    def set_status(self, path, status):
        return self.call("PATCH", path + "/status", {"status": status}, "application/merge-patch+json")

    def kubeconfig(self, name="kubeconfig", user=None, cluster=None):
        """Writes a kubeconfig in JSON (which is YAML too); user and cluster are its fields."""
        cluster = {"server": self.url, "certificate-authority": self.ca} if cluster is None else cluster
        user = {"token": self.admin_token} if user is None else user
        return self.write(name, json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "test", "preferences": {}, "a-field-of-tomorrow": [1],
            "clusters": [{"name": "c", "cluster": cluster}], "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u"}}]}, indent=1))

    def stop(self):
        if self.connection:
            self.connection.close()
            self.connection = None
        super().stop()


class Prometheus(Servers):
    """A Prometheus. url; its data may come from blocks that were made before (tsdb: a directory, used in place)."""

    def __init__(self, config="{}", tsdb=None, args=()):
        super().__init__("gw-prom-")
        self.port = free_port()
        self.url = "http://127.0.0.1:%d" % self.port
        try:
            self.spawn("prometheus", [find("prometheus"), "--config.file=" + self.write("prometheus.yml", config),
                                      "--storage.tsdb.path=" + (tsdb or self.path("tsdb")), "--storage.tsdb.retention.time=30y",
                                      "--web.listen-address=127.0.0.1:%d" % self.port, *args])
            self.wait_for("prometheus", lambda: urllib.request.urlopen(self.url + "/-/ready", timeout=5).status == 200)
        except BaseException:
            self.stop()
            raise


def start_kube(users=()):
    """users: {name: token} without any right; bind roles to them with create()."""
    return Kube(users)


def start_prometheus(config="{}", tsdb=None, args=()):
    return Prometheus(config, tsdb, args)


def make_blocks(openmetrics, tsdb):
    """Turns an OpenMetrics file with timestamps into Prometheus blocks."""
    subprocess.run([find("promtool"), "tsdb", "create-blocks-from", "openmetrics", openmetrics, tsdb], check=True, timeout=300,
                   stdout=subprocess.DEVNULL)
