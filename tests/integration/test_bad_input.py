"""What goes wrong at a user's: each failure is one clear line with an exit code of its own, and a partial answer says what is missing.

gpuwise runs against small servers that misbehave (faulty.py) and small snapshots written here. A failure must print nothing on standard
output and exactly one line, "gpuwise: what, where, what to do"; no password or token may ever be shown; every run must end within 15 seconds.
"""
# quick
import gzip, json, os, re, resource, shutil, socket, subprocess, tempfile, threading, time, unittest

import faulty
from faulty import HOUR, NODE, Server

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GPUWISE = os.path.abspath(os.path.join(os.environ.get("GW_BUILD", os.path.join(ROOT, "build")), "gpuwise"))
USAGE, CONNECT, TLS, AUTH, QUERY, SERVER, TIMEOUT, CORRUPT, NODATA, WINDOW, CONFIG, PARTIAL, MEMORY, LIMIT, IO, NOTFOUND = range(2, 18)
SECRET = "s3cr3t-9f2c1b7e"
SECONDS = 15
T = 1_700_000_000  # 2023-11-14T22:13:20Z
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "kubeconfig", "no_color")
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith("GPUWISE_") and k.lower() not in PROXIES}
CLOSED = "http://127.0.0.1:1"  # nobody listens on port 1


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="gw-bad-")
        cls.addClassCleanup(shutil.rmtree, cls.dir, True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name), "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        return self.path(name)

    def serve(self, answer, **how):
        s = Server(answer, **how)
        self.addCleanup(s.stop)
        return s

    def run_it(self, *args, env=None, secret_may_show=False, **how):
        """(exit code, standard output, standard error)"""
        if "stdout" not in how:
            how["stdout"] = subprocess.PIPE
        p = subprocess.run([GPUWISE, *args], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**CLEAN, "HOME": "/nonexistent", **(env or {})},
                           timeout=SECONDS, **how)
        out, err = (p.stdout or b"").decode(), p.stderr.decode()
        if not secret_may_show:
            self.assertNotIn(SECRET, out + err, args)
        for line in err.splitlines():
            self.assertTrue(line.startswith("gpuwise: "), err)
            self.assertLessEqual(len(line), 800)
            self.assertTrue(line.isprintable(), err)
        return p.returncode, out, err

    def fails(self, code, parts, *args, **how):
        """One line that says all of `parts`, this exit code, and no data."""
        rc, out, err = self.run_it(*args, **how)
        self.assertEqual((rc, out), (code, ""), (args, err))
        self.assertEqual(len(err.splitlines()), 1, err)
        for part in [parts] if isinstance(parts, str) else parts:
            self.assertIn(part, err, args)
        return err

    def whole(self, *args, **how):
        """An answer that lacks nothing: the same with --strict."""
        rc, out, err = self.run_it(*args, "-o", "json", "--strict", **how)
        self.assertEqual((rc, err), (0, ""), args)
        doc = json.loads(out)
        self.assertEqual(doc["unknowns"], [])
        return doc

    def partial(self, what, why, *args, **how):
        """An answer that says what it lacks, in every form; it fails, and only by its exit code, with --strict."""
        rc, out, err = self.run_it(*args, "-o", "json", **how)
        self.assertEqual(rc, 0, (args, err))
        doc = json.loads(out)
        said = [u for u in doc["unknowns"] if re.search(what, u["what"]) and re.search(why, u["why"])]
        self.assertEqual(len(said), 1, (what, why, doc["unknowns"]))
        rc, again, err = self.run_it(*args, "-o", "json", "--strict", **how)
        self.assertEqual((rc, steady(again)), (PARTIAL, steady(out)), err)
        self.assertIn("--strict", err.splitlines()[-1])
        rc, table, err = self.run_it(*args, **how)
        self.assertEqual(rc, 0)
        self.assertIn("NOT KNOWN", table)
        squeezed = re.sub(r"\s+", "", table)
        self.assertIn(re.sub(r"\s+", "", said[0]["what"]), squeezed)
        self.assertIn(re.sub(r"\s+", "", said[0]["why"]), squeezed)
        return doc, err


def steady(text):
    """Without the numbers, which move with the clock between two runs against a live source."""
    return re.sub(r"[\d.]+", "", text)


def recent(**how):
    """The fleet's last hour, and a bit more, since the clock goes on while the test runs."""
    return faulty.fleet_series(int(time.time()) - HOUR, HOUR + 300, **how)


# ---- Prometheus: the way there ----


class Prometheus(Case):
    def report(self, url, *args):
        return ("report", "--prometheus", url, "--no-kubernetes", "--window", "1h", "--retries", "1", *args)

    def refuses(self, code, parts, answer, *args, path="", env=None, tries=None):
        s = self.serve(answer)
        err = self.fails(code, parts, *self.report(s.url + path, *args), env=env)
        if tries:
            self.assertEqual(max(sum(1 for x in s.seen if x[1] == one[1]) for one in s.seen), tries, s.seen)
        return err

    def query_only(self, answer):
        """The answer for queries, where remote read is not served."""
        return lambda h: faulty.refuse_remote_read(h) if h.path.startswith("/api/v1/read") else answer(h)

    def test_a_good_one_is_a_whole_answer(self):
        """Else the tests below would prove little: what they break is whole before."""
        s = self.serve(faulty.prometheus(recent()))
        by_query = self.whole(*self.report(s.url))
        frame = faulty.frame(recent())
        s = self.serve(lambda h: h.reply(frame, kind=faulty.STREAM))
        by_stream = self.whole(*self.report(s.url))
        for doc in (by_query, by_stream):
            self.assertAlmostEqual(doc["total"]["cost"]["bill"], 0.526, 2)
            self.assertEqual(doc["total"]["compute"]["mean"], 0.4)

    def test_urls(self):
        for url, part in (("", "is empty: give http://HOST:PORT"), ("localhost:9090", "write it as http://localhost:9090"),
                          ("ftp://h", "not supported"), ("http://", "not a URL"), ("http://h:99999", "not a URL"),
                          ("http://me:%s@h/?a=b" % SECRET, "must end before '?'"), ("http://h/a b", "not a URL")):
            self.fails(USAGE, part, *self.report(url))

    def test_nobody_there(self):
        self.fails(CONNECT, ["no-such-host.invalid", "cannot be resolved", "spelling"], *self.report("http://no-such-host.invalid:9090"))
        self.fails(CONNECT, [CLOSED, "refused", "check that it runs there"], *self.report(CLOSED))
        self.fails(CONNECT, [CLOSED, "refused"], *self.report("http://me:%s@127.0.0.1:1" % SECRET))
        with socket.create_server(("127.0.0.1", 0)) as s:
            def talk():
                connection, _ = s.accept()
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
                connection.close()
            threading.Thread(target=talk, daemon=True).start()
            self.fails(CONNECT, ["does not answer in HTTP", "check the port"], *self.report("http://127.0.0.1:%d" % s.getsockname()[1]))

    def test_proxies(self):
        s = self.serve(lambda h: h.reply("not to there", 403, "text/plain"))
        me = "127.0.0.1:%d" % s.port
        proxy = "http://me:%s@%s" % (SECRET, me)
        self.fails(AUTH, ["403", "not to there", "through the proxy http://" + me, "http_proxy"], *self.report("http://prom.test:9090"),
                   env={"http_proxy": proxy})
        self.fails(CONNECT, ["the proxy http://" + me, "refuses", "prom.test:9090", "NO_PROXY"], *self.report("https://prom.test:9090"),
                   env={"https_proxy": proxy})
        self.fails(CONNECT, ["the proxy http://127.0.0.1:1", "is refused", "https_proxy"], *self.report("https://prom.test:9090"),
                   env={"https_proxy": "http://me:%s@127.0.0.1:1" % SECRET})
        self.fails(CONNECT, ["no-such-proxy.invalid", "cannot be resolved"], *self.report("http://prom.test:9090"),
                   env={"http_proxy": "http://no-such-proxy.invalid:3128"})
        self.fails(CONFIG, ["http_proxy", "not supported"], *self.report("http://prom.test:9090"), env={"http_proxy": "gopher://p"})
        s = self.serve(lambda h: h.reply("", 407))
        self.fails(CONNECT, ["407", "user:password@"], *self.report("https://prom.test"), env={"https_proxy": s.url})

    # ---- what it answers ----

    def test_refusals(self):
        words = '{"status":"error","errorType":"t","error":"the words of the server"}'
        for status, code, part in (
                (400, QUERY, "check the URL"), (401, AUTH, "check the token"), (403, AUTH, "must be granted"), (404, QUERY, "path prefix"),
                (413, QUERY, "shorter window"), (418, QUERY, "check the URL"), (422, QUERY, "shorter window"), (429, SERVER, "concurrency"),
                (500, SERVER, "log"), (501, SERVER, "log"), (502, SERVER, "later"), (503, SERVER, "later"), (504, SERVER, "later")):
            with self.subTest(status=status):
                err = self.refuses(code, ["/prefix/api/v1/", str(status), "the words of the server", part], lambda h: h.reply(words, status),
                                   path="/prefix")
                self.assertEqual("(2 tries)" in err, status in (429, 500, 502, 503, 504))
        self.refuses(SERVER, "503", lambda h: h.reply("", 503), "--retries", "0", tries=None)

    def test_no_secret_is_shown(self):
        def echo(h):
            h.reply("sent were %s and %s" % (h.headers.get("Authorization"), h.headers.get("X-Key")), 401, "text/plain")
        s = self.serve(echo)
        self.fails(AUTH, "sent were", *self.report(s.url, "--prometheus-token", SECRET))
        self.fails(AUTH, "sent were", *self.report(s.url), env={"GPUWISE_PROMETHEUS_TOKEN": SECRET})
        self.fails(AUTH, "sent were", *self.report(s.url, "--prometheus-token-file", self.write("token", SECRET)))
        self.fails(AUTH, "401", *self.report("http://me:%s@127.0.0.1:%d" % (SECRET, s.port)))
        # nor where all goes well: not in the source, and not in the command to run next
        s = self.serve(faulty.prometheus(recent()))
        for o in ("table", "wide", "json", "yaml", "csv", "html"):
            rc, out, _ = self.run_it(*self.report("http://me:%s@127.0.0.1:%d" % (SECRET, s.port), "-o", o))
            self.assertEqual(rc, 0)

    def test_login_pages(self):
        page = "<html><head><title>Sign in</title></head><body>Who are you?</body></html>"
        where = ["/api/v1/query", "text/html", "login page"]
        self.refuses(CORRUPT, where, lambda h: h.reply(page, kind="text/html"))
        self.refuses(CORRUPT, where, self.query_only(lambda h: h.reply(page, kind="text/html")))
        self.refuses(QUERY, ["Prometheus at http://", "text/html", "--prometheus-mode"], lambda h: h.reply(page, kind="text/html"),
                     "--prometheus-mode", "remote-read")
        self.refuses(QUERY, ["redirects to", "/login", "302", "final URL"], lambda h: h.reply(
            "", 302, headers=[("Location", "http://127.0.0.1:1/login?back=" + SECRET)]))
        self.refuses(CORRUPT, where[1:], self.query_only(lambda h: h.reply(page, kind="text/html") if h.path == "/login" else h.reply(
            "", 302, headers=[("Location", "/login")])))
        self.refuses(QUERY, ["redirects more than 3 times"], self.query_only(lambda h: h.reply("", 302, headers=[("Location", h.path)])))

    def test_json_that_is_not_what_it_says(self):
        good = {"status": "success", "data": {"resultType": "matrix", "result": []}}
        for reply, part in (
                ({"hello": "world"}, '"status" or "data" is missing'), ([1, 2], "do not belong"), ("{'a': 1}", "not JSON"),
                (dict(good, data={"resultType": "vector", "result": []}), "not a matrix"),
                (dict(good, data={"resultType": "matrix", "result": {"a": 1}}), ""), ("\x00\x01\x02", "not JSON"),
                (dict(good, data={"resultType": "matrix", "result": [{"metric": {"a": "b"}, "values": [["x", "1"]]}]}), "")):
            with self.subTest(reply=str(reply)):
                self.refuses(CORRUPT, [CLOSED[:16], "/api/v1/query", part], self.query_only(lambda h: h.reply(reply)))
        self.refuses(CORRUPT, ["text/plain", "instead of JSON"], self.query_only(lambda h: h.reply(good, kind="text/plain")))
        self.refuses(QUERY, "no such thing", self.query_only(lambda h: h.reply({"status": "error", "errorType": "t", "error": "no such thing"})))

    def test_nothing_and_half_a_thing(self):
        half = b'{"status":"success","data":{"resultType":"matrix","result":['
        self.refuses(TIMEOUT, ["/api/v1/query", "cut off", "(2 tries)"], lambda h: h.reply("", kind=None))
        self.refuses(TIMEOUT, ["/api/v1/query", "not one byte", "timeout"], self.query_only(lambda h: h.reply("")))
        self.refuses(TIMEOUT, ["/api/v1/query", "cut off after 60 bytes", "timeout"], self.query_only(lambda h: h.reply(half)))
        self.refuses(TIMEOUT, ["/api/v1/query", "broke off after 60 bytes"], self.query_only(lambda h: h.cut(half)))
        self.refuses(TIMEOUT, ["/api/v1/read", "broke off after 0 bytes", "https://"], lambda h: h.hang_up())

    def test_frames(self):
        series = recent()[:1]
        good, bad = faulty.frame(series), faulty.frame(series, flip=1)

        def stream(data):
            return lambda h: h.reply(data, kind=faulty.STREAM)
        where = "/api/v1/read"
        self.refuses(CORRUPT, [where, "frame 1 ", "wrong checksum", "proxies"], stream(bad))
        self.refuses(CORRUPT, [where, "frame 2 ", "wrong checksum"], stream(good + bad))
        middle = len(good) // 2
        self.refuses(CORRUPT, [where, "wrong checksum"], stream(good[:middle] + bytes([good[middle] ^ 4]) + good[middle + 1:]))
        self.refuses(TIMEOUT, [where, "frame 1 ", "is cut off", "timeout"], stream(good[:-100]))
        self.refuses(TIMEOUT, [where, "frame 2 ", "is cut off"], stream(good + good[:3]))
        self.refuses(TIMEOUT, [where, "broke off"], lambda h: h.cut(good, faulty.STREAM))
        self.refuses(CORRUPT, [where, "no valid length"], stream(b"\xff" * 40))
        self.refuses(SERVER, [where, "the disk is on fire"], stream(good + b"the disk is on fire\n"))
        self.refuses(CORRUPT, [where, "not compressed with snappy"], lambda h: h.reply(b"no samples at all", kind="application/x-protobuf"))

    def test_slow(self):
        began = time.time()
        self.refuses(TIMEOUT, ["/api/v1/read", "no byte came for 500 ms", "--timeout"], lambda h: h.stall(), "--timeout", "500ms", tries=4)
        self.assertLess(time.time() - began, 4)  # from a server that never said a word not even --retries makes it longer

        def starts(h):
            h.send_response(200)
            h.send_header("Content-Type", faulty.STREAM)
            h.end_headers()
            h.wfile.write(b"\x05")
            h.wfile.flush()
            h.stall()
        self.refuses(TIMEOUT, ["no byte came for 500 ms", "(2 tries)"], starts, "--timeout", "500ms")

        def drips(h):
            h.send_response(200)
            h.send_header("Content-Type", faulty.STREAM)
            h.end_headers()
            h.wfile.write(b"\xff\xff\x03")  # a frame of 65535 bytes
            while not h.server.over.wait(0.05):
                h.wfile.write(b"\x05")
        self.refuses(TIMEOUT, ["less than a KiB came in 1000 ms", "--timeout"], drips, "--timeout", "200ms", "--retries", "0")

    def test_a_server_that_recovers_gives_a_whole_answer(self):
        series, state = recent(), {"n": 0}
        good = faulty.prometheus(series)

        def moody(h):
            state["n"] += 1
            return h.reply("", 503) if state["n"] % 5 == 0 else good(h)
        s = self.serve(moody)
        self.whole(*self.report(s.url, "--retries", "6"))

    def test_no_gpu_metrics(self):
        self.refuses(NODATA, ["no data at all", "--from", "clock"], faulty.prometheus([]))
        other = [("kube_pod_info", {"namespace": "a", "pod": "b", "node": "n"}, [(time.time() - 600, 1)])]
        self.refuses(NODATA, ["has data", "no GPU metrics", "dcgm-exporter"], faulty.prometheus(other))
        # data, but of another time
        self.refuses(NODATA, "no data at all", faulty.prometheus(faulty.fleet_series(T)))
        # GPUs that only Kubernetes knows of cost money, and what they did is unknown
        s = self.serve(faulty.prometheus(recent(gpus=False)))
        doc, _ = self.partial_or_loud(*self.report(s.url))
        self.assertEqual(doc["total"]["cost"]["used"], 0)
        self.assertAlmostEqual(doc["total"]["cost"]["unknown"], doc["total"]["cost"]["bill"])

    def partial_or_loud(self, *args):
        rc, out, err = self.run_it(*args, "-o", "json")
        self.assertEqual(rc, 0, err)
        doc = json.loads(out)
        self.assertTrue(any("no exporter reports" in u["what"] and "dcgm-exporter" in u["why"] for u in doc["unknowns"]), doc["unknowns"])
        return doc, err

    def test_parts_that_are_missing(self):
        def no_containers(h):
            return h.reply({"status": "error", "error": "too many samples"}, 422)
        good = faulty.prometheus(recent())
        s = self.serve(lambda h: no_containers(h) if "query=container_" in h.path else good(h))
        self.partial("a part of the source", "cAdvisor.*too many samples", *self.report(s.url))
        s = self.serve(faulty.prometheus(recent(), lambda path, reply: dict(reply, warnings=["store s-3 is away"])))
        self.partial("a part of the source", "store s-3 is away", *self.report(s.url))

    def test_bounds(self):
        s = self.serve(faulty.prometheus(recent()))
        self.fails(LIMIT, ["query budget of 9 requests", "--query-budget"], *self.report(s.url, "--query-budget", "9"))


@unittest.skipUnless(shutil.which("openssl"), "SKIPPED, NOT TESTED: openssl is not installed")
class Tls(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ca, cls.other = faulty.Authority(os.path.join(cls.dir, "ca")), faulty.Authority(os.path.join(cls.dir, "other"))
        cls.server, cls.client, cls.stranger = cls.ca.issue("server"), cls.ca.issue("client"), cls.other.issue("client")
        cls.expired = cls.ca.issue("expired", valid=("20200101000000Z", "20200102000000Z"))
        cls.future = cls.ca.issue("future", valid=("20900101000000Z", "20910102000000Z"))
        cls.elsewhere = cls.ca.issue("elsewhere", host="DNS:elsewhere.test")

    def report(self, s, *args):
        return ("report", "--prometheus", s.url, "--no-kubernetes", "--window", "1h", "--retries", "0", *args)

    def test_certificates(self):
        s = self.serve(faulty.prometheus(recent()), tls=self.server)
        self.whole(*self.report(s, "--prometheus-ca", self.ca.ca))
        self.whole(*self.report(s, "--prometheus-insecure"))
        for args in ((), ("--prometheus-ca", self.other.ca)):
            self.fails(TLS, [s.url, "issuer", "--prometheus-ca", "--prometheus-insecure"], *self.report(s, *args))
        for cert, parts in ((self.expired, ["expired", "this system's time"]), (self.future, ["not yet valid", "this system's time"]),
                            (self.elsewhere, ["127.0.0.1", "use a host name that the certificate has"])):
            s = self.serve(faulty.prometheus([]), tls=cert)
            err = self.fails(TLS, parts + ["--prometheus-insecure"], *self.report(s, "--prometheus-ca", self.ca.ca))
            self.assertNotIn("tls-server-name", err)  # there is no such option for Prometheus

    def test_client_certificates(self):
        s = self.serve(faulty.prometheus(recent()), tls=self.server, client_ca=self.ca.ca)
        ca = ("--prometheus-ca", self.ca.ca)

        def pair(cert, key):
            return ca + ("--prometheus-cert", cert, "--prometheus-key", key)
        self.whole(*self.report(s, *pair(*self.client)))
        self.fails(TLS, ["wants a client certificate", "--prometheus-cert"], *self.report(s, *ca))
        self.fails(TLS, ["refuses", "--prometheus-cert"], *self.report(s, *pair(*self.stranger)))
        self.fails(TLS, ["belong together"], *self.report(s, *pair(self.client[0], self.stranger[1])))
        self.fails(IO, ["/nonexistent", "No such file"], *self.report(s, *ca, "--prometheus-cert", "/nonexistent", "--prometheus-key", self.client[1]))
        self.fails(IO, ["is not PEM"], *self.report(s, "--prometheus-ca", self.write("text", "no certificate")))

    def test_the_wrong_protocol(self):
        s = self.serve(faulty.prometheus([]))
        s.url = s.url.replace("http:", "https:")
        self.fails(TLS, ["does not speak TLS", "http://"], *self.report(s))
        s = self.serve(faulty.prometheus([]), tls=self.server)
        s.url = s.url.replace("https:", "http:")
        self.fails(TIMEOUT, ["broke off", "https://"], *self.report(s))

    def test_kubernetes(self):
        snapshot = faulty.write_snapshot(self.path("snapshot"))

        def report(server, **cluster):
            return ("report", "--snapshot", snapshot, "--kubeconfig", self.write("kubeconfig", faulty.kubeconfig(server.url, **cluster)))
        s = self.serve(faulty.kubernetes(), tls=self.server)
        self.whole(*report(s, **{"certificate-authority": self.ca.ca}))
        self.partial("Kubernetes", "issuer.*certificate-authority in the kubeconfig.*insecure-skip-tls-verify", *report(s))
        s = self.serve(faulty.kubernetes(), tls=self.elsewhere)
        self.partial("Kubernetes", "tls-server-name in the kubeconfig", *report(s, **{"certificate-authority": self.ca.ca}))
        self.whole(*report(s, **{"certificate-authority": self.ca.ca, "tls-server-name": "elsewhere.test"}))


# ---- Kubernetes ----


class Kubernetes(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.snapshot = faulty.write_snapshot(os.path.join(cls.dir, "snapshot"))

    def report(self, text, *args):
        return ("report", "--snapshot", self.snapshot, "--kubeconfig", self.write("kubeconfig", text), "--retries", "1", *args)

    def test_kubeconfigs(self):
        """What is wrong in a file that the user has named ends the run, with the place."""
        good = faulty.kubeconfig(CLOSED)
        plain = "kubeconfig"
        for text, code, parts in (
                ("", CONFIG, [plain, "is empty"]), ("a: [b", CONFIG, [plain + ":2:1", "bracket"]), ("a:\n\tb: c\n", CONFIG, [plain + ":2:1", "tab"]),
                (b"\x00\x01", CONFIG, [plain + ":1", "text file"]), ("- a\n", CONFIG, [plain + ":1:1", "a map is wanted"]),
                ("clusters: none\n", CONFIG, [plain + ":1:11", '"clusters" must be a list']),
                ("kind: Deployment\napiVersion: apps/v1\n", CONFIG, [plain, "not a kubeconfig"]),
                (faulty.kubeconfig(5), CONFIG, [plain + ":10:", '"server" must be text']), (faulty.kubeconfig(""), CONFIG, ['no "server"']),
                (faulty.kubeconfig("ht!tp://x"), CONFIG, ['context "test"', "not a URL"]),
                (faulty.kubeconfig(CLOSED, {"token": ["x"]}), CONFIG, [plain + ":", '"token" must be text, and is a list']),
                (faulty.kubeconfig(CLOSED, {"token": SECRET, "username": "me", "password": SECRET}), CONFIG, ["exclude each other"]),
                (faulty.kubeconfig(CLOSED, **{"certificate-authority-data": "!!!!"}), CONFIG, [plain + ":10:", "is no base64"]),
                (faulty.kubeconfig(CLOSED, **{"certificate-authority-data": "aGVsbG8="}), IO, ['context "test"', "is not PEM"]),
                (faulty.kubeconfig(CLOSED, **{"certificate-authority": "nowhere.crt"}), IO, ["/nowhere.crt", "No such file"]),
                (faulty.kubeconfig(CLOSED, {"tokenFile": "/nonexistent"}), IO, ["/nonexistent", "No such file"]),
                (good.replace('"user": "u"', '"user": "nobody"'), CONFIG, ['no user "nobody"']),
                (good.replace('"cluster": "c"', '"cluster": "d"'), CONFIG, ['no cluster "d"']),
                (good.replace('"current-context": "test"', '"current-context": ""'), CONFIG, ["--context", "test"])):
            with self.subTest(text=text):
                self.fails(code, parts, *self.report(text))
        self.fails(CONFIG, ['no context "prod"', "there are: test"], *self.report(good, "--context", "prod"))
        self.fails(IO, ["/nonexistent", "--kubeconfig"], "report", "--snapshot", self.snapshot, "--kubeconfig", "/nonexistent")
        self.fails(IO, ["Is a directory"], "report", "--snapshot", self.snapshot, "--kubeconfig", self.dir)

    def test_unknown_fields_are_passed_over(self):
        s = self.serve(faulty.kubernetes())
        text = faulty.kubeconfig(s.url, **{"of-tomorrow": [1, {"x": 2}]}).replace('"kind"', '"of-tomorrow": {"a": [1]}, "kind"')
        self.whole(*self.report(text))

    def test_one_that_nobody_named_is_left_out(self):
        s = self.serve(faulty.prometheus(recent()))
        broken = self.write("broken", "clusters: [")
        args = ("report", "--prometheus", s.url, "--window", "1h")
        self.partial("objects of the Kubernetes API", "broken:2:1", *args, env={"KUBECONFIG": broken})
        self.whole(*args, "--no-kubernetes", env={"KUBECONFIG": broken})
        self.whole(*args, env={"KUBECONFIG": "/nonexistent"})  # as kubectl has it
        # where nothing is found either, that is the one line
        self.fails(CONNECT, "refused", "report", "--prometheus", CLOSED, "--window", "1h", env={"KUBECONFIG": broken})

    def test_what_the_server_answers(self):
        def all_say(*args, **how):
            return lambda resource: lambda h: h.reply(*args, **how)
        words = {"kind": "Status", "message": "the words of the server"}
        hint = "the words of the server"
        for change, why in (
                (all_say(words, 401), 'user "u" is not accepted.*401.*' + hint), (all_say(words, 403), 'may not list nodes.*ClusterRole.*verbs: ."list"'),
                (all_say(words, 404), "404.*%s.*check the URL" % hint), (all_say(words, 429), "429.*" + hint), (all_say(words, 500), "500.*" + hint),
                (all_say(words, 503), "503.*later.*2 tries"), (all_say("<html>Sign in</html>", kind="text/html"), "login page of a proxy"),
                (all_say(""), "/api/v1/nodes: .*not one byte"), (all_say([1]), "check that the URL is that of a Kubernetes API server"),
                (all_say({"items": "x"}), "list of nodes: .*no list"), (all_say({}), "list of nodes: .*metadata.name"),
                (all_say({"items": [1, None]}), "list of nodes: item 0 is no object"), (lambda r: lambda h: h.cut(b'{"items":['), "broke off"),
                (lambda r: lambda h: h.hang_up(), "broke off after 0 bytes"), (all_say("", 302, headers=[("Location", "http://127.0.0.1:1/login")]), "refused")):
            with self.subTest(why=why):
                s = self.serve(faulty.kubernetes(change))
                self.partial("objects of the Kubernetes API", why, *self.report(faulty.kubeconfig(s.url, {"token": SECRET}), "--retries",
                                                                                "1" if "tries" in why else "0"))
        self.partial("objects of the Kubernetes API", "127.0.0.1:1: .*refused", *self.report(faulty.kubeconfig(CLOSED)))
        self.partial("objects of the Kubernetes API", "cannot be resolved", *self.report(faulty.kubeconfig("https://no-such-host.invalid")))

    def test_a_list_that_may_not_be_read(self):
        s = self.serve(faulty.kubernetes(lambda r: (lambda h: h.reply({}, 403)) if r == "deployments" else None))
        self.partial("objects of the Kubernetes API", r"deployments.apps \(forbidden\)", *self.report(faulty.kubeconfig(s.url)))

    def test_silence(self):
        s = self.serve(faulty.kubernetes(lambda r: lambda h: h.stall()))
        self.partial("objects of the Kubernetes API", "no byte came for 500 ms.*--timeout", *self.report(faulty.kubeconfig(s.url), "--timeout", "500ms"))

    def test_plugins(self):
        def user(command, *args):
            return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": command, "args": list(args), "interactiveMode": "Never",
                             "installHint": "see the wiki"}}
        api = "client.authentication.k8s.io/v1"
        for who, why in (
                (user("no-such-plugin"), "no-such-plugin.*cannot be started.*see the wiki"),
                (user("sh", "-c", "echo the reason >&2; exit 3"), "exit code 3: the reason.*see the wiki"),
                (user("echo", "my token is " + SECRET), "plugin echo: its reply is no JSON"), (user("true"), "printed nothing"),
                (user("echo", json.dumps({"apiVersion": api, "kind": "Other"})), "no ExecCredential"),
                (user("echo", json.dumps({"apiVersion": api, "kind": "ExecCredential"})), "has no status"),
                (user("sh", "-c", "kill -9 $$"), "signal 9"), (user("sh", "-c", "yes | head -c 3000000"), "more than 1048576 bytes"),
                (user("sleep", "1000"), "did not end in time")):
            with self.subTest(why=why):
                s = self.serve(faulty.kubernetes())
                self.partial("objects of the Kubernetes API", why, *self.report(faulty.kubeconfig(s.url, who), "--timeout", "500ms"))

    def test_recording_needs_all_of_it(self):
        args = ("record", self.path("copy"), "--overwrite", "--snapshot", self.snapshot)
        self.fails(CONNECT, ["refused", "--no-kubernetes"], *args, "--kubeconfig", self.write("kubeconfig", faulty.kubeconfig(CLOSED)))
        s = self.serve(faulty.kubernetes(lambda r: (lambda h: h.reply({}, 403)) if r == "jobs" else None))
        named = args + ("--kubeconfig", self.write("kubeconfig", faulty.kubeconfig(s.url)))
        rc, _, err = self.run_it(*named)
        self.assertEqual((rc, "jobs.batch (forbidden)" in err), (0, True), err)
        self.assertEqual(self.run_it(*named, "--strict")[0], PARTIAL)


# ---- snapshots ----


class Snapshot(Case):
    good = faulty.open_metrics(faulty.fleet_series(T))

    def snapshot(self, metrics=None, packed=None, **lists):
        path = self.path("snapshot")
        shutil.rmtree(path, ignore_errors=True)
        faulty.write_snapshot(path, metrics, **lists)
        if packed is not None:
            os.remove(path + "/metrics.om")
            with open(path + "/metrics.om.gz", "wb") as f:
                f.write(packed)
        return "report", "--snapshot", path

    def test_good_ones(self):
        doc = self.whole(*self.snapshot())
        self.assertEqual(doc["total"]["gpuHours"]["paid"], 1)
        self.assertEqual(self.whole(*self.snapshot(packed=gzip.compress(self.good.encode()))), doc)
        self.whole(*self.snapshot(nodes={"kind": "List", "items": [faulty.node_object()]}, pods={"kind": "List", "items": [faulty.pod_object()]}))

    def test_none_at_all(self):
        self.fails(IO, ["/nonexistent", "No such file"], "report", "--snapshot", "/nonexistent")
        self.fails(IO, [GPUWISE, "Not a directory"], "report", "--snapshot", GPUWISE)
        os.makedirs(self.path("empty"))
        self.fails(IO, ["is no snapshot", "metrics.om", "gpuwise record"], "report", "--snapshot", self.path("empty"))
        report = self.snapshot()
        os.remove(self.path("snapshot/metrics.om"))
        os.mkdir(self.path("snapshot/metrics.om"))
        self.fails(IO, "not a regular file", *report)
        os.rmdir(self.path("snapshot/metrics.om"))
        os.mkfifo(self.path("snapshot/metrics.om"))  # nobody will ever write to it
        self.fails(IO, "not a regular file", *report)
        report = self.snapshot()
        os.symlink("/dev/zero", self.path("snapshot/pods.json"))
        self.fails(IO, ["pods.json", "not a regular file"], *report)

    def test_nothing_readable(self):
        """Nothing to make an answer of: the failure names file, line and remedy."""
        bad = "nothing in the snapshot could be read"
        for metrics, parts in (("", ["cut off at line 1", "copy it again"]), ("<html>", ["cut off"]), ("\x00" * 5000, ["line 1"]),
                               (self.good.replace(" %d\n" % T, "\n"), ["line 2", "without a timestamp"]),
                               (self.good.replace(" %d\n" % T, " NaN\n"), ["line 2", "timestamp that is not a number"]),
                               (faulty.open_metrics(faulty.fleet_series(T * 1000)), ["line 2", "milliseconds"]),
                               ("<html>\n" * 9, ["line 1", "no metric name"])):
            with self.subTest(parts=parts):
                self.fails(CORRUPT, [bad, "metrics.om"] + parts, *self.snapshot(metrics))
        whole = gzip.compress(self.good.encode())
        for packed, part in ((whole[:30], "cut off"), (b"", "cut off"), (self.good.encode(), "not whole gzip"), (b"\x1f\x8b" + b"x" * 500, "gzip")):
            with self.subTest(part=part):
                self.fails(CORRUPT, [bad, "metrics.om.gz", part], *self.snapshot(packed=packed))

    def test_cut_in_half(self):
        source = "a part of the source"
        lines = self.good.splitlines(True)
        n = len(lines)
        self.partial(source, r"metrics\.om: cut off at line %d: .*# EOF.*record it again" % n, *self.snapshot("".join(lines[:-1])))
        self.partial(source, "cut off at line", *self.snapshot(self.good[:-2000]))
        self.partial(source, "line %d: text behind # EOF" % (n + 1), *self.snapshot(self.good + "x 1 1\n"))
        self.partial(source, "line 700: a value that is not a number", *self.snapshot("".join(lines[:699] + [lines[699].replace(" 1 ", " one ")] + lines[700:])))
        whole = gzip.compress(self.good.encode())
        self.partial(source, r"metrics\.om\.gz: line \d+: cut off: the gzip data ends.*copy the file again", *self.snapshot(packed=whole[:-200]))
        self.partial(source, r"metrics\.om\.gz: .*cut off", *self.snapshot(packed=whole[:-4]))

    def test_lists(self):
        source = "a part of the source"
        for text, why in (('{"kind":"List","items":[{"meta', "cut off after 30 bytes"), ("<html>", "not JSON"), ("", "cut off"),
                          ({"kind": "List", "items": "x"}, "no list"), ({"kind": "List", "items": [1]}, "item 0 is no object"),
                          ({"kind": "Foo"}, "metadata.name must be text")):
            with self.subTest(why=why):
                doc, err = self.partial(source, r"nodes\.json.*" + why + ".*again", *self.snapshot(nodes=text))
                self.assertIn("nodes.json", err)
        self.partial(source, r"meta\.json.*cut off.*all metrics files are read instead", *self.snapshot(meta='{"kind":'))
        self.partial(source, r"meta\.json.*kind", *self.snapshot(meta={"kind": "x"}))
        newer = {"kind": "Snapshot", "version": 99}
        self.partial(source, "newer gpuwise", *self.snapshot(meta=newer))

    def test_without_gpus(self):
        self.fails(NODATA, ["no sample of a metric that gpuwise reads", "dcgm-exporter"], *self.snapshot("# EOF\n"))
        self.fails(NODATA, ["no sample of a metric that gpuwise reads"], *self.snapshot("# TYPE a gauge\na 1 %d\n# EOF\n" % T))
        pods = 'kube_pod_info{namespace="a",pod="b",node="n"} 1 %d\n# EOF\n' % T
        self.fails(NODATA, ["has data", "no GPU metrics", "dcgm-exporter"], *self.snapshot(pods))
        # where damage may be why there are none, it is named
        self.fails(NODATA, ["metrics.om", "line 2", "no GPU metrics"], *self.snapshot(pods.replace("# EOF", "DCGM_FI_DEV_GPU_UTIL 7")))

    def jump(self, series, at, seconds):
        """From sample `at` on, the clock is that much later."""
        return [(n, l, v[:at] + [(t + seconds, x) for t, x in v[at:]]) for n, l, v in series]

    def test_clocks_that_jump_back(self):
        four_hours = faulty.fleet_series(T, 4 * HOUR)
        why = r"metrics\.om: line 242: times jump back from 2023-11-15T00:12:50Z to 2023-11-14T22:13:20Z.*leave it out with --from"
        self.partial("a part of the source", why, *self.snapshot(faulty.open_metrics(self.jump(four_hours, 240, -2 * HOUR))))
        packed = gzip.compress(faulty.open_metrics(self.jump(four_hours, 240, -2 * HOUR)).encode())
        self.partial("a part of the source", "times jump back", *self.snapshot(packed=packed))
        # too far back to be put in order: what comes after it in the file is not read
        long = faulty.open_metrics(self.jump(faulty.fleet_series(T, 48 * HOUR), 5000, -24 * HOUR))
        self.partial("a part of the source", r"metrics\.om: line 5\d\d\d: the times of one series go back from .*what stands before it was read",
                     *self.snapshot(long))
        # one node's clock
        self.partial("a part of the source", "times jump back",
                     *self.snapshot(faulty.open_metrics(self.jump(four_hours[:1], 240, -2 * HOUR) + four_hours[1:])))
        # the correction of a clock, and lines in another order, are no loss
        self.whole(*self.snapshot(faulty.open_metrics(self.jump(four_hours, 240, -40))))
        self.whole(*self.snapshot(faulty.open_metrics([(n, l, v[::-1]) for n, l, v in faulty.fleet_series(T)])))

    def test_clocks_that_jump_forward(self):
        """Between the two times nobody knows what was: it is unknown, not idle."""
        for seconds in (2 * HOUR, 365 * 24 * HOUR):
            report = self.snapshot(faulty.open_metrics(self.jump(faulty.fleet_series(T, 4 * HOUR), 240, seconds)))
            rc, out, _ = self.run_it(*report, "-o", "json")
            doc = json.loads(out)
            self.assertEqual(rc, 0)
            hours = doc["total"]["gpuHours"]
            self.assertAlmostEqual(hours["paid"], 4 + seconds / HOUR, 3)
            self.assertAlmostEqual(hours["unknown"], seconds / HOUR, 0)
            self.assertEqual(hours["idle"], 0)
            self.assertTrue(any("samples were missing" in u["what"] for u in doc["unknowns"]), doc["unknowns"])
        self.fails(WINDOW, ["longer than 5 years", "2023-11-14T22:13:20Z", "--from"],
                   *self.snapshot(faulty.open_metrics(self.jump(faulty.fleet_series(T, 4 * HOUR), 240, 6 * 365 * 24 * HOUR))))

    def test_times_that_cannot_be(self):
        for start, why in ((100, "1970-01-01.*before there were GPU metrics"), (-7200, "1969-12-31"),
                           (int(time.time()) + 365 * 24 * HOUR, "in the future.*set the clock")):
            self.partial("the times of the samples", why, *self.snapshot(faulty.open_metrics(faulty.fleet_series(start))))

    def test_unknown_prices(self):
        doc, _ = self.partial("price of instance type z9.huge", "--prices", *self.snapshot(faulty.open_metrics(faulty.fleet_series(T, instance="z9.huge"))))
        self.assertIsNone(doc["total"]["cost"]["bill"])

    def test_windows(self):
        report = self.snapshot()
        self.fails(WINDOW, ["outside of what the source holds", "2023-11-14T22:13:20Z to 2023-11-14T23:13:20Z"], *report, "--from", "2001-01-01", "--to", "2001-01-02")
        self.fails(WINDOW, ["empty", "where the source's data end"], *report, "--from", "2024-01-01")
        self.fails(WINDOW, ["empty"], *report, "--to", "2001-01-01")


# ---- the command line, files and streams ----


class CommandLine(Case):
    def test_windows(self):
        live = ("report", "--prometheus", CLOSED, "--no-kubernetes")
        for args, code, parts in (
                (("--from", "now-1h", "--to", "now-2h"), WINDOW, ["empty", "--from must be before --to"]),
                (("--from", "2026-01-01", "--to", "2026-01-01"), WINDOW, ["empty"]), (("--from", "2099-01-01"), WINDOW, ["in the future", "clock"]),
                (("--from", "2099-01-01", "--to", "2099-01-02"), WINDOW, ["in the future", "clock"]), (("--to", "2099-01-01"), WINDOW, ["in the future"]),
                (("--from", "1990-01-01"), WINDOW, ["longer than 5 years", "--from"]), (("--window", "99999999d"), WINDOW, ["longer than 5 years"]),
                (("--window", "0s"), USAGE, ["--window", "24h"]), (("--window", "-1h"), USAGE, ["--window"]), (("--window", "soon"), USAGE, ["--window", "'soon'"]),
                (("--window", "1e400h"), USAGE, ["--window"]), (("--from", "yesterday"), USAGE, ["--from", "'yesterday'", "now-24h"]),
                (("--to", "25:00"), USAGE, ["--to", "'25:00'"]), (("--from", "2026-02-30"), USAGE, ["--from"]), (("--from", "9" * 20), USAGE, ["--from"]),
                (("--window", "1h", "--from", "now-1h", "--to", "now"), USAGE, ["give two of them"])):
            with self.subTest(args=args):
                self.fails(code, parts, *live, *args)

    def test_words(self):
        demo = ("report", "--demo")
        for args, code, parts in (
                (("reprot",), USAGE, ["'reprot'", "did you mean 'report'"]), (("report", "--promethues", "x"), USAGE, ["did you mean '--prometheus'"]),
                (("report",), USAGE, ["--prometheus URL", "--snapshot", "--demo"]), (demo + ("extra",), USAGE, ["'extra'", "--help"]),
                (demo + ("--by", "colour"), USAGE, ["'colour'", "namespace"]), (demo + ("--by", "team,,pod"), USAGE, ["--by", "empty name"]),
                (demo + ("--by", "team,pod,team"), USAGE, ["--by", "'team' twice"]), (demo + ("--by",), USAGE, ["--by wants"]),
                (demo + ("--sort-by", "colour"), USAGE, ["'colour'", "bill"]), (demo + ("-l", "a in ("), USAGE, ["character 7", "name in (a,b)"]),
                (demo + ("-l", "=x"), USAGE, ["character 1"]), (demo + ("-o", "xml"), USAGE, ["'xml'", "json"]),
                (demo + ("--snapshot", "x"), USAGE, ["not both"]), (demo + ("--strict=maybe",), USAGE, ["'maybe'", "true or false"]),
                (demo + ("--concurrency", "0"), USAGE, ["--concurrency", "1 to 16"]), (demo + ("--retries", "99"), USAGE, ["--retries", "0 to 10"]),
                (demo + ("--timeout", "soon"), USAGE, ["--timeout", "'soon'"]), (demo + ("--discount", "200"), USAGE, ["--discount"]),
                (("report", "--prometheus", CLOSED, "--prometheus-matcher", "a=="), USAGE, ["matchers 'a=='", "character 3"]),
                (("report", "--prometheus", CLOSED, "--prometheus-token", "a", "--prometheus-token-file", "b"), USAGE, ["not both"]),
                (("report", "--prometheus", CLOSED, "--prometheus-token", SECRET + "\nx"), USAGE, ["bearer token", "byte %d" % (len(SECRET) + 1)]),
                (("report", "--prometheus", CLOSED, "--prometheus-header", "X-Key " + SECRET), USAGE, ["NAME: VALUE"]),
                (("report", "--prometheus", CLOSED, "--prometheus-user", "me"), USAGE, ["GPUWISE_PROMETHEUS_PASSWORD"]),
                (("record",), USAGE, ["wants DIR"]), (("explain", "no-such-thing", "--demo"), NOTFOUND, ["'no-such-thing'"]),
                (("price", "no-such-gpu"), NOTFOUND, ["no-such-gpu", "H200"])):
            with self.subTest(args=args):
                self.fails(code, parts, *args)
        self.fails(USAGE, ["GPUWISE_RETRIES", "'many'"], "report", "--demo", env={"GPUWISE_RETRIES": "many"})

    def prices(self, text, name="prices.csv"):
        return "report", "--snapshot", self.snapshot, "--prices", self.write(name, text)

    def test_price_files(self):
        self.snapshot = faulty.write_snapshot(self.path("snapshot"))
        head = "instance_type,region,capacity,hourly_usd\n"
        row = "x,us-east-1,on-demand,1.0\n"
        for text, parts in (
                ("", ["prices.csv", "empty"]), ("a,b\n1,2\n", ["prices.csv:1:1", "hourly_usd"]), ("<html><body>404</body></html>\n", ["prices.csv:1:1"]),
                (head + row + "y,us-east-1,on-demand,much\n", ["prices.csv:3:", "much"]), (head + row + row + "y,,on-demand,-3\n", ["prices.csv:4:"]),
                (head + "x,,whenever,1\n", ["prices.csv:2:", "whenever"]), (head + row + '"y,,on-demand,1\n', ["prices.csv:3:"]),
                (head + "x,,on-demand,nan\n", ["prices.csv:2:"]), (head + "x,,on-demand,1e300\n", ["prices.csv:2:"]),
                (head + "x,,on-demand,1,200.50\n", ["prices.csv:2:16", "quotes"])):
            with self.subTest(text=text):
                self.fails(CONFIG, parts, *self.prices(text))
        for text, parts in (("prices: [", ["prices.yaml:2:1"]), ("prices: 5\n", ["prices.yaml:1:9", "must be a list"]),
                            ("prcies: []\n", ["prices.yaml:1:", '"prcies" is no field']), ("prices:\n\t- a\n", ["prices.yaml:2:1", "tab"])):
            with self.subTest(text=text):
                self.fails(CONFIG, parts, *self.prices(text, "prices.yaml"))
        self.fails(IO, ["/nonexistent"], "report", "--snapshot", self.snapshot, "--prices", "/nonexistent")
        self.fails(IO, ["Is a directory"], "report", "--snapshot", self.snapshot, "--prices", self.dir)

    def test_files_that_cannot_be_read(self):
        live = ("report", "--prometheus", CLOSED, "--no-kubernetes")
        self.fails(IO, ["token file", "/proc/self/mem"], *live, "--prometheus-token-file", "/proc/self/mem")
        self.fails(IO, ["/proc/self/mem", "Input/output error"], "report", "--demo", "--prices", "/proc/self/mem")
        self.fails(IO, ["/nonexistent"], *live, "--prometheus-user", "me", "--prometheus-password-file", "/nonexistent")
        os.chmod(self.dir, 0o755)
        secret = self.write("closed", SECRET)
        os.chmod(secret, 0)
        somebody = {"user": 65534, "group": 65534} if os.geteuid() == 0 else {}
        try:
            usable = subprocess.run([GPUWISE, "version"], stdout=subprocess.DEVNULL, **somebody).returncode == 0
        except PermissionError:
            usable = False
        if not usable:
            self.skipTest("nobody may not run " + GPUWISE)
        for option in ("--prometheus-token-file", "--prometheus-ca", "--prices", "--kubeconfig"):
            self.fails(IO, [secret, "Permission denied"], "report", "--prometheus", CLOSED, option, secret, **somebody)
        closed = faulty.write_snapshot(self.path("closed-snapshot"))
        os.chmod(closed + "/metrics.om", 0)
        self.fails(IO, ["metrics.om", "Permission denied"], "report", "--snapshot", closed, **somebody)
        self.fails(IO, [self.dir, "Permission denied"], "record", self.path("new"), "--snapshot", faulty.write_snapshot(self.path("open")), **somebody)

    def test_huge_files(self):
        huge = self.write("huge", "")
        try:
            os.truncate(huge, 60 << 30)
        except OSError as e:
            self.skipTest("no sparse file of 60 GiB here: %s" % e)
        for option, code in (("--prices", LIMIT), ("--kubeconfig", LIMIT), ("--prometheus-ca", IO), ("--prometheus-token-file", IO)):
            self.fails(code, [huge, "larger than"], "report", "--prometheus", CLOSED, option, huge)
        self.fails(LIMIT, [huge, "larger than"], "report", "--prometheus", CLOSED, "--prometheus-user", "me", "--prometheus-password-file", huge)
        snapshot = faulty.write_snapshot(self.path("huge-snapshot"))
        os.truncate(snapshot + "/metrics.om", 60 << 30)
        self.partial("a part of the source", "metrics.om: line .*longer than a mebibyte", "report", "--snapshot", snapshot)

    def test_small_files_that_grow(self):
        """Aliases of aliases, brackets in brackets: bounded, and said."""
        report = ("report", "--snapshot", faulty.write_snapshot(self.path("grow"), nodes="[" * 1_000_000))
        self.partial("a part of the source", r"nodes\.json.*nested more than 60 deep", *report)
        os.remove(self.path("grow/nodes.json"))
        names = "abcdefghijk"
        bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join("%s: &%s [%s]\n" % (b, b, ",".join(["*" + a] * 10)) for a, b in zip(names, names[1:]))
        for option in ("--kubeconfig", "--prices"):
            self.fails(LIMIT, ["bomb.yaml:6:", "aliases"], *report, option, self.write("bomb.yaml", bomb))

    def test_standard_output(self):
        snapshot = faulty.write_snapshot(self.path("snapshot"), open_metrics_with_unknown_price())
        report = ("report", "--snapshot", snapshot)
        for args in (report, report + ("--strict",), ("report", "--help"), ("version",), ("completion", "bash"), ("price", "t4")):
            with open("/dev/full", "w") as full:
                self.fails(IO, ["standard output", "No space left"], *args, stdout=full)
        reader, writer = os.pipe()
        os.close(reader)
        self.assertEqual(self.run_it(*report, stdout=writer), (0, "", ""))  # a reader that went away
        rc, _, err = self.run_it(*report, "--strict", stdout=writer)
        os.close(writer)
        self.assertEqual(rc, PARTIAL)

    def test_closed_streams(self):
        """What is opened must not take the place of a closed standard output: the report would go there."""
        s = self.serve(faulty.prometheus(recent()))
        report = ("report", "--prometheus", s.url, "--no-kubernetes", "--window", "1h")
        self.fails(IO, ["standard output", "Bad file descriptor"], *report, stdout=None, preexec_fn=lambda: os.close(1))
        self.assertEqual({x[0] for x in s.seen}, {"GET", "POST"})
        self.assertEqual([x for x in s.seen if not x[1].startswith("/api/v1/")], [])
        p = subprocess.run([GPUWISE, "report", "--demo"], stdout=subprocess.PIPE, env=CLEAN, timeout=SECONDS, preexec_fn=lambda: (os.close(0), os.close(2)))
        self.assertEqual(p.returncode, 0)
        self.assertIn(b"sample fleet", p.stdout)

    def test_memory(self):
        def limit(mib):
            return lambda: resource.setrlimit(resource.RLIMIT_AS, (mib << 20, mib << 20))
        if subprocess.run([GPUWISE, "version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=limit(64)).returncode:
            self.skipTest("this build (a sanitizer's?) does not even start in 64 MiB")
        for mib in (64, 160):
            with self.subTest(mib=mib):
                self.fails(MEMORY, ["out of memory", "give the process more"], "report", "--demo", "--nodes", "2000", "--window", "1d", preexec_fn=limit(mib))

    def test_strict(self):
        whole = ("report", "--snapshot", faulty.write_snapshot(self.path("whole")))
        self.whole(*whole)
        part = ("--snapshot", faulty.write_snapshot(self.path("part"), open_metrics_with_unknown_price()))
        for o in ("table", "wide", "json", "yaml", "csv", "html"):
            rc, out, err = self.run_it("report", *part, "--strict", "-o", o)
            self.assertEqual((rc, bool(out), "--strict" in err), (PARTIAL, True, True), err)
            self.assertEqual(self.run_it("report", *part, "-o", o), (0, out, ""))
        self.assertEqual(self.run_it("explain", NODE, *part, "--strict")[0], PARTIAL)
        self.assertEqual(self.run_it("explain", NODE, *part)[0], 0)
        self.assertEqual(self.run_it("report", *part, env={"GPUWISE_STRICT": "true"})[0], PARTIAL)
        self.assertEqual(self.run_it("report", *part, "--strict=false", env={"GPUWISE_STRICT": "true"})[0], 0)
        # what fails fails as it would without
        self.fails(CONNECT, "refused", "report", "--prometheus", CLOSED, "--no-kubernetes", "--strict")


def open_metrics_with_unknown_price():
    return faulty.open_metrics(faulty.fleet_series(T, instance="z9.huge"))


if __name__ == "__main__":
    unittest.main()
