// The real program, one for each test file: its own port, its own folder.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { until } from "./until.js";

const BINARY =
  process.env.TOCSIN_BIN ?? path.resolve(import.meta.dirname, "../../../target/debug/tocsin");

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Who there is unless a test says otherwise. */
export const ADMIN = { name: "Ana", email: "ana@example.com", password: "brass otter lantern 42" };

/**
 * Starts the program; `stop` ends it and removes its folder. It has the
 * administrator `ADMIN`, in whose name `api` speaks, unless `admin` is false. It
 * listens on loopback unless `host` says otherwise.
 */
export async function startServer({ admin = true, host = "127.0.0.1" } = {}) {
  const port = await freePort();
  const folder = await mkdtemp(path.join(tmpdir(), "tocsin-browser-"));
  if (admin) {
    const { email, name, password } = ADMIN;
    await command(folder, ["user", "add", "--role", "admin", "--email", email, "--name", name], password);
  }
  const program = spawn(
    BINARY,
    ["serve", "--listen", `${host}:${port}`, "--data-dir", folder],
    { cwd: folder, stdio: ["ignore", "pipe", "pipe"] },
  );
  let said = "";
  const hear = (chunk) => (said = (said + chunk).slice(-20_000));
  program.stdout.on("data", hear);
  program.stderr.on("data", hear);
  const ended = new Promise((resolve) => program.on("exit", resolve));
  const url = `http://127.0.0.1:${port}`;
  await until(`the program to be ready:\n${said}`, async () => {
    if (program.exitCode !== null) {
      throw new Error(`the program ended with ${program.exitCode}:\n${said}`);
    }
    return (await fetch(`${url}/readyz`).catch(() => undefined))?.ok;
  });
  const server = {
    url,
    /** What it wrote so far. */
    said: () => said,
    /** Speaks to the API; throws what it answers to a wrong request. */
    async api(method, address, body) {
      const headers = body === undefined ? {} : { "content-type": "application/json" };
      // Senders have no session.
      if (server.cookie && !address.startsWith("webhooks/")) {
        headers.cookie = server.cookie;
      }
      const answer = await fetch(`${url}/api/v1/${address}`, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      const text = await answer.text();
      if (!answer.ok) {
        throw new Error(`${method} ${address}: ${answer.status} ${text}`);
      }
      return text === "" ? undefined : JSON.parse(text);
    },
    /** Signs in and returns the session's cookie, `name=value`. */
    async signIn({ email, password }) {
      const answer = await fetch(`${url}/api/v1/sign-in`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ email, password }),
      });
      if (!answer.ok) {
        throw new Error(`sign-in: ${answer.status} ${await answer.text()}`);
      }
      return answer.headers.get("set-cookie").split(";")[0];
    },
    /** Adds a user, as the administrator does, and returns who can sign in. */
    async user(role, name, more = {}) {
      const person = {
        name,
        email: `${name.toLowerCase()}@example.com`,
        password: `${name} quiet harbour piano 7`,
      };
      const { id } = await server.api("POST", "users", { ...person, role, ...more });
      return { ...person, id };
    },
    async stop() {
      program.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
  if (admin) {
    server.cookie = await server.signIn(ADMIN);
  }
  return server;
}

/** Runs a command of the program to its end, with a line for it to read. */
async function command(folder, words, line) {
  const run = spawn(BINARY, [...words, "--data-dir", folder], { cwd: folder, stdio: "pipe" });
  let said = "";
  run.stdout.on("data", (chunk) => (said += chunk));
  run.stderr.on("data", (chunk) => (said += chunk));
  run.stdin.end(`${line}\n`);
  const code = await new Promise((resolve) => run.on("exit", resolve));
  if (code !== 0) {
    throw new Error(`tocsin ${words.join(" ")} ended with ${code}:\n${said}`);
  }
}
