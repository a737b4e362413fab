// The real server, one per test file, with its own port and data directory.

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

/** The administrator that every server has by default. */
export const ADMIN = { name: "Ana", email: "ana@example.com", password: "brass otter lantern 42" };

/**
 * Starts the server; `stop` ends it and removes its data directory. Unless `admin`
 * is false, it has the user `ADMIN`, which `api` uses. It listens on `host`.
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
  let output = "";
  const append = (chunk) => (output = (output + chunk).slice(-20_000));
  program.stdout.on("data", append);
  program.stderr.on("data", append);
  const ended = new Promise((resolve) => program.on("exit", resolve));
  const url = `http://127.0.0.1:${port}`;
  await until(`the server to be ready:\n${output}`, async () => {
    if (program.exitCode !== null) {
      throw new Error(`the server exited with ${program.exitCode}:\n${output}`);
    }
    return (await fetch(`${url}/readyz`).catch(() => undefined))?.ok;
  });
  const server = {
    url,
    /** Output so far. */
    output: () => output,
    /** Sends an API request; throws on an error status. */
    async api(method, path, body) {
      const headers = body === undefined ? {} : { "content-type": "application/json" };
      // Webhook requests have no session.
      if (server.cookie && !path.startsWith("webhooks/")) {
        headers.cookie = server.cookie;
      }
      const answer = await fetch(`${url}/api/v1/${path}`, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      const text = await answer.text();
      if (!answer.ok) {
        throw new Error(`${method} ${path}: ${answer.status} ${text}`);
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
    /** Creates a user as the administrator; returns its credentials and ID. */
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

/** Runs a subcommand with one line on standard input. */
async function command(folder, args, line) {
  const run = spawn(BINARY, [...args, "--data-dir", folder], { cwd: folder, stdio: "pipe" });
  let output = "";
  run.stdout.on("data", (chunk) => (output += chunk));
  run.stderr.on("data", (chunk) => (output += chunk));
  run.stdin.end(`${line}\n`);
  const code = await new Promise((resolve) => run.on("exit", resolve));
  if (code !== 0) {
    throw new Error(`tocsin ${args.join(" ")} exited with ${code}:\n${output}`);
  }
}
