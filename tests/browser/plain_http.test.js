// A server without TLS on the network, which is not a secure context for browsers.

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
  // Chromium warns that the header is ignored without TLS.
  const page = await openPage(t, browser, named, { allow: /Cross-Origin-Opener-Policy/ });
  await visit(page, "/tokens");
  assert.equal(await page.evaluate(() => window.isSecureContext), false);
  await page.getByRole("button", { name: "Create token" }).click();
  const form = page.getByRole("dialog", { name: "Create token" });
  await form.getByLabel("Name", { exact: true }).fill("Berlin");
  await form.getByRole("button", { name: "Save" }).click();
  const created = page.getByRole("dialog", { name: "Token created" });
  const secret = (await created.locator("pre").first().innerText()).trim();
  await created.getByRole("button", { name: "Copy" }).first().click();
  await created.getByText("Copied").waitFor();
  await created.getByRole("button", { name: "Done" }).click();
  await created.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Create token" }).click();
  const field = form.getByLabel("Name", { exact: true });
  await field.focus();
  await page.keyboard.press("Control+V");
  assert.equal(await field.inputValue(), secret);
});
