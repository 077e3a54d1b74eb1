"""A mail server for tests, on aiosmtpd: prints one JSON line for each message, and "ready" first.

usage: smtp_double.py PORT [--tls CERT KEY] [--login USER PASSWORD] [--refuse "552 too large"]
Run by a Python that has aiosmtpd (Debian: python3-aiosmtpd).
"""
import argparse, json, ssl, threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, SMTP


class Handler:
    def __init__(self, refuse):
        self.refuse = refuse

    async def handle_DATA(self, server, session, envelope):
        if self.refuse:
            return self.refuse
        print(json.dumps({"from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None,
                          "login": bool(session.authenticated), "text": envelope.original_content.decode("ascii")}), flush=True)
        return "250 taken"


class Server(Controller):
    def __init__(self, handler, settings, **kw):
        self.settings = settings
        super().__init__(handler, **kw)

    def factory(self):
        return SMTP(self.handler, **self.settings)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("port", type=int)
    p.add_argument("--tls", nargs=2)
    p.add_argument("--login", nargs=2)
    p.add_argument("--refuse")
    a = p.parse_args()
    settings = {"hostname": "double.test"}
    if a.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*a.tls)
        settings.update(tls_context=context, require_starttls=True)
    if a.login:
        user, password = (x.encode() for x in a.login)
        settings.update(auth_required=True, authenticator=lambda server, session, envelope, mechanism, data: AuthResult(
            success=(data.login, data.password) == (user, password), handled=False))
    server = Server(Handler(a.refuse), settings, hostname="127.0.0.1", port=a.port)
    server.start()
    print("ready", flush=True)
    threading.Event().wait()


main()
