"""The Kubernetes source against a real API server (and, for what no server can be made to do, a small one written here).

What is expected is what this file has created. Needs etcd, kube-apiserver and openssl; skips loudly without them.
"""
import base64, http.server, json, os, subprocess, tempfile, threading, unittest, urllib.parse

import servers

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("GW_BUILD", os.path.join(ROOT, "build"))
DUMP = os.path.join(BUILD, "tests", "integration", "kube_dump")
MANY = 520           # pods of one namespace: more than the page of 500
EAUTH, ECONNECT, ETLS, ECONFIG, ECORRUPT = 5, 3, 4, 12, 9


def dump(*args, env=None, timeout=60):
    """(exit code, {what: [objects]})"""
    clean = {k: v for k, v in os.environ.items() if k.lower() not in ("kubeconfig", "http_proxy", "https_proxy", "all_proxy", "no_proxy")
             and not k.startswith("KUBERNETES_")}
    p = subprocess.run([DUMP, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout,
                       env={**clean, "HOME": "/nonexistent", **(env or {})})
    seen = {}
    for line in p.stdout.splitlines():
        (what, value), = json.loads(line).items()
        seen.setdefault(what, []).append(value)
    if p.stderr:
        raise AssertionError("kube_dump wrote to stderr: " + p.stderr[-2000:])
    return p.returncode, seen


def content(path):
    with open(path, "rb") as f:
        return f.read()


def by_name(items):
    return {i["name"]: i for i in items}


def pod(name, node, owner=None, limits=None, requests=None, labels=None):
    body = {"metadata": {"name": name, "labels": labels or {}},
            "spec": {"containers": [{"name": "c", "image": "x", "env": [{"name": "PASSWORD", "value": "hunter2"}],
                                     "resources": {"limits": limits or {}, "requests": requests or {}}}]}}
    if node:
        body["spec"]["nodeName"] = node
    if owner:
        body["metadata"]["ownerReferences"] = [dict(owner, controller=True)]
    return body


def ref(o, kind=None, version=None):
    return {"apiVersion": version or o["apiVersion"], "kind": kind or o["kind"], "name": o["metadata"]["name"], "uid": o["metadata"]["uid"]}


@unittest.skipIf(servers.missing_kube(), "not here: " + ", ".join(servers.missing_kube()))
class KubernetesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kube = servers.start_kube({"reader": "reader-token", "some": "some-token", "nobody": "nobody-token"})
        cls.addClassCleanup(cls.kube.stop)
        cls.fill()

    @classmethod
    def fill(cls):
        k = cls.kube
        k.create("/api/v1/nodes", metadata={"name": "gpu-1", "labels": {"node.kubernetes.io/instance-type": "p4d.24xlarge"}},
                 spec={"providerID": "aws:///us-east-1a/i-1"})
        k.set_status("/api/v1/nodes/gpu-1", {"capacity": {"cpu": "96", "memory": "1152Gi", "nvidia.com/gpu": "8"},
                                             "allocatable": {"cpu": "95500m", "memory": "1024Gi", "nvidia.com/gpu": "8"}})
        k.create("/api/v1/nodes", metadata={"name": "gpu-2"}, spec={"unschedulable": True})
        k.create("/api/v1/namespaces", metadata={"name": "many", "labels": {"team": "search"}})
        k.create("/api/v1/namespaces", metadata={"name": "work", "labels": {"cost-center": "42"}})
        template = {"metadata": {"labels": {"app": "d", "model-name": "llama"}},
                    "spec": {"containers": [{"name": "c", "image": "x"}]}}
        selector = {"matchLabels": {"app": "d"}}
        apps = "/apis/apps/v1/namespaces/work/"
        d = k.create(apps + "deployments", metadata={"name": "d", "labels": {"team": "chat"}, "annotations": {"secret": "hunter2"}},
                     spec={"selector": selector, "template": template})
        rs = k.create(apps + "replicasets", metadata={"name": "d-abc", "ownerReferences": [dict(ref(d, "Deployment", "apps/v1"), controller=True)]},
                      spec={"selector": selector, "template": template})
        k.create(apps + "statefulsets", metadata={"name": "s"}, spec={"serviceName": "s", "selector": selector, "template": template})
        k.create(apps + "daemonsets", metadata={"name": "ds"}, spec={"selector": selector, "template": template})
        once = {"metadata": {"labels": {"step": "train"}}, "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}
        cron = k.create("/apis/batch/v1beta1/namespaces/work/cronjobs", metadata={"name": "cron"},
                        spec={"schedule": "0 0 * * *", "jobTemplate": {"spec": {"template": once}}})
        job = k.create("/apis/batch/v1/namespaces/work/jobs", metadata={
            "name": "cron-1", "ownerReferences": [dict(ref(cron, "CronJob", "batch/v1beta1"), controller=True)]}, spec={"template": once})
        rc = k.create("/api/v1/namespaces/work/replicationcontrollers", metadata={"name": "rc", "labels": {"team": "old"}},
                      spec={"selector": {"app": "d"}, "template": template})  # a kind that only discovery finds
        gpu = {"nvidia.com/gpu": "2", "cpu": "16", "memory": "64Gi"}
        pods = "/api/v1/namespaces/work/pods"
        k.call("POST", pods, pod("d-abc-1", "gpu-1", ref(rs, "ReplicaSet", "apps/v1"), limits=gpu, labels={"app": "d"}))
        k.set_status(pods + "/d-abc-1", {"phase": "Running", "startTime": "2026-01-01T00:00:00Z"})
        k.call("POST", pods, pod("cron-1-p", "gpu-1", ref(job, "Job", "batch/v1")))
        k.call("POST", pods, pod("slice", "gpu-1", limits={"nvidia.com/mig-1g.10gb": "1"}))
        k.call("POST", pods, pod("shared", "gpu-1", limits={"nvidia.com/gpu.shared": "1"}))
        k.call("POST", pods, pod("static", "gpu-1", {"apiVersion": "v1", "kind": "Node", "name": "gpu-1", "uid": "2"}))
        k.call("POST", pods, pod("by-rc", "gpu-1", ref(rc, "ReplicationController", "v1")))
        k.call("POST", pods, pod("lost", "gpu-1", {"apiVersion": "gone.example.com/v1", "kind": "Gone", "name": "g", "uid": "1"}))
        k.call("POST", pods, pod("pending", None, limits={"nvidia.com/gpu": "8"}))
        for i in range(MANY):
            k.call("POST", "/api/v1/namespaces/many/pods", pod("p-%04d" % i, "gpu-1"))
        cls.fill_rules()
        cls.roles()

    @classmethod
    def fill_rules(cls):
        """What constrains pods; a namespace of its own, so that the counts above stay."""
        k = cls.kube
        k.create("/api/v1/nodes", metadata={"name": "gpu-3", "labels": {"kubernetes.io/hostname": "gpu-3", "zone": "a"},
                                            "annotations": {"karpenter.sh/do-not-disrupt": "true", "secret": "hunter2"}},
                 spec={"taints": [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]})
        k.create("/api/v1/namespaces", metadata={"name": "rules"})
        space = "/api/v1/namespaces/rules/"
        k.create("/api/v1/persistentvolumes", metadata={"name": "v"}, spec={
            "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "local": {"path": "/srv/hunter2"},
            "storageClassName": "local", "nodeAffinity": {"required": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["gpu-3"]}]}]}}})
        k.create(space + "persistentvolumeclaims", metadata={"name": "c"}, spec={
            "accessModes": ["ReadWriteOnce"], "storageClassName": "local", "volumeName": "v",
            "resources": {"requests": {"storage": "1Gi"}}})
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "7", "controller": True}
        selector = {"matchLabels": {"app": "web"}}

        def make(name, **spec):
            p = pod(name, "gpu-3", owner, labels={"app": name, "ray.io/cluster": "ring"})
            p["spec"].update(spec)
            k.call("POST", space + "pods", p)
        required = "requiredDuringSchedulingIgnoredDuringExecution"
        make("web", tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
                                 {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoSchedule"}], nodeSelector={"zone": "a"},
             affinity={"podAntiAffinity": {required: [{"labelSelector": selector, "topologyKey": "kubernetes.io/hostname"}]}},
             topologySpreadConstraints=[{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector}])
        make("disk", volumes=[{"name": "d", "persistentVolumeClaim": {"claimName": "c"}}])
        make("path", volumes=[{"name": "d", "hostPath": {"path": "/srv/hunter2"}}])
        # the server at hand is of a time before policy/v1; the source falls back to what it serves
        k.create("/apis/policy/v1beta1/namespaces/rules/poddisruptionbudgets", metadata={"name": "b"},
                 spec={"minAvailable": "50%", "selector": selector})
        k.set_status("/apis/policy/v1beta1/namespaces/rules/poddisruptionbudgets/b",
                     {"disruptionsAllowed": 1, "currentHealthy": 2, "desiredHealthy": 1, "expectedPods": 2, "observedGeneration": 1})

    @classmethod
    def roles(cls):
        """reader: everything that gpuwise lists; some: only nodes and pods; nobody: nothing."""
        def bind(user, rules, name):
            cls.kube.create("/apis/rbac.authorization.k8s.io/v1/clusterroles", metadata={"name": name}, rules=rules)
            cls.kube.create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", metadata={"name": name},
                            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
                            subjects=[{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}])
        rule = lambda groups, resources, verbs=("list",): {"apiGroups": groups, "resources": resources, "verbs": list(verbs)}
        bind("reader", [rule([""], ["persistentvolumes", "persistentvolumeclaims"]), rule(["policy"], ["poddisruptionbudgets"]),
                        rule([""], ["nodes", "pods", "namespaces"]), rule(["apps"], ["replicasets", "deployments", "statefulsets", "daemonsets"]),
                        rule(["batch"], ["jobs", "cronjobs"]), rule(["argoproj.io"], ["rollouts"]),
                        rule([""], ["replicationcontrollers"], ("get", "list"))], "gw-reader")
        bind("some", [rule([""], ["nodes", "pods"])], "gw-some")

    def read(self, *args, user=None, cluster=None, env=None):
        code, seen = dump("--kubeconfig", self.kube.kubeconfig("kc/config", user, cluster), *args, env=env)
        self.assertEqual(code, 0, seen.get("error"))
        return seen

    def fails(self, code, part, *args, user=None, cluster=None, env=None):
        got, seen = dump("--kubeconfig", self.kube.kubeconfig("kc/config", user, cluster), *args, env=env)
        self.assertIn("error", seen)
        message = seen["error"][0]["message"]
        self.assertEqual((got, seen["error"][0]["code"]), (code, -code), message)
        self.assertIn(part, message)
        return message

    # ---- what is seen ----

    def check_everything(self, seen):
        nodes, pods = by_name(seen["node"]), {(p["ns"], p["name"]): p for p in seen["pod"]}
        owners = {(o["kind"], o["name"]): o for o in seen["owner"]}
        self.assertEqual(set(nodes), {"gpu-1", "gpu-2", "gpu-3"})
        self.assertEqual([nodes["gpu-1"][f] for f in ("gpus", "cpuMilli", "memoryMib", "instanceType", "providerId", "schedulable")],
                         [8, 95500, 1024 * 1024, "p4d.24xlarge", "aws:///us-east-1a/i-1", True])
        self.assertEqual([nodes["gpu-2"][f] for f in ("gpus", "cpuMilli", "schedulable")], [None, None, False])
        self.assertEqual(len([p for p in pods if p[0] == "many"]), MANY)
        self.assertEqual(len(seen["pod"]), MANY + 8 + 3)
        expected = {"d-abc-1": ("gpu", 2, "Deployment", "d", "Running"), "slice": ("mig", 1, None, None, "Pending"),
                    "cron-1-p": ("none", 0, "CronJob", "cron", "Pending"), "shared": ("shared", 1, None, None, "Pending"),
                    "lost": ("none", 0, "Gone", "g", "Pending"), "pending": ("gpu", 8, None, None, "Pending"),
                    "by-rc": ("none", 0, "ReplicationController", "rc", "Pending"), "static": ("none", 0, "Node", "gpu-1", "Pending")}
        for name, want in expected.items():
            p = pods["work", name]
            self.assertEqual((p["resource"], p["gpus"], p["workloadKind"], p["workload"], p["phase"]), want, name)
        self.assertEqual((pods["work", "d-abc-1"]["cpuMilli"], pods["work", "d-abc-1"]["memoryMib"]), (16000, 65536))
        self.assertEqual((pods["work", "d-abc-1"]["node"], pods["work", "pending"]["node"]), ("gpu-1", None))
        self.assertEqual(pods["work", "slice"]["mig"], "1g.10gb")
        self.assertEqual(owners["Deployment", "d"]["labels"], {"team": "chat", "app": "d", "model-name": "llama"})
        self.assertEqual(owners["CronJob", "cron"]["labels"], {"step": "train"})
        self.assertEqual(owners["ReplicationController", "rc"]["labels"]["team"], "old")
        self.assertEqual(by_name(seen["namespace"])["work"]["labels"]["cost-center"], "42")

    def test_as_administrator(self):
        seen = self.read()
        self.check_everything(seen)
        self.assertEqual(seen["describe"], [self.kube.url + " (context test)"])
        self.assertIn("Gone of gone.example.com/v1 (not served)", seen["missing"][0])

    def test_pages(self):
        for size in ("7", "26"):
            self.check_everything(self.read("--page-items", size))

    def test_one_namespace(self):
        seen = self.read("--namespace", "work")
        self.assertEqual({p["ns"] for p in seen["pod"]}, {"work"})
        self.assertEqual([n["name"] for n in seen["namespace"]], ["work"])
        self.assertIn("d", by_name(seen["owner"]))

    def test_rules(self):
        """Objects as a real API server stores them, with all that it fills in by itself."""
        def check(seen):
            node, pods = by_name(seen["node"])["gpu-3"], by_name(seen["pod"])
            # the second taint is the API server's own: no kubelet says that the node is ready
            self.assertEqual((node["taints"], node["keep"]),
                             (["nvidia.com/gpu=present:NoSchedule", "node.kubernetes.io/not-ready=:NoSchedule"], "it has the annotation karpenter.sh/do-not-disrupt: true"))
            self.assertEqual((pods["web"]["stays"], pods["web"]["gang"], pods["web"]["antiAffinity"], pods["web"]["spreads"]),
                             (None, "rules/ring", 1, 1))
            self.assertEqual({n: pods["web"]["nodes"][n] for n in ("gpu-2", "gpu-3")}, {"gpu-2": "the node is cordoned", "gpu-3": None})
            self.assertEqual(pods["web"]["nodes"]["gpu-1"], "its node selector wants zone=a")
            self.assertEqual(pods["disk"]["stays"], "one of its PersistentVolumes is on the disk of its node")
            self.assertEqual(pods["disk"]["nodes"]["gpu-1"], "one of its volumes cannot be mounted on the node")
            self.assertEqual(pods["path"]["stays"], "it uses a directory of its node, the hostPath volume d")
            self.assertEqual(pods["path"]["nodes"]["gpu-3"], "it does not tolerate the taint nvidia.com/gpu=present:NoSchedule")
            self.assertEqual(pods["lost"]["stays"], None)
            self.assertEqual(pods["slice"]["stays"], "nothing would create it again: it has no controller")
            self.assertEqual(seen["budget"], [{"ns": "rules", "name": "b", "allowed": 1, "minAvailable": "50%", "covers": ["web"]}])
        check(self.read())
        check(self.read(user={"token": "reader-token"}))

    def test_rules_forbidden(self):
        seen = self.read(user={"token": "some-token"})
        for what in ("poddisruptionbudgets.policy", "persistentvolumes", "persistentvolumeclaims"):
            self.assertIn(what + " (forbidden)", seen["missing"][0])
        pods = by_name(seen["pod"])
        self.assertEqual(pods["disk"]["stays"], "one of its PersistentVolumeClaims could not be read")
        self.assertEqual((pods["web"]["stays"], seen["known"]), (None, [{"budgets": False, "volumes": False, "claims": False, "namespaces": False}]))
        # a report does not ask
        seen = self.read("--no-rules", user={"token": "some-token"})
        self.assertNotIn("poddisruptionbudgets", seen["missing"][0])

    # ---- who may see it ----

    def test_least_rights(self):
        self.check_everything(self.read(user={"token": "reader-token"}))

    def test_owners_forbidden(self):
        seen = self.read(user={"token": "some-token"})
        self.assertEqual(len(seen["pod"]), MANY + 8 + 3)
        for what in ("namespaces", "replicasets.apps", "jobs.batch", "cronjobs.batch", "ReplicationController of v1"):
            self.assertIn(what + " (forbidden)", seen["missing"][0])

    def test_nodes_forbidden(self):
        message = self.fails(EAUTH, 'may not list nodes', user={"token": "nobody-token"})
        self.assertIn('{apiGroups: [""], resources: ["nodes"], verbs: ["list"]}', message)

    def test_wrong_token(self):
        self.fails(EAUTH, 'user "u" is not accepted', user={"token": "wrong"})

    def test_token_file(self):
        path = self.kube.write("kc/token", "reader-token\n")
        self.check_everything(self.read(user={"tokenFile": path}))
        self.check_everything(self.read(user={"tokenFile": "token"}))  # beside the kubeconfig

    def test_client_certificate(self):
        cert, key = self.kube.issue("reader", "/CN=reader")
        self.check_everything(self.read(user={"client-certificate": cert, "client-key": key}))
        data = {name: base64.b64encode(content(path)).decode() for name, path in
                (("client-certificate-data", cert), ("client-key-data", key))}
        self.check_everything(self.read(user=data))

    def test_impersonation(self):
        self.fails(EAUTH, "may not list nodes", user={"token": self.kube.admin_token, "as": "nobody"})
        self.check_everything(self.read(user={"token": self.kube.admin_token, "as": "nobody", "as-groups": ["system:masters"]}))

    # ---- plugins ----

    def plugin(self, body, **fields):
        path = self.kube.write("kc/plugin", "#!/bin/sh\n" + body, 0o700)
        return {"exec": dict({"apiVersion": "client.authentication.k8s.io/v1", "command": "./" + os.path.basename(path),
                              "interactiveMode": "Never"}, **fields)}

    def reply(self, **status):
        return json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status})

    def test_exec_token_is_cached(self):
        log = self.kube.write("kc/runs", "")
        body = "echo run >> '%s'\ncat <<'X'\n%s\nX\n"
        self.check_everything(self.read("--page-items", "100", user=self.plugin(body % (log, self.reply(token="reader-token", expirationTimestamp="2999-01-01T00:00:00Z")))))
        self.assertEqual(content(log).decode(), "run\n")
        # one that is good for a moment only is asked again by the next read
        soon = "echo run >> '%s'\nt=$(date -u -d '+2 seconds' +%%Y-%%m-%%dT%%H:%%M:%%SZ)\ncat <<X\n%s\nX\n"
        self.kube.write("kc/runs", "")
        self.read("--twice", "--wait-ms", "2500", user=self.plugin(soon % (log, self.reply(token="reader-token", expirationTimestamp="$t"))))
        self.assertGreaterEqual(content(log).decode().count("run"), 2)

    def test_exec_certificate(self):
        cert, key = self.kube.issue("reader2", "/CN=reader")
        text = self.reply(clientCertificateData=content(cert).decode(), clientKeyData=content(key).decode())
        self.check_everything(self.read(user=self.plugin("cat <<'X'\n%s\nX\n" % text)))

    def test_exec_cluster_info(self):
        out = self.kube.path("kc", "info")
        user = self.plugin("printenv KUBERNETES_EXEC_INFO > '%s'\ncat <<'X'\n%s\nX\n" % (out, self.reply(token="reader-token")), provideClusterInfo=True)
        self.read(user=user)
        info = json.loads(content(out))
        self.assertEqual(info["spec"]["cluster"]["server"], self.kube.url)
        self.assertEqual(base64.b64decode(info["spec"]["cluster"]["certificate-authority-data"]), content(self.kube.ca))

    def test_exec_failure(self):
        self.fails(EAUTH, "log in first", user=self.plugin("echo log in first >&2; exit 1"))
        self.fails(EAUTH, "see example.org", user=self.plugin("", command="gw-none-such", installHint="see example.org"))

    # ---- TLS and addresses ----

    def test_authority(self):
        self.fails(ETLS, "", cluster={"server": self.kube.url})  # the system's authorities do not know it
        data = base64.b64encode(content(self.kube.ca)).decode()
        self.read("--namespace", "work", cluster={"server": self.kube.url, "certificate-authority-data": data})
        self.read("--namespace", "work", cluster={"server": self.kube.url, "insecure-skip-tls-verify": True})

    def test_server_name(self):
        self.read("--namespace", "work", cluster={"server": self.kube.url, "certificate-authority": self.kube.ca, "tls-server-name": "inner.test"})
        self.fails(ETLS, "", cluster={"server": self.kube.url, "certificate-authority": self.kube.ca, "tls-server-name": "other.test"})

    def test_proxy(self):
        self.fails(ECONNECT, "", cluster={"server": self.kube.url, "certificate-authority": self.kube.ca,
                                          "proxy-url": "http://127.0.0.1:%d" % servers.free_port()})

    def test_nobody_there(self):
        self.fails(ECONNECT, "", cluster={"server": "https://127.0.0.1:%d" % servers.free_port()})

    def test_in_cluster(self):
        self.kube.write("sa/token", "reader-token")
        self.kube.write("sa/ca.crt", content(self.kube.ca).decode())
        code, seen = dump("--in-cluster", self.kube.path("sa"), env={"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(self.kube.port)})
        self.assertEqual(code, 0, seen.get("error"))
        self.check_everything(seen)
        self.assertEqual(seen["describe"], [self.kube.url + " (in-cluster service account)"])

    def test_kubeconfig_list(self):
        one = self.kube.write("list/one", json.dumps({"current-context": "x", "contexts": [{"name": "x", "context": {"cluster": "k", "user": "u"}}]}))
        two = self.kube.write("list/two", json.dumps({"clusters": [{"name": "k", "cluster": {"server": self.kube.url, "certificate-authority": "../ca.crt"}}],
                                                      "users": [{"name": "u", "user": {"token": "reader-token"}}]}))
        code, seen = dump("--namespace", "work", env={"KUBECONFIG": ":".join([one, "/nonexistent/file", two])})
        self.assertEqual(code, 0, seen.get("error"))

    def test_no_configuration(self):
        code, seen = dump()
        self.assertEqual(code, ECONFIG)
        self.assertIn("--kubeconfig", seen["error"][0]["message"])

    # ---- recordings ----

    def test_export(self):
        seen = self.read("--export", "--page-items", "100")
        self.assertEqual(set(seen) - {"describe"}, {"nodes", "pods", "namespaces", "workloads", "poddisruptionbudgets",
                                                    "persistentvolumes", "persistentvolumeclaims"})
        pods, workloads = seen["pods"][0]["items"], seen["workloads"][0]["items"]
        self.assertEqual(len(pods), MANY + 8 + 3)
        self.assertTrue(all(i["kind"] == "Pod" and i["apiVersion"] == "v1" for i in pods))
        kinds = {i["kind"] for i in workloads}
        self.assertEqual(kinds, {"ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicationController"})
        text = json.dumps(seen)
        for secret in ("hunter2", "managedFields", "image"):
            self.assertNotIn(secret, text)
        self.assertEqual([n["metadata"].get("annotations") for n in seen["nodes"][0]["items"]],
                         [None, None, {"karpenter.sh/do-not-disrupt": "true"}])
        self.assertEqual(seen["poddisruptionbudgets"][0]["items"][0]["spec"], {"minAvailable": "50%", "selector": {"matchLabels": {"app": "web"}}})
        self.assertEqual(seen["persistentvolumes"][0]["items"][0]["spec"]["local"], {})
        self.assertEqual(seen["persistentvolumeclaims"][0]["items"][0]["spec"], {"volumeName": "v"})
        forbidden = self.read("--export", user={"token": "some-token"})
        self.assertEqual(set(forbidden) - {"describe"}, {"nodes", "pods"})  # what could not be read is not an empty list
        one = [p for p in pods if p["metadata"]["name"] == "d-abc-1"][0]
        self.assertEqual(one["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"], "2")
        self.assertEqual(one["status"], {"phase": "Running", "startTime": "2026-01-01T00:00:00Z"})


class Fake(http.server.BaseHTTPRequestHandler):
    """An API server that misbehaves as its `plan` says: {path: [reply, ...]}, the last reply repeated."""
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        self.server.asked.append((url.path, query.get("continue")))
        status, body = self.server.answer(url.path, query)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


def listing(items, token=""):
    return 200, {"kind": "List", "metadata": {"continue": token}, "items": items}


class MisbehavingServer(unittest.TestCase):
    def serve(self, answer):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Fake)
        server.daemon_threads = True
        server.asked, server.answer = [], answer
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(thread.join, 10)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def dump(self, server, *args):
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "config")
            with open(path, "w") as f:
                json.dump({"current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "k"}}],
                           "clusters": [{"name": "k", "cluster": {"server": "http://127.0.0.1:%d" % server.server_port}}]}, f)
            return dump("--kubeconfig", path, *args)

    def test_expired_token_restarts_the_list(self):
        expired = []

        def answer(path, query):
            if path != "/api/v1/pods":
                return listing([])
            token = query.get("continue")
            if token is None:
                return listing([pod("a", None)], "t1")
            if not expired:
                expired.append(token)
                return 410, {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
            return listing([pod("b", None)])
        server = self.serve(answer)
        for args in ((), ("--export",)):
            expired.clear()
            server.asked.clear()
            code, seen = self.dump(server, *args)
            self.assertEqual(code, 0, seen.get("error"))
            names = [p["metadata"]["name"] for p in seen["pods"][0]["items"]] if args else [p["name"] for p in seen["pod"]]
            self.assertEqual(names, ["a", "b"])  # each once, though page one came twice
            self.assertEqual([t for p, t in server.asked if p == "/api/v1/pods"], [None, "t1", None, "t1"])

    def test_always_expired_ends(self):
        def answer(path, query):
            if query.get("continue"):
                return 410, {"kind": "Status", "code": 410, "message": "too old"}
            return listing([], "t")
        server = self.serve(answer)
        code, seen = self.dump(server)
        self.assertNotEqual(code, 0)
        self.assertLess(len(server.asked), 20)

    def test_what_is_no_json(self):
        for body in (b"<html>please log in</html>", b"", b"[]", b"null", b'{"items": {}}', b'{"items": [7]}', b"\xff\xfe"):
            server = self.serve(lambda path, query: (200, body))
            code, seen = self.dump(server)
            self.assertEqual(code, ECORRUPT if body else 8, (body, seen.get("error")))

    def test_custom_kinds(self):
        """Rollouts, a custom kind of many objects (listed), of few (got one by one), and a cluster-wide owner above.

        Not on the real server: the 1.20.2 build at hand crashes when it encodes any custom resource.
        """
        def own(kind, name, version="train.example.com/v1"):
            return {"apiVersion": version, "kind": kind, "name": name, "uid": name}

        def thing(kind, name, owner=None, ns="work", **labels):
            meta = {"name": name, "labels": labels}
            if ns:
                meta["namespace"] = ns
            if owner:
                meta["ownerReferences"] = [dict(owner, controller=True)]
            return {"apiVersion": "train.example.com/v1", "kind": kind, "metadata": meta, "spec": {"template": "not what you think"}}

        def placed(name, owner):
            p = pod(name, "n", owner)
            p["metadata"]["namespace"] = "work"
            return p
        group = "/apis/train.example.com/v1"
        replies = {
            "/api/v1/pods": listing([placed("r-1", own("ReplicaSet", "r-xyz", "apps/v1"))] + [placed("t-%d" % i, own("Training", str(i))) for i in range(21)]
                                    + [placed("few", own("Run", "few"))]),
            "/apis/apps/v1/replicasets": listing([thing("ReplicaSet", "r-xyz", own("Rollout", "r", "argoproj.io/v1alpha1"))]),
            "/apis/argoproj.io/v1alpha1/rollouts": listing([thing("Rollout", "r", team="chat")]),
            group: (200, {"kind": "APIResourceList", "resources": [{"name": "trainings", "kind": "Training", "namespaced": True},
                                                                     {"name": "runs", "kind": "Run", "namespaced": True},
                                                                     {"name": "campaigns", "kind": "Campaign", "namespaced": False}]}),
            group + "/trainings": listing([thing("Training", str(i), own("Campaign", "autumn")) for i in range(30)]),
            group + "/namespaces/work/runs/few": (200, thing("Run", "few", own("Training", "29"), team="x")),
            group + "/campaigns/autumn": (200, thing("Campaign", "autumn", ns=None, project="big")),
        }
        server = self.serve(lambda path, query: replies.get(path, listing([]) if not path.startswith(group) else (404, {})))
        code, seen = self.dump(server)
        self.assertEqual(code, 0, seen.get("error"))
        pods, owners = by_name(seen["pod"]), {(o["kind"], o["name"]): o for o in seen["owner"]}
        self.assertEqual((pods["r-1"]["workloadKind"], pods["r-1"]["workload"]), ("Rollout", "r"))
        for name in ("t-0", "t-20", "few"):
            self.assertEqual((pods[name]["workloadKind"], pods[name]["workload"]), ("Campaign", "autumn"), name)
        self.assertEqual(owners["Campaign", "autumn"]["labels"], {"project": "big"})
        self.assertEqual(owners["Rollout", "r"]["labels"], {"team": "chat"})
        self.assertEqual([p for p, _ in server.asked if "/trainings/" in p], [])  # listed, not got one by one
        self.assertEqual(seen["missing"], [None])
        code, seen = self.dump(server, "--export")
        kinds = [i["kind"] for i in seen["workloads"][0]["items"]]
        self.assertEqual({k: kinds.count(k) for k in set(kinds)}, {"ReplicaSet": 1, "Rollout": 1, "Training": 30, "Run": 1, "Campaign": 1})

    def test_memory_runs_out(self):
        """Whichever allocation of a read fails, the read fails with "out of memory" or does without it."""
        owned = pod("p", "n", {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u"}, limits={"nvidia.com/gpu": "1"}, labels={"a": "b"})
        other = pod("q", None, {"apiVersion": "x.example.com/v1", "kind": "Thing", "name": "t", "uid": "u"})
        replies = {"/api/v1/pods": listing([owned, other]),
                   "/apis/apps/v1/replicasets": listing([{"metadata": {"name": "r", "namespace": "a", "labels": {"c": "d"}}}]),
                   "/apis/x.example.com/v1": (200, {"resources": [{"name": "things", "kind": "Thing", "namespaced": False}]}),
                   "/apis/x.example.com/v1/things/t": (200, {"kind": "Thing", "metadata": {"name": "t"}})}
        server = self.serve(lambda path, query: replies.get(path, listing([])))
        for args in ((), ("--export",)):
            code, seen = self.dump(server, "--torture", "17", *args)
            self.assertEqual(code, 0, seen.get("error"))
            self.assertGreater(seen["torture"][0]["failed"], 10)

    def test_unknown_groups_are_not_followed_for_ever(self):
        """Every owner has an owner of its own: the chain is cut at its depth."""
        def answer(path, query):
            parts = path.split("/")
            if path == "/apis/x.example.com/v1":
                return 200, {"kind": "APIResourceList", "resources": [
                    {"name": "things/status", "kind": "Thing", "namespaced": True}, {"name": "things", "kind": "Thing", "namespaced": True}]}
            if len(parts) > 6 and parts[-2] == "things":
                n = int(parts[-1])
                return 200, {"kind": "Thing", "metadata": {"name": str(n), "namespace": "a", "ownerReferences": [
                    {"apiVersion": "x.example.com/v1", "kind": "Thing", "name": str(n + 1), "controller": True}]}}
            if path == "/api/v1/pods":
                p = pod("p", None, {"apiVersion": "x.example.com/v1", "kind": "Thing", "name": "0"})
                p["metadata"]["namespace"] = "a"
                return listing([p])
            return listing([])
        server = self.serve(answer)
        code, seen = self.dump(server)
        self.assertEqual(code, 0, seen.get("error"))
        self.assertIn("nested too deep", seen["missing"][0])
        self.assertEqual(len([p for p, _ in server.asked if "/things/" in p]), 8)

    def test_hostile_names(self):
        """Names from an ownerReference go into paths: they are encoded, and nothing else is asked for."""
        def answer(path, query):
            if path == "/api/v1/pods":
                return listing([pod("p", None, {"apiVersion": "../../x/../v1", "kind": "K", "name": "../../secrets"})])
            return listing([]) if path.count("/") < 7 else (404, {})
        server = self.serve(answer)
        code, seen = self.dump(server)
        self.assertEqual(code, 0, seen.get("error"))
        self.assertFalse([p for p, _ in server.asked if ".." in p.split("/")], server.asked)


if __name__ == "__main__":
    unittest.main()
