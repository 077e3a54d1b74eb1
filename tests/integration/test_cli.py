"""The command line as a user meets it: help, errors, every output format, completion, the manual page.

Everything runs on the built-in sample fleet and needs no server.
"""
# quick
import csv, hashlib, base64, html.parser, io, json, os, pty, re, select, shutil, subprocess, tempfile, unicodedata, unittest
import xml.dom.minidom
from decimal import Decimal

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("GW_BUILD", os.path.join(ROOT, "build"))
GPUWISE = os.path.join(BUILD, "gpuwise")
VERBS = ["report", "plan", "explain", "price", "mig", "record", "demo", "version", "completion", "help"]
COSTS = ["bill", "used", "wasted", "reclaimable", "idle", "unknown", "overhead"]
PARTS = ["used", "wasted", "idle", "unknown", "overhead"]
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith("GPUWISE_") and k not in ("NO_COLOR", "KUBECONFIG")}


def run(*args, env=None, program=GPUWISE):
    p = subprocess.run([program, *args], capture_output=True, env={**CLEAN, "HOME": "/nonexistent", **(env or {})}, timeout=120)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def columns(line):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def on_terminal(*args, env=None):
    """What the program writes with both streams on a terminal."""
    parent, child = pty.openpty()
    p = subprocess.Popen([GPUWISE, *args], stdin=child, stdout=child, stderr=child, env={**CLEAN, "TERM": "xterm", **(env or {})})
    os.close(child)
    out = b""
    while True:
        ready, _, _ = select.select([parent], [], [], 60)
        try:
            piece = os.read(parent, 65536) if ready else b""
        except OSError:
            piece = b""
        if not piece:
            break
        out += piece
    p.wait(60)
    os.close(parent)
    return out.decode()


class Help(unittest.TestCase):
    def test_bare_command_is_short(self):
        rc, out, err = run()
        self.assertEqual((rc, err), (0, ""))
        self.assertLessEqual(len(out.splitlines()), 25)
        for v in VERBS:
            self.assertIn("\n  %s " % v, out)

    def test_pages_fit(self):
        for args in [("--help",)] + [(v, "--help") for v in VERBS] + [("help", v) for v in VERBS]:
            rc, out, err = run(*args)
            self.assertEqual((rc, err), (0, ""), args)
            widest = max(out.splitlines(), key=columns)
            self.assertLessEqual(columns(widest), 80, (args, widest))
        self.assertEqual(run("help", "report")[1], run("report", "--help")[1])

    def test_every_option_of_the_issue_is_there(self):
        page = run("report", "--help")[1]
        for o in ("prometheus prometheus-header prometheus-token prometheus-token-file prometheus-user prometheus-password-file prometheus-ca "
                  "prometheus-cert prometheus-key prometheus-insecure prometheus-mode prometheus-matcher tenant query-budget concurrency "
                  "kubeconfig context no-kubernetes snapshot window from to by namespace all-namespaces selector sort-by output prices discount "
                  "split-node-price control-plane-fee default-region owner-label strict no-color").split():
            self.assertRegex(page, r"(?m)^ .*--%s\b" % o)
        for short in ("-n, --namespace", "-l, --selector", "-o, --output", "-A, --all-namespaces"):
            self.assertIn(short, page)

    def test_as_a_plugin_of_kubectl(self):
        with tempfile.TemporaryDirectory() as d:
            for name in ("kubectl-gpuwise", "kubectl_gpuwise"):
                link = os.path.join(d, name)
                os.symlink(os.path.abspath(GPUWISE), link)
                self.assertIn("Usage: kubectl gpuwise report", run("report", "--help", program=link)[1])
                self.assertTrue(run("nonsense", program=link)[2].startswith("kubectl gpuwise: "))


class Errors(unittest.TestCase):
    def fails(self, code, part, *args, env=None):
        rc, out, err = run(*args, env=env)
        self.assertEqual(rc, code, (args, err))
        self.assertEqual(out, "")
        self.assertEqual(len(err.splitlines()), 1, err)
        self.assertTrue(err.startswith("gpuwise: "), err)
        self.assertIn(part, err)

    def test_usage(self):
        self.fails(2, "did you mean 'report'?", "reprot")
        self.fails(2, "did you mean '--prometheus'?", "report", "--promethues", "x")
        self.fails(2, "--prometheus URL", "report")
        self.fails(2, "not both", "report", "--prometheus", "x", "--snapshot", "y")
        self.fails(2, "'xml' is not one of table, wide, json, yaml, csv, html", "report", "-o", "xml")
        self.fails(2, "cannot group by 'colour'", "report", "--demo", "--by", "colour")
        self.fails(2, "cannot sort by 'colour'", "report", "--demo", "--sort-by", "colour")
        self.fails(2, "", "report", "--demo", "-l", "a in (")
        self.fails(2, "--owner-label", "report", "--demo", "--owner-label", "colour=x")
        self.fails(2, "wants SUBJECT", "explain", "--demo")
        self.fails(2, "bash, zsh or fish", "completion", "tcsh")
        self.fails(2, "no verb", "help", "nonsense")
        self.fails(2, "password", "report", "--prometheus", "http://127.0.0.1:1", "--prometheus-user", "me")
        self.fails(2, "NAME: VALUE", "report", "--prometheus", "http://127.0.0.1:1", "--prometheus-header", "nonsense")
        self.fails(2, "GPUWISE_OUTPUT", "report", "--demo", env={"GPUWISE_OUTPUT": "xml"})

    def test_places(self):
        self.fails(3, "refused", "report", "--prometheus", "http://127.0.0.1:1", "--no-kubernetes")
        self.fails(16, "/nonexistent", "report", "--snapshot", "/nonexistent")
        self.fails(16, "/nonexistent", "report", "--demo", "--prices", "/nonexistent")
        self.fails(16, "prometheus-password-file", "report", "--prometheus", "http://127.0.0.1:1", "--prometheus-user", "me",
                   "--prometheus-password-file", "/nonexistent")
        self.fails(17, "nonsense", "explain", "nonsense", "--demo")
        self.fails(17, "", "price", "nonsense-gpu")

    def test_windows(self):
        self.fails(11, "future", "report", "--prometheus", "http://127.0.0.1:1", "--from", "2099-01-01", "--to", "2099-01-02")
        self.fails(11, "empty", "report", "--prometheus", "http://127.0.0.1:1", "--from", "now-1h", "--to", "now-2h")
        self.fails(11, "outside", "report", "--demo", "--from", "2001-01-01", "--to", "2001-01-02")
        self.fails(2, "--from", "report", "--demo", "--from", "yesterday")

    def test_strict_writes_the_answer_all_the_same(self):
        rc, out, err = run("report", "--demo", "--strict", "-o", "json")  # the sample fleet has nodes without a price
        self.assertEqual(rc, 13)
        self.assertIn("--strict", err)
        self.assertEqual(json.loads(out)["kind"], "Report")

    def test_full_disk_and_closed_pipe(self):
        with open("/dev/full", "w") as full:
            self.assertEqual(subprocess.run([GPUWISE, "demo"], stdout=full, stderr=subprocess.DEVNULL, env=CLEAN).returncode, 16)
        p = subprocess.Popen([GPUWISE, "demo", "--by", "pod", "-o", "wide"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=CLEAN)
        p.stdout.close()
        self.assertEqual(p.stderr.read(), b"")
        p.stderr.close()
        self.assertEqual(p.wait(60), 0)

    def test_the_guide_lists_the_codes(self):
        with open(os.path.join(ROOT, "src/base/error.h")) as f:
            codes = {name: abs(int(n)) for name, n in re.findall(r"(GW_(?:OK|E[A-Z]+)) = (-?\d+)", f.read())}
        with open(os.path.join(ROOT, "docs/guide/exit-codes.md")) as f:
            listed = {name: int(n) for n, name in re.findall(r"^\| (\d+) \| `(GW_\w+)`", f.read(), re.M)}
        self.assertEqual(codes, listed)


class Output(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        rc, cls.text, err = run("demo", "-o", "json")
        assert rc == 0, err
        cls.doc = json.loads(cls.text, parse_float=Decimal)

    def test_the_books_balance(self):
        """bill = used + wasted + idle + unknown + overhead, in every row and in all; and the rows add up to the total."""
        for row in [self.doc["total"]] + self.doc["rows"]:
            c = row["cost"]
            if c["bill"] is not None:
                self.assertEqual(c["bill"], sum(Decimal(c[p]) for p in PARTS), row.get("key"))
            if c["reclaimable"] is not None:
                self.assertLessEqual(c["reclaimable"], c["wasted"])
        for part in ["bill"] + PARTS:
            self.assertEqual(self.doc["total"]["cost"][part], sum(Decimal(r["cost"][part] or 0) for r in self.doc["rows"]), part)

    def test_every_grouping_has_the_same_total(self):
        for by in ("team", "node", "gpu", "pod", "workload", "model,team", "cluster", "label:app"):
            doc = json.loads(run("demo", "-o", "json", "--by", by)[1], parse_float=Decimal)
            self.assertEqual(doc["total"], self.doc["total"], by)
            self.assertEqual(doc["by"], by.split(","))
            self.assertEqual(sum(Decimal(r["cost"]["bill"] or 0) for r in doc["rows"]), doc["total"]["cost"]["bill"], by)

    def test_digits(self):
        for line in re.findall(r'"(?:%s|hourly|gpuHourly|monthlyCost)": ([^,\n]+)' % "|".join(COSTS), self.text):
            self.assertRegex(line, r"^(null|-?\d+\.\d{6}|\d+(\.\d{1,6})?|\{)$")
        cost = re.search(r'"cost": \{(.*?)\}', self.text, re.S).group(1)
        self.assertEqual(len(re.findall(r": \d+\.\d{6}[,\n]", cost)), len(COSTS))

    def test_same_bytes_again(self):
        self.assertEqual(run("demo", "-o", "json")[1], self.text)
        self.assertEqual(run("demo", "-o", "html")[1], run("demo", "-o", "html")[1])

    def test_yaml_is_the_same_document(self):
        try:
            import yaml
        except ImportError:
            self.skipTest("no PyYAML")
        self.assertEqual(yaml.safe_load(run("demo", "-o", "yaml")[1]), json.loads(self.text))

    def test_csv_has_the_same_numbers(self):
        rows = list(csv.DictReader(io.StringIO(run("demo", "-o", "csv")[1])))
        self.assertEqual(len(rows), len(self.doc["rows"]))
        for a, b in zip(rows, self.doc["rows"]):
            self.assertEqual(a["namespace"], b["key"]["namespace"])
            self.assertEqual(a["class"], b["class"] or "")
            for c in COSTS:
                self.assertEqual(a[c + "_usd"], "" if b["cost"][c] is None else "%.6f" % b["cost"][c], (a["namespace"], c))
            for share in ("mean", "p95", "peak"):
                self.assertEqual(a["compute_" + share], "" if b["compute"][share] is None else str(b["compute"][share]))

    def test_tables_fit(self):
        for by in ("namespace", "pod", "team,model", "namespace,workload,pod", "cluster,namespace,team,model,node,pod"):
            rc, out, err = run("demo", "--by", by)
            self.assertEqual((rc, err), (0, ""))
            for line in out.splitlines():
                self.assertLessEqual(columns(line), 100, line)
                self.assertEqual(line, line.rstrip())
            self.assertTrue(out.startswith("SAMPLE"))
            self.assertIn("\nNext, ", out)
        for args in (("price", "h100"), ("explain", "idle-gpu", "--demo"), ("price",)):
            for line in run(*args)[1].splitlines():
                self.assertLessEqual(columns(line), 100, (args, line))

    def test_next_command_runs(self):
        """The last lines of a report are a command that can be pasted: it reads the same again."""
        out = run("demo", "-n", "assistant", "--window", "1d12h")[1]
        command = re.sub(r"\\\\\n", " ", out.split("\nNext, ")[1].split("\n", 1)[1]).split()
        self.assertEqual(command[0], "gpuwise")
        self.assertIn("1d12h", command)
        rc, _, err = run(*command[1:])
        self.assertEqual((rc, err), (0, ""), command)

    def test_colours_only_on_a_terminal(self):
        self.assertNotIn("\x1b", run("demo")[1])
        self.assertIn("\x1b[", on_terminal("demo"))
        self.assertNotIn("\x1b[3", on_terminal("demo", env={"NO_COLOR": "1"}))
        self.assertNotIn("\x1b[3", on_terminal("demo", "--no-color"))

    def test_environment(self):
        self.assertEqual(json.loads(run("report", "--demo", env={"GPUWISE_OUTPUT": "json", "GPUWISE_BY": "team"})[1])["by"], ["team"])
        # what is exported for Prometheus does not stand in the way of a snapshot or the sample
        rc, _, err = run("report", "--demo", env={"GPUWISE_PROMETHEUS_URL": "http://127.0.0.1:1"})
        self.assertEqual((rc, err), (0, ""))
        self.assertEqual(run("report", env={"GPUWISE_PROMETHEUS_URL": "http://127.0.0.1:1", "GPUWISE_NO_KUBERNETES": "1"})[0], 3)

    def test_only_a_namespace(self):
        ns = self.doc["rows"][0]["key"]["namespace"]
        doc = json.loads(run("demo", "-o", "json", "-n", ns)[1], parse_float=Decimal)
        self.assertEqual([r["key"]["namespace"] for r in doc["rows"]], [ns])
        self.assertEqual(doc["rows"][0]["cost"], self.doc["rows"][0]["cost"])
        self.assertEqual({f["subject"]["namespace"] for f in doc["findings"]}, {ns})


class Html(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.page = run("demo", "-o", "html", "--by", "model,pod")[1]

    def test_well_formed(self):
        xml.dom.minidom.parseString(self.page.replace("<!DOCTYPE html>", "", 1).encode())
        open_tags, void = [], {"meta", "br"}
        problems = []

        class Parser(html.parser.HTMLParser):
            def handle_starttag(self, tag, attrs):
                if tag not in void:
                    open_tags.append(tag)

            def handle_startendtag(self, tag, attrs):
                pass

            def handle_endtag(self, tag):
                if not open_tags or open_tags.pop() != tag:
                    problems.append((tag, self.getpos()))

        Parser(convert_charrefs=True).feed(self.page)
        self.assertEqual((open_tags, problems), ([], []))

    def test_nothing_from_outside(self):
        self.assertNotRegex(self.page, r"(?i)https?://|//[a-z]+\.|<script|<link|<img|<iframe|@import|\son\w+=|\sstyle=")
        style = re.search(r"<style>(.*?)</style>", self.page, re.S).group(1)
        policy = re.search(r'Content-Security-Policy" content="([^"]*)"', self.page).group(1)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        self.assertIn("default-src 'none'", policy)
        self.assertIn("'sha256-%s'" % digest, policy)

    def test_accessible(self):
        doc = xml.dom.minidom.parseString(self.page.replace("<!DOCTYPE html>", "", 1).encode())
        ids = [e.getAttribute("id") for e in doc.getElementsByTagName("*") if e.getAttribute("id")]
        self.assertEqual(len(ids), len(set(ids)))
        plots = [s for s in doc.getElementsByTagName("svg") if s.getAttribute("role") == "img"]
        self.assertEqual(len(plots), 3)
        for s in plots:
            for ref in s.getAttribute("aria-labelledby").split():
                self.assertIn(ref, ids)
        for e in doc.getElementsByTagName("*"):
            for ref in e.getAttribute("aria-labelledby").split():
                self.assertIn(ref, ids)
        for table in doc.getElementsByTagName("table"):
            heads = table.getElementsByTagName("thead")[0].getElementsByTagName("th")
            for tr in table.getElementsByTagName("tbody")[0].getElementsByTagName("tr"):
                self.assertEqual(len(tr.getElementsByTagName("td")), len(heads))


class Explain(unittest.TestCase):
    def explain(self, subject):
        rc, out, err = run("explain", subject, "--demo", "-o", "json")
        self.assertEqual(rc, 0, (subject, err))
        doc = json.loads(out)
        self.assertEqual(list(doc), ["apiVersion", "kind", "subject", "window", "sections"])
        return doc

    def test_every_kind(self):
        doc = json.loads(run("demo", "-o", "json", "--by", "namespace,workload,node,gpu,pod")[1])
        held = [r["key"] for r in doc["rows"] if r["class"]]
        key = next(k for k in held if k["gpu"].startswith("GPU-"))
        for kind, subject in (("pod", "pod/" + (key["pod"] if "/" in key["pod"] else key["namespace"] + "/" + key["pod"])), ("node", key["node"]),
                              ("gpu", key["gpu"][:13]), ("namespace", "ns/" + key["namespace"]),
                              ("workload", "workload/%s/%s" % (key["namespace"], key["workload"].split("/")[-1])),
                              ("finding", doc["findings"][0]["rule"])):
            self.assertEqual(self.explain(subject)["subject"]["kind"], kind, subject)

    def test_the_sum_can_be_done_again(self):
        """For each hold of a priced pod: used = GPU-hours x rate as printed, and used + wasted + unknown = bill."""
        doc = json.loads(run("demo", "-o", "json", "--by", "namespace,pod")[1])
        row = next(r for r in doc["rows"] if r["class"] and r["cost"]["bill"] and r["cost"]["used"] > 1 and "/" not in r["key"]["pod"])
        x = self.explain("%(namespace)s/%(pod)s" % row["key"])
        total = Decimal(0)
        for s in x["sections"][1:]:
            facts = {f["name"]: f for f in s["facts"]}
            money = lambda n: Decimal(facts[n]["value"].lstrip("$"))
            last = [f for f in s["facts"] if f["name"] == "unknown"][-1]
            self.assertEqual(money("used") + money("wasted") + Decimal(last["value"].lstrip("$")), money("bill"))
            hours, rate = re.search(r"= ([\d.]+) GPU hours x \$([\d.]+)", facts["used"]["how"]).groups()
            self.assertAlmostEqual(float(hours) * float(rate), float(money("used")), delta=0.001)
            hours, rate = re.search(r"= ([\d.]+) GPU hours x \$([\d.]+)", facts["wasted"]["how"]).groups()
            self.assertAlmostEqual(float(hours) * float(rate), float(money("wasted")), delta=0.001)
            total += money("bill")
        self.assertEqual(total, Decimal("%.6f" % row["cost"]["bill"]))

    def test_nearest_name(self):
        self.assertIn("did you mean 'idle-gpu'?", run("explain", "idel-gpu", "--demo")[2])


class Others(unittest.TestCase):
    def test_version(self):
        rc, out, _ = run("version")
        self.assertRegex(out, r"^gpuwise \d+\.\d+\.\d+\n$")
        self.assertEqual(run("--version")[1], out)
        self.assertEqual(json.loads(run("version", "-o", "json")[1])["version"], out.split()[1])

    def test_price_is_cheapest_first(self):
        doc = json.loads(run("price", "h100", "-o", "json")[1])
        known = [o["gpuHourly"] for o in doc["offers"] if o["gpuHourly"] is not None]
        self.assertGreater(len(known), 3)
        self.assertEqual(known, sorted(known))
        self.assertLessEqual(doc["onDemand"]["min"], doc["onDemand"]["max"])
        rows = list(csv.DictReader(io.StringIO(run("price", "h100", "-o", "csv")[1])))
        self.assertEqual(len(rows), len(doc["offers"]))

    def test_record_and_read(self):
        with tempfile.TemporaryDirectory() as d:
            snap = os.path.join(d, "snap")
            window = ("--from", "2026-09-13T00:00:00Z", "--to", "2026-09-13T03:00:00Z")
            rc, out, err = run("record", snap, "--demo", *window)
            self.assertEqual((rc, out), (0, ""), err)
            self.assertIn("--snapshot", err)
            a = json.loads(run("report", "--snapshot", snap, *window, "-o", "json")[1])
            b = json.loads(run("report", "--demo", *window, "-o", "json")[1])
            for k in ("bill", "used", "wasted", "idle"):
                self.assertAlmostEqual(a["total"]["cost"][k] / b["total"]["cost"][k], 1, delta=0.001, msg=k)

    def test_manual_is_up_to_date(self):
        with open(os.path.join(ROOT, "docs/man/gpuwise.1")) as f:
            self.assertEqual(f.read(), run("help", "--man")[1], "run tools/make-man")

    def test_manual_is_well_formed(self):
        if not shutil.which("mandoc"):
            self.skipTest("no mandoc")
        p = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", os.path.join(ROOT, "docs/man/gpuwise.1")], capture_output=True, text=True)
        self.assertEqual(p.stdout, "")


class Completion(unittest.TestCase):
    def script(self, shell):
        rc, out, err = run("completion", shell)
        self.assertEqual((rc, err), (0, ""))
        return out

    def check(self, shell, *args):
        if not shutil.which(shell):
            self.skipTest("no " + shell)
        p = subprocess.run([shell, *args], input=self.script(shell), capture_output=True, text=True)
        self.assertEqual((p.returncode, p.stderr), (0, ""))

    def test_syntax_bash(self):
        self.check("bash", "-n")

    def test_syntax_zsh(self):
        self.check("zsh", "-n")

    def test_syntax_fish(self):
        self.check("fish", "--no-execute")

    def complete(self, *words):
        code = self.script("bash") + '\nCOMP_WORDS=(%s); COMP_CWORD=%d; _gpuwise; printf "%%s\\n" "${COMPREPLY[@]}"\n' % (
            " ".join("'%s'" % w for w in words), len(words) - 1)
        p = subprocess.run(["bash", "-c", code], capture_output=True, text=True)
        return p.stdout.split()

    def test_words_bash(self):
        self.assertEqual(self.complete("gpuwise", "re"), ["report", "record", "review"])
        self.assertIn("--prometheus-token-file", self.complete("gpuwise", "report", "--prom"))
        self.assertEqual(self.complete("gpuwise", "report", "-o", "y"), ["yaml"])
        self.assertEqual(self.complete("gpuwise", "completion", ""), ["bash", "zsh", "fish"])
        self.assertEqual(self.complete("gpuwise", "report", "--tenant", ""), [])

    def test_words_fish(self):
        if not shutil.which("fish"):
            self.skipTest("no fish")
        p = subprocess.run(["fish", "--no-config", "-c", self.script("fish") + "\ncomplete -C 'gpuwise report --prometheus-t'"],
                           capture_output=True, text=True)
        self.assertIn("--prometheus-token-file", p.stdout)


if __name__ == "__main__":
    unittest.main()
