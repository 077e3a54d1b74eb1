"""Alerts to real receivers on loopback: a real Alertmanager, a real SMTP server (aiosmtpd), and doubles of Slack, PagerDuty and a webhook
that check what those services document. The engine runs with its real delivery and a real SQLite store, driven through drivers/alerts.c.
"""
import email, email.policy, hashlib, hmac, http.server, json, os, random, re, shutil, signal, subprocess, sys, tempfile, threading, time, unittest
import urllib.request

import servers

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("GW_BUILD", os.path.join(ROOT, "build"))
DRIVER = os.path.join(BUILD, "tests", "integration", "alerts")
SECRET_PATH = "/services/T0AAAAAAA/B0BBBBBBB/s3cr3tS3cr3ts3cr3t"
ROUTING_KEY = "0123456789abcdef0123456789abcdef"


class Receiver:
    """An HTTP server that keeps what it is sent. replies: (status, headers, seconds of delay) for the next requests; then `usual`."""

    def __init__(self, usual=200, check=None):
        self.requests, self.replies, self.problems = [], [], []
        self.usual, self.check, self.on_request = usual, check, None
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append((self.path, dict(self.headers), body))
                if outer.on_request:
                    outer.on_request(len(outer.requests))
                status, headers, delay = outer.replies.pop(0) if outer.replies else (outer.usual, {}, 0)
                if status < 300 and outer.check:
                    problem = outer.check(self, json.loads(body))
                    if problem:
                        outer.problems.append(problem)
                        status = 400
                time.sleep(delay)
                text = b"ok" if status < 300 else b'{"error":"because %s"}' % self.path.encode()
                try:
                    self.send_response(status)
                    for k, v in headers.items():
                        self.send_header(k, v)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)
                except OSError:
                    pass

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, request, client_address):
                pass  # a client that is killed

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def bodies(self):
        return [json.loads(b) for _, _, b in self.requests]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Engine:
    """drivers/alerts as a process; a line in, a line out."""

    def __init__(self, store, *routes):
        env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        self.process = subprocess.Popen([DRIVER, "sqlite:" + store, *[",".join("%s=%s" % kv for kv in r) for r in routes]],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, text=True, bufsize=1)
        self.first = self.process.stdout.readline().strip()

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def event(self, key, severity="warning", resolved=False, text="80 % of nlp’s budget is spent", kind="budget-threshold"):
        return self.say("event %s %s %s %s %s" % (key, kind, severity, "resolved" if resolved else "firing", text))

    def status(self, i=0):
        return json.loads(self.say("status"))[i]

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def stop(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(30)
            self.process.stdout.close()
        return self.process.returncode


# ---- what the services document ----


def slack_problem(_, m):
    """https://api.slack.com/reference/block-kit/blocks: kinds of block, their texts and bounds."""
    if not isinstance(m.get("text"), str) or not m["text"]:
        return "no text"
    if len(m["text"]) > 40000 or len(m.get("blocks", [])) > 50:
        return "too much"
    for b in m["blocks"]:
        if b["type"] == "header":
            if b["text"]["type"] != "plain_text" or not 1 <= len(b["text"]["text"]) <= 150:
                return "header %r" % b
        elif b["type"] == "section":
            if b["text"]["type"] != "mrkdwn" or not 1 <= len(b["text"]["text"]) <= 3000:
                return "section %r" % b
        elif b["type"] == "context":
            if not 1 <= len(b["elements"]) <= 10 or any(x["type"] != "mrkdwn" or not x["text"] for x in b["elements"]):
                return "context %r" % b
        else:
            return "block of type %r" % b["type"]
        if set(b) - {"type", "text", "elements", "block_id"}:
            return "a field that is none: %r" % b
    return None


def pagerduty_problem(handler, m):
    """https://developer.pagerduty.com/docs/events-api-v2: required fields, their bounds, nothing else."""
    if handler.path != "/v2/enqueue":
        return "path " + handler.path
    known = {"routing_key", "event_action", "dedup_key", "payload", "images", "links", "client", "client_url"}
    if set(m) - known or m.get("routing_key") != ROUTING_KEY or len(m["routing_key"]) != 32:
        return "fields or key"
    if m["event_action"] not in ("trigger", "resolve") or not 1 <= len(m["dedup_key"].encode()) <= 255:
        return "action or dedup_key"
    p = m["payload"]
    if set(p) - {"summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"}:
        return "fields of the payload"
    if not 1 <= len(p["summary"]) <= 1024 or not p["source"] or p["severity"] not in ("critical", "error", "warning", "info"):
        return "payload"
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", p["timestamp"]):
        return "timestamp " + p["timestamp"]
    return None


def has_aiosmtpd():
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            if subprocess.run([python, "-c", "import aiosmtpd"], stderr=subprocess.DEVNULL, timeout=30).returncode == 0:
                return python
        except OSError:
            pass
    return None


class Case(unittest.TestCase):
    def setUp(self):
        if not os.access(DRIVER, os.X_OK):
            self.skipTest("SKIPPED, NOT TESTED: %s is not built" % DRIVER)
        self.dir = tempfile.mkdtemp(prefix="gw-alerts-")
        self.addCleanup(shutil.rmtree, self.dir, True)
        self.store = os.path.join(self.dir, "gpuwise.db")

    def file(self, name, text):
        path = os.path.join(self.dir, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(text)
        return path

    def receiver(self, *args, **kw):
        r = Receiver(*args, **kw)
        self.addCleanup(r.stop)
        return r

    def engine(self, *routes):
        e = Engine(self.store, *routes)
        self.addCleanup(e.stop)
        self.assertEqual(e.first, "ready")
        return e

    def slack(self, r, **more):
        return [("type", "slack"), ("name", "ops"), ("secretFile", self.file("slack", r.url + SECRET_PATH + "\n")), *more.items()]


class Slack(Case):
    def test_message(self):
        r = self.receiver(check=slack_problem)
        e = self.engine(self.slack(r))
        self.assertEqual(e.event("k", text="<!channel> cost & waste"), "ok")
        self.assertEqual(e.event("k"), "ok")
        self.assertEqual(e.say("turn"), "ok")
        e.event("k")
        e.say("skip 1500")
        e.say("turn")
        self.assertEqual(r.problems, [])
        self.assertEqual([p for p, _, _ in r.requests], [SECRET_PATH])  # to the letter, and once
        self.assertEqual(r.requests[0][1]["Content-Type"], "application/json")
        e.event("k", resolved=True)
        e.say("turn")
        self.assertIn("resolved", r.bodies()[1]["text"])
        self.assertEqual(e.status()["open"], 0)

    def test_nobody_is_called(self):
        r = self.receiver(check=slack_problem)
        e = self.engine(self.slack(r))
        e.event("k", text="<!channel> cost & waste")
        e.say("turn")
        text = json.dumps(r.bodies()[0], ensure_ascii=False)
        self.assertNotIn("<!", text)
        self.assertIn("&lt;!channel&gt; cost &amp; waste", text)

    def test_thousand_at_once(self):
        r = self.receiver(check=slack_problem)
        e = self.engine(self.slack(r))
        self.assertEqual(e.say("many 1000 warning"), "ok")
        e.say("turn")
        self.assertEqual(len(r.requests), 1)
        self.assertIn("1000 alerts: 1000 warning", r.bodies()[0]["text"])
        self.assertIn("and 980 more", json.dumps(r.bodies()[0]))
        self.assertEqual(e.status()["sent"], 1000)
        self.assertEqual(e.status()["queued"], 0)

    def test_digest(self):
        r = self.receiver(check=slack_problem)
        e = self.engine(self.slack(r, digestMs=3600000))
        e.say("many 50 warning")
        e.event("fire", severity="critical")
        e.say("turn")
        self.assertEqual([len(b["blocks"]) for b in r.bodies()], [2])  # the critical one, and the line below it
        e.say("skip 3600000")
        e.say("turn")
        self.assertIn("50 alerts", r.bodies()[1]["text"])

    def test_retry_after(self):
        r = self.receiver(check=slack_problem)
        r.replies = [(429, {"Retry-After": "47"}, 0)]
        e = self.engine(self.slack(r))
        e.event("k")
        self.assertEqual(e.say("turn"), "ok")
        s = e.status()
        self.assertEqual((s["health"], s["failed"], s["queued"]), ("retrying", 1, 1))
        self.assertTrue(46000 <= s["waitMs"] <= 47000, s)
        self.assertIn("429", s["why"])
        e.say("skip 40000")
        e.say("turn")
        self.assertEqual(len(r.requests), 1)
        e.say("skip 7100")
        e.say("turn")
        self.assertEqual((len(r.requests), e.status()["health"], e.status()["queued"]), (2, "ok", 0))

    def test_secret_is_not_told(self):
        r = self.receiver()
        for reply in ((404, {}, 0), (500, {}, 0), (403, {}, 0), (302, {"Location": "http://127.0.0.1:1" + SECRET_PATH}, 0)):
            r.replies = [reply]
            e = Engine(os.path.join(self.dir, "db-%d" % reply[0]), self.slack(r))
            e.event("k")
            e.say("turn")
            s = e.status()
            self.assertEqual(s["failed"], 1, s)
            self.assertNotRegex(json.dumps(s), "s3cr3t|T0AAAAAAA|B0BBBBBBB")
            e.stop()
        e = Engine(self.store, [("type", "slack"), ("secretFile", self.file("s", "httpx://127.0.0.1:1" + SECRET_PATH))])
        self.assertTrue(e.first.startswith("error 12 "), e.first)
        self.assertNotIn("s3cr3t", e.first)
        e.stop()

    def test_secret_is_read_anew(self):
        a, b = self.receiver(check=slack_problem), self.receiver(check=slack_problem)
        e = self.engine(self.slack(a))
        e.event("k")
        e.say("turn")
        self.file("slack", b.url + SECRET_PATH)
        e.event("m")
        e.say("drain")
        self.assertEqual((len(a.requests), len(b.requests)), (1, 1))
        os.unlink(os.path.join(self.dir, "slack"))
        e.event("n")
        e.say("skip 2000")
        e.say("turn")
        self.assertIn("cannot be opened", e.status()["why"])


class Webhook(Case):
    def route(self, r, **more):
        return [("type", "webhook"), ("url", r.url + "/hook/?team=a%20b"), ("secretFile", self.file("key", "signing-key")), *more.items()]

    def test_signature(self):
        r = self.receiver()
        e = self.engine(self.route(r))
        e.event("k")
        e.say("turn")
        path, headers, body = r.requests[0]
        self.assertEqual(path, "/hook/?team=a%20b")
        t, v1 = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", headers["X-Gpuwise-Signature"]).groups()
        self.assertLess(abs(int(t) - time.time()), 60)
        self.assertEqual(v1, hmac.new(b"signing-key", t.encode() + b"." + body, hashlib.sha256).hexdigest())
        m = json.loads(body)
        self.assertEqual((m["version"], m["cluster"], m["alerts"][0]["status"]), (1, "prod-eu", "firing"))
        self.assertEqual(m["alerts"][0]["details"], {"team": "nlp", "spent": "9,600.12 USD"})

    def test_server_errors_and_timeouts(self):
        r = self.receiver()
        r.replies = [(500, {}, 0), (503, {"Retry-After": "8"}, 0), (200, {}, 4), (200, {}, 0)]
        e = self.engine(self.route(r))
        e.event("k")
        for wait in (5000, 10000, 20000):
            started = time.time()
            e.say("turn")
            self.assertLess(time.time() - started, 4)
            s = e.status()
            self.assertEqual((s["health"], s["queued"]), ("retrying", 1))
            self.assertTrue(wait / 2 - 1000 <= s["waitMs"] <= wait, (wait, s))
            e.say("skip 20000")
        self.assertIn("2000 ms", s["why"])  # the timeout
        e.say("turn")
        s = e.status()
        self.assertEqual((s["health"], s["queued"], s["failed"], s["sent"]), ("ok", 0, 3, 1))

    def test_outage(self):
        port = servers.free_port()
        e = self.engine([("type", "webhook"), ("url", "http://127.0.0.1:%d/" % port)])
        e.say("many 1000 warning")
        for _ in range(6):
            e.say("turn")
            e.say("skip 600000")
        s = e.status()
        self.assertEqual((s["health"], s["queued"], s["failed"], s["dropped"]), ("open", 1000, 6, 0))
        self.assertIn("refused", s["why"])
        r = Receiver()
        self.addCleanup(r.stop)
        e.stop()
        # the same queue, and the receiver is there
        e = self.engine([("type", "webhook"), ("url", r.url)])
        e.say("turn")
        keys = [a["key"] for m in r.bodies() for a in m["alerts"]]
        self.assertEqual((len(keys), len(set(keys)), len(r.requests)), (1000, 1000, 10))

    def test_killed_in_the_middle(self):
        """Killed at any moment, restarted: everything comes, nothing more often than once for each kill and once more."""
        rng = random.Random(4)
        for _ in range(8):
            r = self.receiver()
            self.store = os.path.join(self.dir, "db-%d" % r.server.server_address[1])
            route = [("type", "webhook"), ("url", r.url)]
            e = self.engine(route)
            self.assertEqual(e.say("many 400 warning"), "ok")  # taken: from here on nothing may be lost
            victim, at = e.process, rng.randrange(1, 5)
            delay = rng.random() * 0.05
            r.on_request = lambda n, p=victim, at=at, delay=delay: n == at and (time.sleep(delay), p.kill())
            e.process.stdin.write("turn\n")
            e.process.stdin.flush()
            e.process.wait(30)
            e.kill()
            e = self.engine(route)
            e.say("drain")
            self.assertEqual(e.status()["queued"], 0)
            keys = [a["key"] for m in r.bodies() for a in m["alerts"]]
            self.assertEqual(set(keys), {"many/%d" % i for i in range(400)})
            self.assertLessEqual(max(keys.count(k) for k in set(keys)), 2)
            before = len(r.requests)
            e.say("turn")
            e.stop()
            self.assertEqual(len(r.requests), before)

    def test_killed_while_taking(self):
        """What was answered with ok is there after the kill, to the last event."""
        r = self.receiver()
        route = [("type", "webhook"), ("url", r.url)]
        for i in range(5):
            e = self.engine(route)
            self.assertEqual(e.event("k%d" % i), "ok")
            e.kill()
        e = self.engine(route)
        e.say("turn")
        self.assertEqual({a["key"] for m in r.bodies() for a in m["alerts"]}, {"k%d" % i for i in range(5)})

    def test_refused(self):
        """One alert that the receiver does not take does not hold up the others."""
        r = self.receiver(check=lambda _, m: "no" if any(a["key"] == "bad" for a in m["alerts"]) else None)
        e = self.engine([("type", "webhook"), ("url", r.url)])
        for key in ("a", "bad", "c"):
            e.event(key)
        for _ in range(6):
            e.say("turn")
            e.say("skip 20000")
        s = e.status()
        self.assertEqual((s["sent"], s["queued"]), (2, 1))


class PagerDuty(Case):
    def route(self, r):
        return [("type", "pagerduty"), ("url", r.url), ("secretFile", self.file("pd", ROUTING_KEY))]

    def test_trigger_and_resolve(self):
        r = self.receiver(usual=202, check=pagerduty_problem)
        e = self.engine(self.route(r))
        e.event("k")
        e.say("turn")
        e.event("k", resolved=True)
        e.say("drain")
        self.assertEqual(r.problems, [])
        self.assertEqual([b["event_action"] for b in r.bodies()], ["trigger", "resolve"])
        self.assertEqual(len({b["dedup_key"] for b in r.bodies()}), 1)

    def test_pace(self):
        r = self.receiver(usual=202, check=pagerduty_problem)
        e = self.engine(self.route(r))
        e.say("many 5 error")
        started = time.time()
        e.say("drain")
        self.assertEqual((len(r.requests), r.problems), (5, []))
        self.assertGreater(time.time() - started, 1.9)  # two a second

    def test_wrong_key(self):
        r = self.receiver()
        r.replies = [(400, {}, 0)] * 3
        e = self.engine(self.route(r))
        e.event("k")
        e.say("turn")
        s = e.status()
        self.assertEqual((s["queued"], s["failed"]), (1, 1))  # it waits for the right one
        self.assertNotIn(ROUTING_KEY, json.dumps(s))
        self.assertIn("400", s["why"])


class Alertmanager(Case):
    def setUp(self):
        super().setUp()
        binary = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
        if not binary:
            self.skipTest("SKIPPED, NOT TESTED: prometheus-alertmanager is not installed")
        self.am = servers.Servers("gw-am-")
        self.addCleanup(self.am.stop)
        port = servers.free_port()
        self.url = "http://127.0.0.1:%d" % port
        config = self.am.write("am.yml", "route: {receiver: none}\nreceivers: [{name: none}]\n")
        self.am.spawn("alertmanager", [binary, "--config.file=" + config, "--storage.path=" + self.am.path("data"),
                                       "--web.listen-address=127.0.0.1:%d" % port, "--cluster.listen-address="])
        self.am.wait_for("alertmanager", lambda: urllib.request.urlopen(self.url + "/-/ready", timeout=5).status == 200, 30)

    def alerts(self):
        """Those that are active now."""
        with urllib.request.urlopen(self.url + "/api/v2/alerts?active=true", timeout=10) as f:
            return json.load(f)

    def test_fires_and_resolves(self):
        e = self.engine([("type", "alertmanager"), ("url", self.url)])
        e.event("k", severity="error")
        self.assertEqual(e.say("turn"), "ok")
        self.assertEqual(e.status()["health"], "ok", e.status())
        a, = self.alerts()
        self.assertEqual(a["labels"], {"alertname": "GpuwiseBudgetThreshold", "severity": "error", "kind": "budget-threshold",
                                       "gpuwise_key": "k", "cluster": "prod-eu", "team": "nlp"})
        self.assertEqual(a["annotations"], {"summary": "80 % of nlp’s budget is spent", "spent": "9,600.12 USD"})
        self.assertEqual(a["generatorURL"], "http://127.0.0.1:9797/")
        first = a["endsAt"]
        e.say("skip 300000")  # said again, valid for longer; still the same alert
        e.say("turn")
        a, = self.alerts()
        self.assertGreater(a["endsAt"], first)
        e.say("skip -300000")
        time.sleep(1.1)
        e.event("k", severity="info", resolved=True)
        e.say("turn")
        deadline = time.time() + 10
        while self.alerts() and time.time() < deadline:
            time.sleep(0.2)
        self.assertEqual(self.alerts(), [])

    def test_thousand_at_once(self):
        e = self.engine([("type", "alertmanager"), ("url", self.url)])
        e.say("many 1000 warning")
        e.say("turn")
        self.assertEqual(e.status()["sent"], 1000, e.status())
        self.assertEqual(len({a["labels"]["gpuwise_key"] for a in self.alerts()}), 1000)


class Mail(Case):
    def setUp(self):
        super().setUp()
        self.python = has_aiosmtpd()
        if not self.python:
            self.skipTest("SKIPPED, NOT TESTED: python3-aiosmtpd is not installed")
        self.processes = servers.Servers("gw-mail-")
        self.addCleanup(self.processes.stop)
        self.ca, self.key = self.processes.path("c.pem"), self.processes.path("k.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=mail", "-addext",
                        "subjectAltName=IP:127.0.0.1", "-keyout", self.key, "-out", self.ca], check=True, timeout=60,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def server(self, *args):
        self.port = servers.free_port()
        self.processes.spawn("smtp", [self.python, os.path.join(HERE, "smtp_double.py"), str(self.port), *args])
        self.processes.wait_for("smtp", lambda: "ready" in self.processes.log("smtp"), 30)

    def mails(self):
        with open(self.processes.path("smtp.log")) as f:
            return [json.loads(line) for line in f if line.startswith("{")]

    def route(self, **more):
        return [("type", "email"), ("url", "smtp://127.0.0.1:%d" % self.port), ("from", "Gpuwise <gpuwise@example.org>"),
                ("to", "a@example.org"), ("to", "b@example.org"), *more.items()]

    def test_tls_and_login(self):
        self.server("--tls", self.ca, self.key, "--login", "mailer", "p4ssw0rd-of-mail")
        e = self.engine(self.route(caFile=self.ca, username="mailer", secretFile=self.file("p", "p4ssw0rd-of-mail")))
        e.event("k", text="80 % of nlp’s budget is spent: 9,600.12 USD of 12,000.00 USD, sooner than it was planned")
        e.event("m", severity="critical", text="B")
        self.assertEqual(e.say("turn"), "ok")
        self.assertEqual(e.status()["health"], "ok", e.status())
        got, = self.mails()
        self.assertEqual((got["from"], got["to"]), ("gpuwise@example.org", ["a@example.org", "b@example.org"]))
        self.assertTrue(got["tls"] and got["login"])
        m = email.message_from_string(got["text"], policy=email.policy.default)
        self.assertEqual([d for d in m.defects], [])
        self.assertEqual(m["Subject"], "[gpuwise prod-eu] 2 alerts: 1 critical, 1 warning")
        self.assertEqual([a.addr_spec for a in m["To"].addresses], ["a@example.org", "b@example.org"])
        self.assertEqual((m["From"].addresses[0].display_name, m["From"].addresses[0].addr_spec), ("Gpuwise", "gpuwise@example.org"))
        self.assertEqual(m["Auto-Submitted"], "auto-generated")
        self.assertLess(abs(m["Date"].datetime.timestamp() - time.time()), 60)
        body = m.get_content()
        self.assertIn("80 % of nlp’s budget is spent: 9,600.12 USD of 12,000.00 USD", body)
        self.assertLess(body.index("critical: B"), body.index("warning: 80 %"))

    def test_one_alert_in_the_subject(self):
        self.server()
        e = self.engine(self.route(tls="none"))
        e.event("k", text="80 % of nlp’s budget is spent: 9,600.12 USD of 12,000.00 USD, sooner than it was planned")
        e.say("turn")
        m = email.message_from_string(self.mails()[0]["text"], policy=email.policy.default)
        self.assertEqual(m["Subject"], "[gpuwise prod-eu] warning: 80 % of nlp’s budget is spent: 9,600.12 USD of 12,000.00 USD, "
                                       "sooner than it was planned")

    def test_wrong_password(self):
        self.server("--tls", self.ca, self.key, "--login", "mailer", "right-password")
        e = self.engine(self.route(caFile=self.ca, username="mailer", secretFile=self.file("p", "wr0ng-password")))
        e.event("k")
        e.say("turn")
        s = e.status()
        self.assertEqual((s["queued"], s["health"]), (1, "retrying"))
        self.assertIn("refuses the login", s["why"])
        self.assertNotIn("wr0ng", json.dumps(s))

    def test_no_tls_offered(self):
        self.server()
        e = self.engine(self.route())
        e.event("k")
        e.say("turn")
        self.assertIn("does not offer STARTTLS", e.status()["why"])
        self.assertEqual(self.mails(), [])

    def test_untrusted(self):
        self.server("--tls", self.ca, self.key)
        e = self.engine(self.route())
        e.event("k")
        e.say("turn")
        self.assertIn("TLS fails", e.status()["why"])
        self.assertEqual(self.mails(), [])

    def test_refused_and_gone(self):
        self.server("--refuse", "451 greylisted")
        e = self.engine(self.route(tls="none"))
        e.event("k")
        e.say("turn")
        self.assertIn("451 greylisted", e.status()["why"])
        self.processes.stop()
        e.say("skip 60000")
        e.say("turn")
        self.assertIn("no connection", e.status()["why"])
        self.assertEqual(e.status()["queued"], 1)


class Daemon(Case):
    def test_budget_of_the_sample_fleet(self):
        """From the sample fleet's bill to a webhook: one alert for a budget of a dollar, and the route in /metrics."""
        r = self.receiver()
        port = servers.free_port()
        config = self.file("gpuwise.yaml", json.dumps({
            "cluster": "demo", "budgets": [{"name": "tiny", "amount": 1}],
            "alerts": {"routes": [{"type": "webhook", "url": r.url, "kinds": ["budget-*"]}]}}))
        d = servers.Servers("gw-alert-serve-")
        self.addCleanup(d.stop)
        d.spawn("serve", [os.path.join(BUILD, "gpuwise"), "serve", "--config", config, "--demo", "--listen", "127.0.0.1:%d" % port,
                          "--store", "sqlite:" + self.store])
        d.wait_for("an alert", lambda: len(r.requests) > 0, 90)
        alerts = [a for m in r.bodies() for a in m["alerts"]]
        reached = [a for a in alerts if a["kind"] == "budget-threshold"]
        self.assertEqual([(a["severity"], a["status"]) for a in reached], [("critical", "firing")], alerts)  # the highest threshold: the amount itself
        self.assertIn("tiny", reached[0]["summary"])
        metrics = urllib.request.urlopen("http://127.0.0.1:%d/metrics" % port, timeout=20).read().decode()
        self.assertIn('gpuwise_alert_route_up{route="webhook"} 1\n', metrics)
        self.assertRegex(metrics, r'gpuwise_alerts_sent_total\{route="webhook"\} [1-9]')
        self.assertIn('gpuwise_alerts_queued{route="webhook"} 0\n', metrics)


if __name__ == "__main__":
    unittest.main()
