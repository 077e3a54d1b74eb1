"""What `gpuwise export` gives to others, tried by those others: promtool checks and runs the rules, a real Prometheus that scrapes a sample of
the daemon's /metrics answers every query of the dashboard, terraform reads the budgets. What is not installed is skipped, loudly.
"""
import http.server, json, os, re, shutil, subprocess, tempfile, threading, time, unittest, urllib.parse, urllib.request

import yaml

import servers

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("GW_BUILD", os.path.join(ROOT, "build"))
GPUWISE = os.path.join(BUILD, "gpuwise")
BOOKS = os.path.join(BUILD, "tests", "integration", "books")

# What the daemon serves at /metrics.
METRICS = {
    "gpuwise_cost_dollars", "gpuwise_cost_dollars_total", "gpuwise_gpu_hours", "gpuwise_utilisation_ratio", "gpuwise_savings_dollars_monthly",
    "gpuwise_budget_spent_dollars", "gpuwise_budget_amount_dollars", "gpuwise_budget_forecast_dollars", "gpuwise_anomalies_open",
    "gpuwise_data_age_seconds", "gpuwise_last_closed_hour_timestamp_seconds", "gpuwise_turn_cpu_seconds_sum", "gpuwise_turn_cpu_seconds_count",
    "gpuwise_turns_total", "gpuwise_corrections_total", "gpuwise_http_requests_total", "gpuwise_http_request_seconds_bucket",
    "gpuwise_store_up", "gpuwise_source_up", "gpuwise_build_info"}


def sample(n):
    """The n-th scrape of a daemon that sees two clusters."""
    out = []
    for c, k in (("prod-eu", 1), ("prod-us", 2)):
        for part, dollars in (("used", 40), ("wasted", 25), ("idle", 20), ("unknown", 5), ("overhead", 10)):
            out.append('gpuwise_cost_dollars{cluster="%s",part="%s"} %d' % (c, part, dollars * k))
            out.append('gpuwise_cost_dollars_total{cluster="%s",namespace="ml",team="nlp",part="%s"} %d' % (c, part, dollars * k * n))
            out.append('gpuwise_gpu_hours{cluster="%s",part="%s"} %d' % (c, part, k))
        out.append('gpuwise_utilisation_ratio{cluster="%s"} 0.%d' % (c, 3 * k))
        for kind in ("predicted_low", "predicted_high", "realised"):
            out.append('gpuwise_savings_dollars_monthly{cluster="%s",kind="%s"} 100' % (c, kind))
        out.append('gpuwise_anomalies_open{cluster="%s"} %d' % (c, k))
        out.append('gpuwise_corrections_total{cluster="%s"} %d' % (c, n))
    out += ['gpuwise_budget_spent_dollars{budget="nlp"} 9600', 'gpuwise_budget_amount_dollars{budget="nlp"} 12000']
    out += ['gpuwise_budget_forecast_dollars{budget="nlp",bound="%s"} %d' % b for b in (("low", 11000), ("mean", 12500), ("high", 14000))]
    out += ["gpuwise_data_age_seconds 42", "gpuwise_last_closed_hour_timestamp_seconds %d" % (time.time() // 3600 * 3600)]
    out += ["gpuwise_turn_cpu_seconds_sum %g" % (0.01 * n), "gpuwise_turn_cpu_seconds_count %d" % n]
    out += ['gpuwise_turns_total{result="ok"} %d' % n, 'gpuwise_http_requests_total{code="200"} %d' % n]
    out += ['gpuwise_http_request_seconds_bucket{le="%s"} %d' % (le, n) for le in ("0.01", "0.1", "+Inf")]
    out += ["gpuwise_store_up 1", "gpuwise_source_up 1", 'gpuwise_build_info{version="x"} 1']
    return "\n".join(out) + "\n"


def gpuwise(*args, code=0, env=None):
    p = subprocess.run([GPUWISE, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, env={**os.environ, **(env or {})})
    if p.returncode != code:
        raise AssertionError("gpuwise %s: exit %d\n%s" % (" ".join(args), p.returncode, p.stderr.decode()))
    return p.stdout.decode() if code == 0 else p.stderr.decode()


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="gw-exports-")
        self.addCleanup(shutil.rmtree, self.dir, True)

    def file(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def need(self, *programs):
        for p in programs:
            if not shutil.which(p):
                self.skipTest("SKIPPED, NOT TESTED: %s is not installed" % p)


class Rules(Case):
    def test_same_rules_in_each_format(self):
        rules = yaml.safe_load(gpuwise("export", "prometheus-rules", "--format", "rules"))
        thing = yaml.safe_load(gpuwise("export", "prometheus-rules", "--name", "costs", "-n", "monitoring", "--label", "release=x"))
        self.assertEqual(thing["metadata"], {"name": "costs", "namespace": "monitoring",
                                             "labels": {"app.kubernetes.io/name": "gpuwise", "release": "x"}})
        self.assertEqual((thing["apiVersion"], thing["kind"]), ("monitoring.coreos.com/v1", "PrometheusRule"))
        self.assertEqual(thing["spec"], rules)
        self.assertEqual(json.loads(gpuwise("export", "prometheus-rules", "--format", "json"))["spec"], rules)

    def test_promtool_takes_them(self):
        self.need("promtool")
        path = self.file("rules.yml", gpuwise("export", "prometheus-rules", "--format", "rules"))
        out = subprocess.run(["promtool", "check", "rules", "--lint=all", "--lint-fatal", path], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, timeout=60)
        self.assertEqual(out.returncode, 0, out.stdout.decode())

    def test_only_known_metrics(self):
        rules = yaml.safe_load(gpuwise("export", "prometheus-rules", "--format", "rules"))
        named = {r["record"] for g in rules["groups"] for r in g["rules"] if "record" in r}
        used = set()
        for g in rules["groups"]:
            for r in g["rules"]:
                used |= set(re.findall(r"\b[a-z_]*:?gpuwise_[a-z_]+(?::[a-z0-9]+)?", r["expr"]))
        self.assertEqual(used - METRICS - named, set())

    def run_rules(self, *tests):
        self.need("promtool")
        self.file("rules.yml", gpuwise("export", "prometheus-rules", "--format", "rules"))
        path = self.file("tests.yml", yaml.safe_dump({"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": list(tests)}))
        out = subprocess.run(["promtool", "test", "rules", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, cwd=self.dir)
        self.assertEqual(out.returncode, 0, out.stdout.decode())

    @staticmethod
    def alert(name, at, severity=None, summary=None, description=None, **labels):
        """An expectation; without severity: that it does not fire."""
        if severity is None:
            return {"eval_time": at, "alertname": name, "exp_alerts": []}
        return {"eval_time": at, "alertname": name,
                "exp_alerts": [{"exp_labels": {"severity": severity, **labels}, "exp_annotations": {"summary": summary, "description": description}}]}

    def test_budgets(self):
        series = [{"series": 'gpuwise_budget_amount_dollars{budget="nlp"}', "values": "1000x600"},
                  {"series": 'gpuwise_budget_spent_dollars{budget="nlp"}', "values": "400x9 500x9 850x9 960x9 1100x600"},
                  {"series": 'gpuwise_budget_forecast_dollars{budget="nlp",bound="mean"}', "values": "900x600"},
                  # an amount of nothing, and a budget whose amount nobody knows: no share, no alert
                  {"series": 'gpuwise_budget_amount_dollars{budget="none"}', "values": "0x600"},
                  {"series": 'gpuwise_budget_spent_dollars{budget="none"}', "values": "5x600"},
                  {"series": 'gpuwise_budget_spent_dollars{budget="unknown"}', "values": "5x600"}]
        text = "See what it went to: gpuwise report --window month, or the page Budgets of the dashboard."

        def spent(name, at, severity, percent):
            return self.alert(name, at, severity, percent + " of the budget nlp is spent", text, budget="nlp")

        tests = [self.alert("GpuwiseBudgetSpent50", "5m"),
                 spent("GpuwiseBudgetSpent50", "15m", "info", "50%"), self.alert("GpuwiseBudgetSpent80", "15m"),
                 spent("GpuwiseBudgetSpent80", "25m", "warning", "85%"), self.alert("GpuwiseBudgetSpent50", "25m"),
                 spent("GpuwiseBudgetSpent95", "35m", "critical", "96%"), self.alert("GpuwiseBudgetSpent80", "35m"),
                 spent("GpuwiseBudgetSpent95", "50m", "critical", "110%"), self.alert("GpuwiseBudgetForecast", "300m")]
        self.run_rules({"interval": "1m", "input_series": series, "alert_rule_test": tests})

    def test_forecast(self):
        series = [{"series": 'gpuwise_budget_amount_dollars{budget="b"}', "values": "1000x600"},
                  {"series": 'gpuwise_budget_spent_dollars{budget="b"}', "values": "300x299 1000x300"},
                  {"series": 'gpuwise_budget_forecast_dollars{budget="b",bound="mean"}', "values": "1200x600"},
                  {"series": 'gpuwise_budget_forecast_dollars{budget="b",bound="low"}', "values": "990x199 1050x400"}]
        likely = ("warning", "The budget b is likely to end at 120%",
                  "The forecast's mean for the end of the period is above the amount. gpuwise plan says what can be saved.")
        certain = ("critical", "The budget b will be exceeded unless something changes",
                   "Even the lower bound of the forecast, 105% of the amount, is above it.")
        self.run_rules({"interval": "1m", "input_series": series, "alert_rule_test": [
            self.alert("GpuwiseBudgetForecast", "60m"), self.alert("GpuwiseBudgetForecast", "150m", *likely, budget="b"),
            self.alert("GpuwiseBudgetForecastCertain", "190m"), self.alert("GpuwiseBudgetForecastCertain", "298m"),
            self.alert("GpuwiseBudgetForecast", "310m")]},
            {"interval": "1m", "input_series": series[:1] + [{"series": 'gpuwise_budget_spent_dollars{budget="b"}', "values": "300x600"}] + series[2:],
             "alert_rule_test": [self.alert("GpuwiseBudgetForecastCertain", "330m", *certain, budget="b")]})

    def test_waste_and_utilisation(self):
        def parts(cluster, **dollars):
            return [{"series": 'gpuwise_cost_dollars{cluster="%s",part="%s"}' % (cluster, p), "values": "%dx2000" % v} for p, v in dollars.items()]

        series = parts("bad", used=50, wasted=30, idle=15, unknown=5) + parts("good", used=90, wasted=10, idle=0, unknown=0)
        series += parts("empty", used=0, wasted=0, idle=0, unknown=0)  # no bill: no share of it
        series += [{"series": 'gpuwise_utilisation_ratio{cluster="bad"}', "values": "0.1x2000"},
                   {"series": 'gpuwise_utilisation_ratio{cluster="good"}', "values": "0.6x2000"}]
        self.run_rules({"interval": "1m", "input_series": series, "alert_rule_test": [
            self.alert("GpuwiseWasteHigh", "300m"),
            self.alert("GpuwiseWasteHigh", "365m", "warning", "45% of the GPU bill of bad is wasted or idle",
                       "gpuwise plan says what to change, with evidence and manifests.", cluster="bad"),
            self.alert("GpuwiseCostUnobserved", "365m"),
            self.alert("GpuwiseUtilisationLow", "1430m"),
            self.alert("GpuwiseUtilisationLow", "1445m", "warning", "The GPUs of bad work at 10%",
                       "For a day now. gpuwise report --by namespace shows where.", cluster="bad")],
            "promql_expr_test": [
                {"expr": "cluster:gpuwise_waste:ratio", "eval_time": "5m", "exp_samples": [
                    {"labels": 'cluster:gpuwise_waste:ratio{cluster="bad"}', "value": 0.45},
                    {"labels": 'cluster:gpuwise_waste:ratio{cluster="good"}', "value": 0.1}]},
                {"expr": "cluster:gpuwise_unknown:ratio", "eval_time": "5m", "exp_samples": [
                    {"labels": 'cluster:gpuwise_unknown:ratio{cluster="bad"}', "value": 0.05},
                    {"labels": 'cluster:gpuwise_unknown:ratio{cluster="good"}', "value": 0}]}]})

    def test_health(self):
        series = [{"series": "gpuwise_data_age_seconds", "values": "60x29 4000x600"},
                  {"series": "gpuwise_last_closed_hour_timestamp_seconds", "values": "3600x600"},
                  {"series": "gpuwise_store_up", "values": "1x29 0x600"}, {"series": "gpuwise_source_up", "values": "1x600"},
                  {"series": 'gpuwise_anomalies_open{cluster="c"}', "values": "0x29 2x600"},
                  {"series": 'gpuwise_build_info{version="x"}', "values": "1x99 _x600"}]
        self.run_rules({"interval": "1m", "input_series": series, "alert_rule_test": [
            self.alert("GpuwiseDataStale", "35m"),
            self.alert("GpuwiseDataStale", "45m", "error", "The newest GPU sample is 1h 6m 40s old",
                       "Nothing is advised on stale data. /readyz of gpuwise says what is wrong."),
            self.alert("GpuwiseStoreDown", "45m", "error", "gpuwise does not reach its store",
                       "Hours are closed later, and none is lost, as long as Prometheus keeps their samples."),
            self.alert("GpuwiseSourceDown", "45m"),
            self.alert("GpuwiseAnomaly", "20m"),
            self.alert("GpuwiseAnomaly", "31m", "warning", "2 anomalies of cost or utilisation are open in c",
                       "The page Anomalies of the dashboard shows which rows moved.", cluster="c"),
            self.alert("GpuwiseHoursNotClosed", "299m"),
            self.alert("GpuwiseHoursNotClosed", "330m", "error", "No hour has been closed for 4h 30m 0s",
                       "History, budgets and anomalies stand still. /readyz of gpuwise says why."),
            self.alert("GpuwiseAbsent", "90m"),
            self.alert("GpuwiseAbsent", "130m", "warning", "gpuwise is not scraped", "It does not run, or Prometheus does not know it.")]})

    def test_refused(self):
        self.assertIn("--label 'x' is not of the form", gpuwise("export", "prometheus-rules", "--label", "x", code=2))
        self.assertIn("no name of an object", gpuwise("export", "prometheus-rules", "--name", "A b", code=2))
        self.assertIn("did you mean grafana", gpuwise("export", "grafanna", code=2))


class Dashboard(Case):
    @classmethod
    def setUpClass(cls):
        missing = servers.missing_prometheus()
        if missing:
            raise unittest.SkipTest("SKIPPED, NOT TESTED: %s is not installed" % ", ".join(missing))

        class Metrics(http.server.BaseHTTPRequestHandler):
            scrapes = 0

            def do_GET(self):
                Metrics.scrapes += 1
                text = sample(Metrics.scrapes).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *args):
                pass

        cls.target = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metrics)
        threading.Thread(target=cls.target.serve_forever, daemon=True).start()
        cls.prometheus = servers.start_prometheus(json.dumps({
            "global": {"scrape_interval": "1s"},
            "scrape_configs": [{"job_name": "gpuwise", "static_configs": [{"targets": ["127.0.0.1:%d" % cls.target.server_address[1]]}]}]}))
        cls.prometheus.wait_for("two scrapes", lambda: Metrics.scrapes >= 4, 60)

    @classmethod
    def tearDownClass(cls):
        cls.prometheus.stop()
        cls.target.shutdown()
        cls.target.server_close()

    def ask(self, expr):
        url = self.prometheus.url + "/api/v1/query?" + urllib.parse.urlencode({"query": expr})
        with urllib.request.urlopen(url, timeout=20) as f:
            return json.load(f)["data"]["result"]

    def targets(self):
        d = json.loads(gpuwise("export", "grafana"))
        return [(p["title"], t["expr"]) for p in d["panels"] for t in p.get("targets", [])]

    def test_every_query_is_answered(self):
        """Every expression parses, names what is there, and has an answer."""
        targets = self.targets()
        self.assertGreater(len(targets), 20)
        for title, expr in targets:
            with self.subTest(title):
                self.assertNotEqual(self.ask(expr.replace("$cluster", ".*")), [], expr)
                self.assertNotEqual(self.ask(expr.replace("$cluster", "prod-eu|prod-us")), [], expr)
                self.assertEqual(set(re.findall(r"gpuwise_[a-z_]+", expr)) - METRICS, set())

    def test_some_answers(self):
        """Worked out by hand from sample()."""
        ask = dict(self.targets())
        value = lambda title, cluster: float(self.ask(ask[title].replace("$cluster", cluster))[0]["value"][1])
        self.assertAlmostEqual(value("Bill a month", "prod-eu"), 100 * 730.5)
        self.assertAlmostEqual(value("Bill a month", ".*"), 300 * 730.5)
        self.assertAlmostEqual(value("Wasted or idle", ".*"), 0.45)
        self.assertAlmostEqual(value("To be saved a month", ".*"), 200)
        self.assertAlmostEqual(value("Budgets: share that is spent", ".*"), 0.8)
        self.assertAlmostEqual(value("Open anomalies", "prod-us"), 2)

    def test_shape(self):
        d = json.loads(gpuwise("export", "grafana"))
        self.assertEqual(d["title"], "GPU cost and waste")
        kinds = {v["name"]: v["type"] for v in d["templating"]["list"]}
        self.assertEqual(kinds, {"datasource": "datasource", "cluster": "query"})
        self.assertEqual(len({p["id"] for p in d["panels"]}), len(d["panels"]))
        self.assertNotIn("prometheus.example", json.dumps(d))
        for p in d["panels"]:
            for t in p.get("targets", []):
                self.assertEqual(t["datasource"], {"type": "prometheus", "uid": "${datasource}"})
                self.assertNotEqual(t["instant"], t["range"])


CONFIG = """\
apiVersion: gpuwise.dev/v1
kind: Config
budgets:
  - {name: nlp, team: nlp, amount: 12000}
  - {name: 'a "quoted" ${name}', namespace: '{x}', amount: 0.5, thresholds: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]}
  - {name: weekly, team: x, period: weekly, amount: 10}
  - {name: all, amount: 99999.99}
"""


class Terraform(Case):
    def export(self, *args):
        return gpuwise("export", "aws-budgets", "--config", self.file("gpuwise.yaml", CONFIG), *args)

    def test_content(self):
        text = self.export("--tag", "team=Team")
        self.assertEqual(text.count('resource "aws_budgets_budget"'), 3)
        self.assertIn('values = ["user:Team$nlp"]', text)
        self.assertIn('values = ["aws:eks:namespace$${x}"]', text)
        self.assertIn("# Left out: the budget 'weekly'", text)
        self.assertIn('limit_amount = "99999.99"', text)

    def test_terraform_reads_it(self):
        """`terraform fmt` parses the file, and would write it the same."""
        self.need("terraform")
        path = self.file("budgets.tf", self.export())
        env = {**os.environ, "TF_CLI_CONFIG_FILE": os.devnull, "CHECKPOINT_DISABLE": "1"}
        p = subprocess.run(["terraform", "fmt", "-check", "-diff", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, env=env)
        self.assertEqual(p.returncode, 0, p.stdout.decode())

    def test_hcl_says_what_was_meant(self):
        try:
            import hcl2
        except ImportError:
            self.skipTest("SKIPPED, NOT TESTED: python-hcl2 is not installed")
        with open(self.file("budgets.tf", self.export())) as f:
            blocks = hcl2.load(f)["resource"]
        self.assertEqual(len(blocks), 3)

    def test_refused(self):
        self.assertIn("give --config", gpuwise("export", "aws-budgets", code=2, env={"GPUWISE_CONFIG": ""}))
        self.assertIn("has no budgets", gpuwise("export", "aws-budgets", "--config", self.file("c.yaml", "cluster: x\n"), code=12))
        self.assertIn("'squad'", gpuwise("export", "aws-budgets", "--config", self.file("c.yaml", CONFIG), "--tag", "squad=x", code=2))


class Files(Case):
    def test_output(self):
        path = os.path.join(self.dir, "d.json")
        self.assertEqual(gpuwise("export", "grafana", "--output", path), "")
        with open(path) as f:
            self.assertEqual(f.read(), gpuwise("export", "grafana"))
        self.assertEqual(os.listdir(self.dir), ["d.json"])
        self.assertIn("cannot write", gpuwise("export", "grafana", "--output", os.path.join(self.dir, "no", "d.json"), code=16))

    def test_failure_leaves_the_old_file(self):
        path = self.file("rules.yml", "old")
        gpuwise("export", "prometheus-rules", "--name", "A b", "--output", path, code=2)
        with open(path) as f:
            self.assertEqual(f.read(), "old")
        self.assertEqual(os.listdir(self.dir), ["rules.yml"])

    def test_full_disk(self):
        p = subprocess.run("%s export grafana > /dev/full" % GPUWISE, shell=True, stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(p.returncode, 16, p.stderr)

    def test_history_without_a_store(self):
        url = "sqlite:" + os.path.join(self.dir, "none.db")
        for args in (("export", "history"), ("export-history",), ("export", "focus")):
            p = subprocess.run([GPUWISE, *args, "--store", url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
            self.assertNotEqual(p.returncode, 0)
            self.assertEqual(p.stdout, b"")
            self.assertIn(b"none.db", p.stderr)

    def test_examples_are_what_is_exported(self):
        for path, args in (("examples/grafana/gpu-cost-and-waste.json", ["grafana"]),
                           ("examples/alerts/prometheus-rule.yaml", ["prometheus-rules"]),
                           ("examples/alerts/rules.yml", ["prometheus-rules", "--format", "rules"])):
            with open(os.path.join(ROOT, path)) as f:
                self.assertEqual(f.read(), gpuwise("export", *args), "%s: write it anew with: gpuwise export %s --output %s"
                                 % (path, " ".join(args), path))


class Backup(Case):
    """A history goes out and comes back. drivers/books.c makes it up: two clusters, an hour that was corrected, hours that are missing."""

    def setUp(self):
        super().setUp()
        if not os.path.exists(BOOKS):
            self.skipTest("SKIPPED, NOT TESTED: %s is not built" % BOOKS)
        self.url = self.books("books", "2026-11-02", 30, 7, 10)

    def books(self, name, *args):
        url = self.store(name)
        subprocess.run([BOOKS, url, *map(str, args)], check=True, stdout=subprocess.DEVNULL, timeout=60)
        return url

    def store(self, name):
        return "sqlite:" + os.path.join(self.dir, name + ".db")

    def take(self, path, url, *args, text=None):
        """Exit code and what is said."""
        p = subprocess.run([GPUWISE, "import", path, "--store", url, *args], input=text and text.encode(), stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(p.stdout, b"")
        return p.returncode, p.stderr.decode()

    def taken(self, *args, **more):
        code, said = self.take(*args, **more)
        self.assertEqual(code, 0, said)
        return said

    def export(self, url):
        return gpuwise("export", "history", "--store", url)

    def test_comes_back(self):
        path, there = os.path.join(self.dir, "backup.jsonl"), self.store("there")
        gpuwise("export", "history", "--store", self.url, "--output", path)
        with open(path) as f:
            backup = f.read()
        # of 30 hours every tenth is missing: 27, of each of two clusters
        self.assertEqual(self.taken(path, there),
                         "gpuwise: 54 hours came in from %s; SQLite %s has 54 hours of 2 clusters now\n" % (path, there[len("sqlite:"):]))
        self.assertIn('{"correction":', backup)
        self.assertEqual(self.export(there), backup)
        # again, and from a pipe: the same
        self.taken("-", there, text=backup)
        self.assertEqual(self.export(there), backup)
        self.assertEqual(gpuwise("review", "weekly", "--store", there, "--from", "2026-11-02", "--to", "2026-11-03"),
                         gpuwise("review", "weekly", "--store", self.url, "--from", "2026-11-02", "--to", "2026-11-03"))

    def test_cut(self):
        """A backup that ends early is an error; what it had is there, what was there stays, and the whole one mends it."""
        backup, there = self.export(self.url), self.store("there")
        lines = backup.splitlines(True)
        self.assertIn("hour", lines[20])
        code, said = self.take(self.file("lines", "".join(lines[:20])), there)
        self.assertEqual(code, 9)
        self.assertIn("gpuwise: 19 hours came in before the error and stay", said)
        self.assertRegex(said, r"lines: history: ends after line 20 without its last line: it was cut off")
        self.assertEqual(self.export(there).splitlines(True)[1:20], lines[1:20])
        # within the line of another hour
        code, said = self.take(self.file("middle", "".join(lines[:25]) + lines[25][:99]), there)
        self.assertEqual(code, 9)
        self.assertIn("middle: history, line 26: ", said)
        self.assertEqual(self.export(there).splitlines(True)[1:25], lines[1:25])
        # a store that is whole does not lose by it
        code, said = self.take(os.path.join(self.dir, "middle"), self.url)
        self.assertEqual(code, 9)
        self.assertEqual(self.export(self.url), backup)
        self.taken(self.file("whole", backup), there)
        self.assertEqual(self.export(there), backup)

    def test_other_numbers(self):
        other = self.books("other", "2026-11-02", 30, 8, 10)
        theirs, mine = self.export(other), self.export(self.url)
        path = self.file("mine", mine)
        code, said = self.take(path, other)
        self.assertEqual(code, 2)
        self.assertRegex(said, r"mine: history, line 2: .*--replace")
        self.assertEqual(self.export(other), theirs)
        self.taken(path, other, "--replace")
        hours = lambda text: [l for l in text.splitlines() if l.startswith('{"hour"')]
        self.assertEqual(hours(self.export(other)), hours(mine))
        self.assertIn('"reason":"imported"', self.export(other))

    def test_beside_what_is_there(self):
        later = self.books("later", "2026-11-09", 10, 9, 11)
        self.assertIn("54 hours came in from", self.taken(self.file("mine", self.export(self.url)), later))
        self.assertIn("has 74 hours of 2 clusters now", self.taken(self.file("mine", self.export(self.url)), later))

    def test_refused(self):
        there = self.store("there")
        code, said = self.take(os.path.join(self.dir, "none"), there)
        self.assertEqual((code, os.path.exists(there[len("sqlite:"):])), (16, False), said)
        self.assertIn("cannot read", said)
        code, said = self.take(self.dir, there)
        self.assertEqual(code, 16, said)
        for text, want in (("", "ends after line 0"), ("\n", "line 1"), ("{}\n", "line 1"), ("cluster: x\n", "line 1"), ("\0", "line 1"),
                           (self.export(self.url).replace('"kind"', '"k\0nd"', 1), "line 1")):
            with self.subTest(text[:20]):
                code, said = self.take("-", there, text=text)
                self.assertEqual(code, 9, said)
                self.assertIn("standard input: history", said)
                self.assertIn(want, said)


if __name__ == "__main__":
    unittest.main()
