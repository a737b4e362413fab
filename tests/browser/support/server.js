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

/** Starts the program; `stop` ends it and removes its folder. */
export async function startServer() {
  const port = await freePort();
  const folder = await mkdtemp(path.join(tmpdir(), "tocsin-browser-"));
  const program = spawn(
    BINARY,
    ["serve", "--listen", `127.0.0.1:${port}`, "--data-dir", folder],
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
  return {
    url,
    /** Speaks to the API; throws what it answers to a wrong request. */
    async api(method, address, body) {
      const answer = await fetch(`${url}/api/v1/${address}`, {
        method,
        headers: body === undefined ? {} : { "content-type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      const text = await answer.text();
      if (!answer.ok) {
        throw new Error(`${method} ${address}: ${answer.status} ${text}`);
      }
      return text === "" ? undefined : JSON.parse(text);
    },
    async stop() {
      program.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
