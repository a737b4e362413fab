// A server without TLS that is reached over the network: to a browser no secure context.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openPage, startBrowser, visit } from "./support/browser.js";
import { startServer } from "./support/server.js";

const NAME = "inbox.example.com";

let server;
let browser;
before(async () => {
  [server, browser] = await Promise.all([
    startServer({ host: "0.0.0.0" }),
    startBrowser({ args: [`--host-resolver-rules=MAP ${NAME} 127.0.0.1`] }),
  ]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("a secret is copied without a secure context", async (t) => {
  const named = { ...server, url: server.url.replace("127.0.0.1", NAME) };
  // Chromium says that it means nothing here.
  const page = await openPage(t, browser, named, { allow: /Cross-Origin-Opener-Policy/ });
  await visit(page, "/tokens");
  assert.equal(await page.evaluate(() => window.isSecureContext), false);
  await page.getByRole("button", { name: "Create token" }).click();
  const form = page.getByRole("dialog", { name: "Create token" });
  await form.getByLabel("Name", { exact: true }).fill("Berlin");
  await form.getByRole("button", { name: "Save" }).click();
  const made = page.getByRole("dialog", { name: "Token created" });
  const secret = (await made.locator("pre").first().innerText()).trim();
  await made.getByRole("button", { name: "Copy" }).first().click();
  await made.getByText("Copied").waitFor();
  await made.getByRole("button", { name: "Done" }).click();
  await made.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Create token" }).click();
  const field = form.getByLabel("Name", { exact: true });
  await field.focus();
  await page.keyboard.press("Control+V");
  assert.equal(await field.inputValue(), secret);
});
