"""Small servers on loopback that misbehave, and the smallest fleet that gpuwise gives a whole answer for.

A double is a Server with one function, answer(h), that is called for every request; h is an http.server handler. What a good Prometheus and
a good Kubernetes API would say is here too (Prometheus, kube_lists), so that a test can break one thing and leave the rest.
"""
import http.server, json, os, re, socket, ssl, struct, subprocess, threading, time, urllib.parse

NODE, GPU, NS, POD = "node-1", "GPU-11111111-2222-3333-4444-555555555555", "vision", "detector-0"
STEP_S = 30
HOUR = 3600


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: without this the second waits for 40 ms

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (OSError, ssl.SSLError):  # the client has gone
            self.close_connection = True

    def any(self):
        n = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(n)
        self.server.seen.append((self.command, self.path, dict(self.headers)))
        self.server.answer(self)

    do_GET = do_POST = do_CONNECT = any

    def log_message(self, *args):
        pass

    def reply(self, body, status=200, kind="application/json", headers=()):
        if not isinstance(body, bytes):
            body = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def hang_up(self):
        """Closes the connection where it stands."""
        self.close_connection = True
        self.wfile.flush()

    def cut(self, body, kind="application/json"):
        """Promises twice as much as comes."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) * 2))
        self.end_headers()
        self.wfile.write(body)
        self.hang_up()

    def stall(self):
        """Says nothing until the test is over."""
        self.server.over.wait(60)
        self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, answer, tls=None, client_ca=None, port=0):
        """tls: (certificate, key) paths; client_ca: clients must show a certificate of this authority; port: 0 = any."""
        super().__init__(("127.0.0.1", port), Handler)
        self.answer, self.seen, self.over = answer, [], threading.Event()
        self.port = self.server_address[1]
        self.url = "%s://127.0.0.1:%d" % ("https" if tls else "http", self.port)
        self.tls = None
        if tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*tls)
            if client_ca:
                self.tls.verify_mode = ssl.CERT_REQUIRED
                self.tls.load_verify_locations(client_ca)
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def finish_request(self, request, client_address):
        if self.tls:  # here, in the connection's own thread, so that a handshake that fails holds nobody up
            request.settimeout(20)
            plain = request.dup()
            try:
                request = self.tls.wrap_socket(request, server_side=True)
            except ssl.SSLError:  # the alert must arrive: closing with bytes unread would take it back
                plain.shutdown(socket.SHUT_WR)
                while plain.recv(4096):
                    pass
                raise
            finally:
                plain.close()
        try:
            super().finish_request(request, client_address)
        finally:
            request.close()

    def handle_error(self, request, client_address):
        pass

    def stop(self):
        self.over.set()
        self.shutdown()
        self.server_close()
        self.thread.join(5)


# ---- the fleet: one node, one GPU, one pod, one hour ----


def fleet_series(start, seconds=HOUR, instance="g4dn.xlarge", gpus=True):
    """[(name, labels, [(t, value)])], t in seconds."""
    times = list(range(int(start), int(start) + seconds, STEP_S))

    def series(name, value, **labels):
        return (name, labels, [(t, value) for t in times])

    gpu = {"gpu": "0", "UUID": GPU, "modelName": "Tesla T4", "Hostname": NODE, "namespace": NS, "pod": POD, "container": "main"}
    dcgm = [series("DCGM_FI_DEV_GPU_UTIL", 40, **gpu), series("DCGM_FI_DEV_FB_USED", 8000, **gpu), series("DCGM_FI_DEV_FB_FREE", 7000, **gpu)]
    kube = [
        series("kube_pod_info", 1, namespace=NS, pod=POD, node=NODE, uid="u-1", created_by_kind="Deployment", created_by_name="detector"),
        series("kube_pod_container_resource_requests", 1, namespace=NS, pod=POD, container="main", node=NODE, resource="nvidia_com_gpu", unit="integer"),
        series("kube_node_status_allocatable", 1, node=NODE, resource="nvidia_com_gpu", unit="integer"),
        series("kube_node_labels", 1, node=NODE, label_node_kubernetes_io_instance_type=instance, label_topology_kubernetes_io_region="us-east-1",
               label_nvidia_com_gpu_count="1"),
    ]
    return (dcgm if gpus else []) + ([s for s in kube if gpus or s[0] == "kube_node_labels"])


def open_metrics(series, eof=True):
    out = []
    for name, labels, samples in series:
        out.append("# TYPE %s gauge\n" % name)
        head = name + "{" + ",".join('%s="%s"' % kv for kv in labels.items()) + "}"
        out += ["%s %s %s\n" % (head, v, t) for t, v in samples]
    return "".join(out) + ("# EOF\n" if eof else "")


def write_snapshot(path, metrics=None, **lists):
    """A snapshot directory; metrics: text or bytes (None: the fleet's hour); lists: nodes={...} or the text of the file."""
    os.makedirs(path, exist_ok=True)
    metrics = open_metrics(fleet_series(1_700_000_000)) if metrics is None else metrics
    with open(os.path.join(path, "metrics.om"), "wb") as f:
        f.write(metrics if isinstance(metrics, bytes) else metrics.encode())
    for name, value in lists.items():
        with open(os.path.join(path, name + ".json"), "wb") as f:
            f.write(value if isinstance(value, bytes) else (value if isinstance(value, str) else json.dumps(value)).encode())
    return path


# ---- Prometheus ----


def refuse_remote_read(h):
    h.reply("remote read is not served here\n", 404, "text/plain")


def matrix(series, path):
    """What /api/v1/query answers to a range vector: name{...}[Nms] at a time."""
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)
    m = re.match(r"(\w+)\{.*\}\[(\d+)ms\]$", query["query"][0])
    end = float(query["time"][0])
    begin = end - int(m[2]) / 1000
    result = []
    for name, labels, samples in series:
        inside = [[t, str(v)] for t, v in samples if begin <= t <= end]
        if name == m[1] and inside:
            result.append({"metric": dict(labels, __name__=name), "values": inside})
    return {"status": "success", "data": {"resultType": "matrix", "result": result}}


def prometheus(series, change=None):
    """answer() of a Prometheus without remote read; change(path, reply) may return another reply."""
    def answer(h):
        if h.path.startswith("/api/v1/read"):
            return refuse_remote_read(h)
        text = matrix(series, h.path)
        h.reply(change(h.path, text) if change else text)
    return answer


STREAM = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def varint(n):
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def frame(series, query_index=0, flip=0):
    """One frame of a streamed reply: every sample in an XOR chunk of its own. flip: xored into the checksum."""
    out = b""
    for name, labels, samples in series:
        message = b"".join(field(1, field(1, k) + field(2, v)) for k, v in sorted(dict(labels, __name__=name).items()))
        for t, v in samples:
            ms = int(t * 1000)
            data = struct.pack(">H", 1) + varint(ms << 1) + struct.pack(">d", v)
            message += field(2, field(1, ms) + field(2, ms) + field(3, 1) + field(4, data))
        out += field(1, message)
    out += field(2, query_index) if query_index else b""
    return varint(len(out)) + struct.pack(">I", crc32c(out) ^ flip) + out


# ---- Kubernetes ----


def node_object(instance="g4dn.xlarge"):
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE, "labels": {
        "node.kubernetes.io/instance-type": instance, "topology.kubernetes.io/region": "us-east-1"}},
        "spec": {}, "status": {"allocatable": {"nvidia.com/gpu": "1"}, "capacity": {"nvidia.com/gpu": "1"}}}


def pod_object():
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": POD, "namespace": NS, "uid": "u-1"},
            "spec": {"nodeName": NODE, "containers": [{"name": "main", "resources": {"limits": {"nvidia.com/gpu": "1"}, "requests": {"nvidia.com/gpu": "1"}}}]},
            "status": {"phase": "Running"}}


def kubernetes(change=None):
    """answer() of a Kubernetes API; change(resource) may return what to answer instead: a function of h."""
    items = {"nodes": [node_object()], "pods": [pod_object()]}

    def answer(h):
        resource = urllib.parse.urlsplit(h.path).path.rsplit("/", 1)[1]
        other = change(resource) if change else None
        if other:
            return other(h)
        h.reply({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items.get(resource, [])})
    return answer


def kubeconfig(server, user=None, **cluster):
    return json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "test", "preferences": {},
                       "clusters": [{"name": "c", "cluster": dict(cluster, server=server)}],
                       "users": [{"name": "u", "user": user if user is not None else {}}],
                       "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u"}}]}, indent=1)


# ---- certificates ----


class Authority:
    """A certificate authority in a directory, made by openssl."""

    def __init__(self, path):
        self.dir = path
        os.makedirs(path, exist_ok=True)
        self.openssl("req", "-x509", *self.key("ca"), "-days", "2", "-subj", "/CN=test-ca", "-out", "ca.crt")
        self.ca = os.path.join(path, "ca.crt")

    def key(self, name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", name + ".key"]

    def openssl(self, *args):
        p = subprocess.run(["openssl", *args], cwd=self.dir, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30)
        if p.returncode:
            raise RuntimeError("openssl %s: %s" % (args[0], p.stdout.decode()))

    def issue(self, name, host="IP:127.0.0.1", valid=None):
        """(certificate, key) paths. valid: ("20200101000000Z", "20200102000000Z")"""
        self.openssl("req", *self.key(name), "-subj", "/CN=" + name, "-out", name + ".csr")
        with open(os.path.join(self.dir, name + ".cnf"), "w") as f:
            f.write("[ca]\ndefault_ca=d\n[d]\ndatabase=%s.db\nrand_serial=yes\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\nx509_extensions=x\n"
                    "[p]\ncommonName=supplied\n[x]\nsubjectAltName=%s\n" % (name, host))
        open(os.path.join(self.dir, name + ".db"), "w").close()
        begin, end = valid or ("20200101000000Z", time.strftime("%Y%m%d000000Z", time.gmtime(time.time() + 2 * 86400)))
        self.openssl("ca", "-batch", "-config", name + ".cnf", "-in", name + ".csr", "-out", name + ".crt", "-cert", "ca.crt", "-keyfile", "ca.key",
                     "-startdate", begin, "-enddate", end, "-notext")
        return os.path.join(self.dir, name + ".crt"), os.path.join(self.dir, name + ".key")
