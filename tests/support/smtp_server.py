#!/usr/bin/python3
"""A small real SMTP server for tests. Needs Debian's python3-aiosmtpd.

It listens on 127.0.0.1, prints {"port": N} on one line of standard output once it does, and ends
at SIGTERM (or, with --exit-with-stdin, when its standard input is closed, so that it never
outlives the test that started it).

Each message it accepts becomes two files in --maildir, both written in full before they appear
under their name, the .json last:

  000001.eml    the message as it came
  000001.json   {"mail_from", "rcpt_to": [...], "connection": 1, "tls": true, "user": "..."|null,
                 "mail_options": [...], "eml": "000001.eml"}

"connection" numbers the client's connections from 1, so that a test can see one being reused.
"""

import argparse
import asyncio
import json
import os
import signal
import ssl
import sys

try:
    from aiosmtpd.smtp import SMTP, AuthResult
except ImportError:
    sys.exit("smtp_server.py: the Debian package python3-aiosmtpd is missing")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--maildir", required=True, help="where accepted messages are put")
    parser.add_argument("--tls", choices=["none", "starttls", "smtps"], default="none")
    parser.add_argument("--cert", help="PEM certificate chain")
    parser.add_argument("--key", help="PEM private key")
    parser.add_argument("--user", help="requires AUTH with this name")
    parser.add_argument("--password", default="", help="and this password")
    parser.add_argument("--reject-rcpt", action="append", default=[], metavar="ADDRESS=CODE",
                        help="answer RCPT for this address with CODE")
    parser.add_argument("--reject-mail-from", type=int, metavar="CODE",
                        help="answer every MAIL with CODE")
    parser.add_argument("--data-code", type=int, metavar="CODE",
                        help="answer every message with CODE, and keep none")
    parser.add_argument("--data-code-if", metavar="TEXT",
                        help="with --data-code: only messages that contain TEXT")
    parser.add_argument("--delay-ms", type=int, default=0,
                        help="wait so long before answering a message")
    parser.add_argument("--exit-with-stdin", action="store_true",
                        help="end when standard input is closed")
    options = parser.parse_args()
    if options.tls != "none" and not (options.cert and options.key):
        parser.error("--tls %s needs --cert and --key" % options.tls)
    return options


class Handler:
    """Accepts what the options do not refuse."""

    def __init__(self, options):
        self.options = options
        self.rejected = dict(item.rsplit("=", 1) for item in options.reject_rcpt)
        self.connections = {}
        self.messages = len([name for name in os.listdir(options.maildir) if name.endswith(".eml")])

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        # By the client's port, because STARTTLS begins a new session on the same connection.
        self.connections.setdefault(session.peer, len(self.connections) + 1)
        return responses

    async def handle_MAIL(self, server, session, envelope, address, mail_options):
        if self.options.reject_mail_from:
            return "%d sender refused by this test" % self.options.reject_mail_from
        envelope.mail_from = address
        envelope.mail_options.extend(mail_options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address in self.rejected:
            return "%s <%s> refused by this test" % (self.rejected[address], address)
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(rcpt_options)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.options.delay_ms:
            await asyncio.sleep(self.options.delay_ms / 1000)
        content = envelope.original_content
        text = self.options.data_code_if
        if self.options.data_code and (text is None or text.encode() in content):
            return "%d message refused by this test" % self.options.data_code
        self.messages += 1
        name = "%06d" % self.messages
        self.write(name + ".eml", content)
        self.write(name + ".json", json.dumps({
            "mail_from": envelope.mail_from,
            "rcpt_to": envelope.rcpt_tos,
            "mail_options": envelope.mail_options,
            "connection": self.connections.get(session.peer),
            "tls": session.ssl is not None or self.options.tls == "smtps",
            "user": session.auth_data.login.decode() if session.auth_data else None,
            "eml": name + ".eml",
        }).encode())
        return "250 accepted as " + name

    def write(self, name, content):
        path = os.path.join(self.options.maildir, name)
        temporary = path + ".tmp"
        with open(temporary, "wb") as file:
            file.write(content)
        os.replace(temporary, path)


def authenticator(options):
    def authenticate(server, session, envelope, mechanism, data):
        good = (data.login.decode() == options.user and data.password.decode() == options.password)
        return AuthResult(success=good, handled=False, auth_data=data)
    return authenticate


async def serve(options):
    os.makedirs(options.maildir, exist_ok=True)
    handler = Handler(options)
    context = None
    if options.tls != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)

    def connection():
        return SMTP(
            handler,
            hostname="smtp.example.com",
            data_size_limit=64 * 1024 * 1024,
            enable_SMTPUTF8=True,
            tls_context=context if options.tls == "starttls" else None,
            require_starttls=options.tls == "starttls",
            auth_required=options.user is not None,
            # With SMTPS this library does not know that the connection is encrypted already.
            auth_require_tls=options.tls == "starttls",
            authenticator=authenticator(options) if options.user is not None else None,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        connection, "127.0.0.1", options.port,
        ssl=context if options.tls == "smtps" else None)
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, stop.set)
    if options.exit_with_stdin:
        loop.add_reader(sys.stdin.fileno(), lambda: os.read(sys.stdin.fileno(), 4096) or stop.set())
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await stop.wait()
    # Connections are cut, not drained: that is what a server that dies looks like to its clients.
    os._exit(0)


if __name__ == "__main__":
    import logging
    import warnings
    warnings.simplefilter("ignore")
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    asyncio.run(serve(arguments()))
