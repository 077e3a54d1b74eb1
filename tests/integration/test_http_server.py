"""The HTTP server over real sockets: keep-alive, pipelining, TLS, slow and silent and greedy clients, many idle ones, and the stop.

The driver http_serve has the routes. What the protocol says byte for byte is tests/unit/net/test_http_server_wire.c.
"""
import http.client, json, os, re, resource, shutil, signal, socket, ssl, struct, subprocess, tempfile, threading, time, unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("GW_BUILD", os.path.join(ROOT, "build")))
SERVE = os.environ.get("GW_HTTP_SERVE", os.path.join(BUILD, "tests", "integration", "http_serve"))
IDLE = 5000
GET = b"GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"


class Server:
    def __init__(self, *options, listen="127.0.0.1:0"):
        self.p = subprocess.Popen([SERVE, listen] + list(options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.url = self.p.stdout.readline().strip()
        if not self.url:
            raise RuntimeError(self.p.stderr.read())
        self.port = int(self.url.rsplit(":", 1)[1])

    def connect(self, timeout=10):
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def get(self, path, context=None):
        cls = (lambda h, p, timeout: http.client.HTTPSConnection(h, p, timeout=timeout, context=context)) if context else http.client.HTTPConnection
        c = cls("localhost" if context else "127.0.0.1", self.port, timeout=10)
        try:
            c.request("GET", path)
            r = c.getresponse()
            return r.status, r.read()
        finally:
            c.close()

    def stats(self, context=None):
        return json.loads(self.get("/stats", context)[1])

    def rss_kib(self):
        with open("/proc/%d/status" % self.p.pid) as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))

    def cpu_ticks(self):
        with open("/proc/%d/stat" % self.p.pid) as f:
            return sum(int(x) for x in f.read().rsplit(")", 1)[1].split()[11:13])

    def stop(self):
        """Ends it; the exit code must be 0, which under sanitizers says that nothing leaked."""
        if self.p.poll() is None:
            self.p.send_signal(signal.SIGTERM)
        try:
            _, err = self.p.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self.p.kill()
            _, err = self.p.communicate()
            err += "\n(killed)"
        return self.p.returncode, err


def read_all(s, most=1 << 30):
    out = b""
    while len(out) < most:
        try:
            more = s.recv(65536)
        except ConnectionResetError:
            break
        if not more:
            break
        out += more
    return out


def read_reply(s):
    """One reply with a Content-Length: (status, body)."""
    out = b""
    while b"\r\n\r\n" not in out:
        more = s.recv(65536)
        if not more:
            raise EOFError(out)
        out += more
    head, body = out.split(b"\r\n\r\n", 1)
    n = int([line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")][0].split(b":")[1])
    while len(body) < n:
        body += s.recv(65536)
    return int(head.split()[1]), body


class Case(unittest.TestCase):
    options = ["threads=2"]

    def serve(self, *options, **more):
        s = Server(*(list(options) or self.options), **more)

        def stop():
            code, err = s.stop()
            self.assertEqual((code, err), (0, ""))
        self.addCleanup(stop)
        return s


class Requests(Case):
    def test_keep_alive_and_close(self):
        s = self.serve()
        with s.connect() as c:
            for _ in range(3):
                c.sendall(GET)
                self.assertEqual(read_reply(c), (200, b"hello world\n"))
            c.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            self.assertTrue(read_all(c).endswith(b"hello world\n"))
        self.assertEqual(s.stats()["requests"][2], 4)

    def test_pipelined_answers_come_in_order_also_deferred_ones(self):
        s = self.serve()
        with s.connect() as c:
            c.sendall(b"".join(b"GET /%s HTTP/1.1\r\nHost: h\r\n\r\n" % p for p in (b"later?ms=100", b"hello", b"later?ms=1", b"none")) +
                      b"GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            out = read_all(c)
        self.assertEqual([part[:3] for part in out.split(b"HTTP/1.1 ")[1:]], [b"200", b"200", b"200", b"404", b"200"])
        self.assertLess(out.index(b"later\n"), out.index(b"hello world\n"))

    def test_bodies_of_any_size(self):
        s = self.serve("body_bytes=20000000")
        for n in (0, 1, 4095, 4096, 65536, 5000000):
            with s.connect() as c:
                body = os.urandom(n)
                c.sendall(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % n + body)
                status, got = read_reply(c)
                self.assertEqual(status, 200)
                head, echoed = got.split(b"\n", 1)
                self.assertEqual(json.loads(head)["bytes"], n)
                self.assertEqual(echoed, body)

    def test_continue_comes_before_the_body(self):
        s = self.serve()
        with s.connect() as c:
            c.sendall(b"POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
            self.assertEqual(c.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
            c.sendall(b"abc")
            self.assertTrue(read_reply(c)[1].endswith(b"abc"))

    def test_documents(self):
        s = self.serve()
        c = http.client.HTTPConnection("127.0.0.1", s.port, timeout=10)
        c.request("GET", "/doc")
        r = c.getresponse()
        whole, tag = r.read(), r.headers["ETag"]
        self.assertEqual((r.status, r.headers["Content-Encoding"], r.headers["Vary"]), (200, None, "Accept-Encoding"))
        c.request("GET", "/doc", headers={"Accept-Encoding": "gzip"})
        r = c.getresponse()
        import gzip
        self.assertEqual(gzip.decompress(r.read()), whole)
        packed_tag = r.headers["ETag"]
        self.assertNotEqual(packed_tag, tag)
        for t in (tag, packed_tag, "W/" + tag, '"x", ' + tag, "*"):
            c.request("GET", "/doc", headers={"If-None-Match": t})
            r = c.getresponse()
            self.assertEqual((r.status, r.read()), (304, b""))
        c.request("HEAD", "/doc")
        r = c.getresponse()
        self.assertEqual((r.status, int(r.headers["Content-Length"]), r.read()), (200, len(whole), b""))
        c.close()

    def test_streams(self):
        s = self.serve("stream_bytes=30000", "output_bytes=20000")
        self.assertEqual(s.get("/stream?n=500&size=5000"), (200, b"x" * 2500000))
        with s.connect() as c:  # HTTP/1.0: to the end of the connection
            c.sendall(b"GET /stream?n=3&size=4 HTTP/1.0\r\n\r\n")
            self.assertTrue(read_all(c).endswith(b"\r\n\r\n" + b"x" * 12))
        with s.connect() as c:  # broken off: no last chunk
            c.sendall(b"GET /abort?begun=20&size=10&ms=5 HTTP/1.1\r\nHost: h\r\n\r\n")
            out = read_all(c)
            self.assertIn(b"\r\na\r\nxxxxxxxxxx\r\n", out)
            self.assertFalse(out.endswith(b"0\r\n\r\n"))
        self.assertEqual(s.get("/abort")[0], 502)

    def test_ipv6_and_addresses(self):
        try:
            s = self.serve(listen="[::1]:0")
        except RuntimeError as e:
            self.skipTest("no IPv6 here: %s" % e)
        with socket.create_connection(("::1", s.port), 10) as c:
            c.sendall(b"GET /echo HTTP/1.1\r\nHost: h\r\n\r\n")
            told = json.loads(read_reply(c)[1])
            self.assertEqual(told["peer"], "[::1]:%d" % c.getsockname()[1])
            self.assertTrue(told["loopback"])
        s = self.serve(listen=":0")
        with s.connect() as c:  # IPv4 through an IPv6 socket
            c.sendall(b"GET /echo HTTP/1.1\r\nHost: h\r\n\r\n")
            told = json.loads(read_reply(c)[1])
            self.assertEqual((told["peer"], told["loopback"]), ("127.0.0.1:%d" % c.getsockname()[1], True))
        for wrong in ("127.0.0.1", "localhost:x", "[::1:80", "h:80", "127.0.0.1:65536", "127.0.0.1:-1", ":"):
            p = subprocess.run([SERVE, wrong], capture_output=True, text=True, timeout=10)
            self.assertEqual(p.returncode, 2, wrong)
            self.assertIn("no address to listen at", p.stderr)
        p = subprocess.run([SERVE, "127.0.0.1:%d" % s.port], capture_output=True, text=True, timeout=10)
        self.assertEqual(p.returncode, 3)
        self.assertIn("something else listens there", p.stderr)


class BadClients(Case):
    def test_slow_loris(self):
        """A byte every 50 ms is not a request in 400 ms."""
        s = self.serve("threads=1", "header_ms=400")
        with s.connect() as c:
            began = time.monotonic()
            for b in b"GET /hello HTTP/1.1\r\nHost: h":
                try:
                    c.sendall(bytes([b]))
                except OSError:
                    break
                time.sleep(0.05)
                c.setblocking(False)
                try:
                    if c.recv(1, socket.MSG_PEEK) is not None:
                        break
                except BlockingIOError:
                    pass
                finally:
                    c.settimeout(10)
            took = time.monotonic() - began
            self.assertIn(b"HTTP/1.1 408 ", read_all(c))
        self.assertTrue(0.35 < took < 2, took)
        self.assertEqual(s.stats()["timeouts"], 1)

    def test_slow_body(self):
        s = self.serve("threads=1", "body_ms=300")
        with s.connect() as c:
            c.sendall(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n")
            began = time.monotonic()
            for _ in range(5):
                c.sendall(b"y" * 1500)  # enough to go on
                time.sleep(0.15)
            self.assertIn(b"HTTP/1.1 408 ", read_all(c))
            self.assertGreater(time.monotonic() - began, 0.8)

    def test_silent_clients_are_closed(self):
        s = self.serve("threads=1", "header_ms=300", "idle_ms=300")
        with s.connect() as never, s.connect() as once:
            once.sendall(GET)
            self.assertEqual(read_reply(once)[0], 200)
            self.assertEqual((read_all(never), read_all(once)), (b"", b""))

    def test_oversize(self):
        s = self.serve("threads=1", "body_bytes=1000", "header_bytes=2000", "uri_bytes=1000")
        for request, status in ((b"GET /" + b"a" * 5000000, 414), (b"GET / HTTP/1.1\r\nX: " + b"a" * 5000000, 431),
                                (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5000000\r\n\r\n" + b"a" * 1000000, 413),
                                (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n" + b"a" * 1000000, 413)):
            with s.connect() as c:
                try:
                    c.sendall(request)
                except OSError:
                    pass  # it was cut off while it sent, as it should
                self.assertIn(b"HTTP/1.1 %d " % status, read_all(c))

    def test_a_client_that_does_not_read(self):
        """Its replies are held back, its requests not read, and in the end it is cut off."""
        s = self.serve("threads=1", "write_ms=500")
        before = s.rss_kib()
        with socket.socket() as c:
            c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            c.connect(("127.0.0.1", s.port))
            c.settimeout(0.3)
            sent = 0
            try:
                while sent < 50 << 20:
                    sent += c.send(b"GET /stream?n=50&size=100000 HTTP/1.1\r\nHost: h\r\n\r\n" * 1000)
            except OSError:
                pass
            self.assertLess(sent, 20 << 20)
            self.assertLess(s.rss_kib() - before, 30 << 10)
            deadline = time.time() + 5
            while s.stats()["timeouts"] == 0 and time.time() < deadline:
                time.sleep(0.1)
        self.assertEqual(s.stats()["timeouts"], 1)
        self.assertEqual(s.get("/hello")[0], 200)

    def test_half_open_and_gone(self):
        s = self.serve("threads=1")
        with s.connect() as c:  # no more to say, but listening
            c.sendall(b"GET /later?ms=100 HTTP/1.1\r\nHost: h\r\n\r\n")
            c.shutdown(socket.SHUT_WR)
            self.assertTrue(read_all(c).endswith(b"later\n"))
        for path in (b"later?ms=100", b"stream?n=100000&size=1000", b"sleep?ms=100"):
            c = s.connect()  # resets the connection while the answer is made
            c.sendall(b"GET /%s HTTP/1.1\r\nHost: h\r\n\r\n" % path)
            time.sleep(0.05)
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            c.close()
        deadline = time.time() + 5
        while (s.stats()["open"] > 1 or s.stats()["requests"][0] < 2) and time.time() < deadline:
            time.sleep(0.05)
        self.assertEqual(s.stats()["open"], 1)
        self.assertGreaterEqual(s.stats()["requests"][0], 2)

    def test_late_answers(self):
        s = self.serve("threads=1", "deferred_ms=200")
        self.assertEqual(s.get("/later?ms=600")[0], 504)
        self.assertEqual(s.get("/hello")[0], 200)
        time.sleep(0.6)  # the answer comes, and goes nowhere
        self.assertEqual(s.get("/hello")[0], 200)

    def test_more_connections_than_the_limit(self):
        s = self.serve("threads=2", "connections=10")
        held = [s.connect() for _ in range(10)]
        for c in held:
            c.sendall(GET)
            self.assertEqual(read_reply(c)[0], 200)
        with s.connect() as c:
            c.sendall(GET)
            self.assertIn(b"HTTP/1.1 503 ", read_all(c))
        held.pop().close()
        time.sleep(0.1)
        self.assertEqual(s.get("/hello")[0], 200)
        for c in held:
            c.close()
        time.sleep(0.1)
        self.assertEqual(s.stats()["refused"], 1)

    def test_more_connections_than_descriptors(self):
        """They wait in the kernel's queue, and are served when there are descriptors again; nothing spins."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, hard))
        try:
            s = self.serve("threads=2")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        held = [s.connect() for _ in range(60)]
        time.sleep(0.3)
        before = s.cpu_ticks()
        time.sleep(1)
        self.assertLess(s.cpu_ticks() - before, 20)  # of the 100 ticks of a second
        for c in held[:40]:
            c.close()
        for c in held[40:]:
            c.sendall(GET)
            self.assertEqual(read_reply(c)[0], 200)
            c.close()

    def test_five_thousand_idle_connections(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < IDLE + 500:
            self.skipTest("only %d descriptors" % hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else IDLE + 500, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        s = self.serve("threads=2")
        s.get("/hello")
        before = s.rss_kib()
        held = []
        try:
            for _ in range(IDLE):
                c = s.connect()
                c.sendall(GET)
                held.append(c)
            for c in held:
                self.assertEqual(read_reply(c)[0], 200)
            self.assertEqual(s.stats()["open"], IDLE + 1)
            each = (s.rss_kib() - before) * 1024 / IDLE
            with open("/proc/%d/maps" % s.p.pid) as f:
                sanitized = re.search(r"lib[atu]\w*san\.so", f.read())
            if not sanitized:
                self.assertLess(each, 3000, "bytes an idle connection")
            began = time.monotonic()
            for _ in range(100):
                self.assertEqual(s.get("/hello")[0], 200)
            self.assertLess(time.monotonic() - began, 5)
            for c in held[::50]:
                c.sendall(GET)
                self.assertEqual(read_reply(c)[0], 200)
        finally:
            for c in held:
                c.close()


class Stop(Case):
    def test_what_is_in_flight_is_finished(self):
        s = Server("threads=2")
        with s.connect() as late, s.connect() as idle, s.connect() as streaming:
            idle.sendall(GET)
            read_reply(idle)
            late.sendall(b"GET /later?ms=400 HTTP/1.1\r\nHost: h\r\n\r\n")
            streaming.sendall(b"GET /stream?n=20&size=10&ms=20 HTTP/1.1\r\nHost: h\r\n\r\n")
            time.sleep(0.1)
            s.p.send_signal(signal.SIGTERM)
            self.assertEqual(read_all(idle), b"")
            time.sleep(0.1)
            with self.assertRaises(OSError):
                s.connect(1).close()
            out = read_all(late)
            self.assertTrue(out.endswith(b"later\n"))
            self.assertIn(b"Connection: close\r\n", out)
            self.assertTrue(read_all(streaming).endswith(b"0\r\n\r\n"))
        self.assertEqual(s.stop(), (0, ""))

    def test_it_does_not_wait_for_ever(self):
        s = Server("threads=1", "stop_ms=300")
        with s.connect() as c:
            c.sendall(b"GET /later?ms=1500 HTTP/1.1\r\nHost: h\r\n\r\n")
            time.sleep(0.1)
            began = time.monotonic()
            self.assertEqual(s.stop(), (0, ""))
            self.assertTrue(0.2 < time.monotonic() - began < 1.4)
            self.assertEqual(read_all(c), b"")


def make_ca(folder, name="ca"):
    run = lambda *a: subprocess.run(("openssl",) + a, cwd=folder, check=True, capture_output=True)
    run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=test " + name,
        "-keyout", name + ".key", "-out", name + ".pem")


def make_cert(folder, name, ca="ca"):
    run = lambda *a: subprocess.run(("openssl",) + a, cwd=folder, check=True, capture_output=True)
    run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name, "-keyout", name + ".key",
        "-out", name + ".csr")
    with open(os.path.join(folder, name + ".ext"), "w") as f:
        f.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    run("x509", "-req", "-in", name + ".csr", "-CA", ca + ".pem", "-CAkey", ca + ".key", "-CAcreateserial", "-days", "2", "-extfile",
        name + ".ext", "-out", name + ".pem")


class Tls(Case):
    def setUp(self):
        if not shutil.which("openssl"):
            self.skipTest("openssl is missing")
        self.dir = tempfile.mkdtemp(prefix="gw-tls-")
        self.addCleanup(shutil.rmtree, self.dir)
        make_ca(self.dir)
        make_cert(self.dir, "one")
        make_cert(self.dir, "two")
        self.context = ssl.create_default_context(cafile=self.path("ca.pem"))

    def path(self, name):
        return os.path.join(self.dir, name)

    def use(self, name, key=None):
        shutil.copy(self.path(name + ".pem"), self.path("now.pem"))
        shutil.copy(self.path((key or name) + ".key"), self.path("now.key"))

    def serve_tls(self, *options):
        self.use("one")
        return self.serve("threads=2", "cert=" + self.path("now.pem"), "key=" + self.path("now.key"), *options)

    def wrapped(self, s, context=None, **more):
        return (context or self.context).wrap_socket(s.connect(), server_hostname="localhost", **more)

    def test_requests(self):
        s = self.serve_tls("body_bytes=5000000")
        self.assertTrue(s.url.startswith("https://"))
        self.assertEqual(s.get("/hello", self.context), (200, b"hello world\n"))
        self.assertEqual(s.get("/big?n=3000000", self.context), (200, bytes(3000000)))
        self.assertEqual(s.get("/stream?n=100&size=20000", self.context), (200, b"x" * 2000000))
        with self.wrapped(s) as c:
            body = os.urandom(3000000)
            c.sendall(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            status, got = read_reply(c)
            head, echoed = got.split(b"\n", 1)
            self.assertEqual((status, echoed), (200, body))
            self.assertTrue(json.loads(head)["tls"])
        with self.wrapped(s) as c:  # many requests in one record
            c.sendall(GET * 200)
            for _ in range(200):
                pass
            out = b""
            while out.count(b"hello world\n") < 200:
                out += c.recv(65536)

    def test_versions_and_protocols(self):
        s = self.serve_tls()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = ssl.create_default_context(cafile=self.path("ca.pem"))
            context.minimum_version = context.maximum_version = version
            self.assertEqual(s.get("/hello", context)[0], 200)
        context = ssl.create_default_context(cafile=self.path("ca.pem"))
        context.set_alpn_protocols(["h2", "http/1.1"])
        with self.wrapped(s, context) as c:
            self.assertEqual(c.selected_alpn_protocol(), "http/1.1")
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        try:
            old.minimum_version = ssl.TLSVersion.TLSv1
            old.maximum_version = ssl.TLSVersion.TLSv1_1
            old.set_ciphers("ALL:@SECLEVEL=0")
        except (ValueError, ssl.SSLError):
            return
        with self.assertRaises((ssl.SSLError, OSError)):
            self.wrapped(s, old)

    def test_bad_handshakes(self):
        s = self.serve_tls("header_ms=400")
        with s.connect() as c:
            c.sendall(GET)  # no TLS at all
            self.assertNotIn(b"hello", read_all(c))
        with s.connect() as c:  # begins one and falls silent
            c.sendall(b"\x16\x03\x01\x02\x00\x01")
            began = time.monotonic()
            read_all(c)
            self.assertLess(time.monotonic() - began, 3)
        with self.assertRaises(ssl.SSLError):
            self.wrapped(s, ssl.create_default_context())
        self.assertGreaterEqual(s.stats(self.context)["tlsFailures"], 2)
        self.assertEqual(s.get("/hello", self.context)[0], 200)

    def test_end_without_close_notify(self):
        s = self.serve_tls()
        with self.wrapped(s, suppress_ragged_eofs=False) as c:
            c.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            self.assertTrue(read_all(c).endswith(b"hello world\n"))  # the server says close_notify
        raw = s.connect()
        c = self.context.wrap_socket(raw, server_hostname="localhost")
        c.sendall(GET)
        read_reply(c)
        os.close(c.detach())  # the client does not
        time.sleep(0.2)
        self.assertEqual(s.stats(self.context)["open"], 1)

    def test_reload(self):
        s = self.serve_tls()

        def subject():
            with self.wrapped(s) as c:
                return dict(x[0] for x in c.getpeercert()["subject"])["commonName"]
        self.assertEqual(subject(), "one")
        with self.wrapped(s) as held:
            self.use("two")
            self.assertEqual(s.get("/reload", self.context), (200, b"read again\n"))
            self.assertEqual(subject(), "two")
            held.sendall(GET)  # goes on with what it began with
            self.assertEqual(read_reply(held)[0], 200)
        self.use("one", key="two")
        status, text = s.get("/reload", self.context)
        self.assertEqual(status, 500)
        self.assertIn(b"now.key", text)
        self.assertEqual(subject(), "two")
        stats = s.stats(self.context)
        self.assertEqual((stats["reloads"], stats["reloadFailures"]), (1, 1))

    def test_a_change_is_seen(self):
        s = self.serve_tls()
        self.use("two")
        deadline = time.time() + 15  # it looks every ten seconds
        while s.stats(self.context)["reloads"] == 0 and time.time() < deadline:
            time.sleep(0.3)
        with self.wrapped(s) as c:
            self.assertEqual(dict(x[0] for x in c.getpeercert()["subject"])["commonName"], "two")

    def test_wrong_files(self):
        self.use("one")
        for cert, key, word in (("none.pem", "now.key", "cannot be read"), ("now.key", "now.key", "no certificate"),
                                ("now.pem", "now.pem", "no key"), ("one.pem", "two.key", "key")):
            p = subprocess.run([SERVE, "127.0.0.1:0", "cert=" + self.path(cert), "key=" + self.path(key)], capture_output=True, text=True,
                               timeout=10)
            self.assertIn(p.returncode, (4, 16))
            self.assertIn(word, p.stderr)
        p = subprocess.run([SERVE, "127.0.0.1:0", "cert=" + self.path("one.pem")], capture_output=True, text=True, timeout=10)
        self.assertEqual(p.returncode, 2)


class Together(Case):
    def test_many_clients_at_once(self):
        """Threads of clients over every route; the totals agree at the end."""
        s = self.serve("threads=2")
        paths = ["/hello", "/doc", "/later?ms=1", "/stream?n=5&size=3000", "/big?n=200000", "/none"]
        counts, errors = [0] * 8, []

        def client(i):
            try:
                c = http.client.HTTPConnection("127.0.0.1", s.port, timeout=20)
                for j in range(60):
                    c.request("GET", paths[(i + j) % len(paths)])
                    r = c.getresponse()
                    r.read()
                    counts[i] += 1
                c.close()
            except Exception as e:
                errors.append(repr(e))
        threads = [threading.Thread(target=client, args=(i,)) for i in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(errors, [])
        # a reply counts when the kernel has it, which its reader may learn a moment earlier
        deadline = time.time() + 5
        while sum(s.stats()["requests"]) < 480 and time.time() < deadline:
            time.sleep(0.05)
        stats = s.stats()
        self.assertGreaterEqual(sum(stats["requests"]), 480)
        self.assertEqual(stats["requests"][4], 80)


if __name__ == "__main__":
    unittest.main()
