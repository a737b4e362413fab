import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { alert, deliver } from "./support/alerts.js";
import { openPage, startBrowser, visit } from "./support/browser.js";
import { startServer } from "./support/server.js";

let server;
let browser;
before(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("the empty state shows the configuration, sends a test alert, and shows it", async (t) => {
  const page = await openPage(t, browser, server);
  await visit(page, "/log");
  await page.getByText("No alerts yet").waitFor();
  const snippet = await page.locator("pre").innerText();
  assert.ok(snippet.includes(`url: ${server.url}/api/v1/webhooks/alertmanager`), snippet);
  await page.getByRole("button", { name: "Send a test alert" }).click();
  await page.getByRole("link", { name: "TocsinTest" }).waitFor();
  assert.equal(await page.getByText("No alerts yet").count(), 0);
});

test("a new alert appears at the top of the list without a reload", async (t) => {
  const page = await openPage(t, browser, server);
  await visit(page, "/log");
  await page.getByRole("button", { name: "Live", exact: true }).waitFor();
  await page.getByRole("link", { name: "TocsinTest" }).waitFor();
  await deliver(server, alert({ alertname: "FreshOne", severity: "critical", instance: "db-1" }));
  await page.getByRole("link", { name: "FreshOne" }).waitFor();
  const first = page.locator("tbody tr").first();
  assert.match(await first.innerText(), /critical[\s\S]*Firing[\s\S]*FreshOne/);
});

test("further down, new rows are announced and the list does not move", async (t) => {
  const many = Array.from({ length: 45 }, (_, n) => alert({ alertname: `Row${n}` }));
  await deliver(server, ...many);
  const page = await openPage(t, browser, server, { height: 600 });
  await visit(page, "/log");
  await page.getByRole("link", { name: "Row44" }).waitFor();
  await page.getByRole("button", { name: "Live", exact: true }).waitFor();
  await page.locator("tbody tr").nth(30).scrollIntoViewIfNeeded();
  const text = await page.locator("tbody tr").first().innerText();
  await deliver(server, alert({ alertname: "Unseen" }), alert({ alertname: "Unseen2" }));
  await page.getByRole("button", { name: /^2 new/ }).waitFor();
  assert.equal(await page.locator("tbody tr").first().innerText(), text);
  await page.getByRole("button", { name: /^2 new/ }).click();
  await page.getByRole("link", { name: "Unseen", exact: true }).waitFor();
});

test("the badge shows the live state: paused, then live again", async (t) => {
  const page = await openPage(t, browser, server);
  await visit(page, "/incidents");
  await page.getByRole("button", { name: "Live", exact: true }).click();
  await page.getByRole("button", { name: "Paused", exact: true }).waitFor();
  await deliver(server, alert({ alertname: "WhilePaused" }));
  await page.getByRole("button", { name: "Paused", exact: true }).click();
  await page.getByRole("button", { name: "Live", exact: true }).waitFor();
  // Events during the pause are caught up.
  await page.getByRole("link", { name: "WhilePaused" }).waitFor();
});

test("the list pages to the end and back", async (t) => {
  await deliver(server, ...Array.from({ length: 9 }, (_, n) => alert({ alertname: `More${n}` })));
  const page = await openPage(t, browser, server);
  await visit(page, "/log");
  await page.getByText(/50 shown, more follow/).waitFor();
  const first = await page.locator("tbody tr").first().innerText();
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByText(/the last page/).waitFor();
  assert.match(page.url(), /cursor=/);
  await page.getByRole("button", { name: "Previous" }).click();
  await page.getByText(/50 shown, more follow/).waitFor();
  assert.equal((await page.locator("tbody tr").first().innerText()).split("\n")[0], first.split("\n")[0]);
});

test("a typed time is kept when the list changes", async (t) => {
  const page = await openPage(t, browser, server);
  await visit(page, "/log");
  await page.getByRole("button", { name: "Live", exact: true }).waitFor();
  await page.getByRole("button", { name: "Any time" }).click();
  const from = page.getByLabel("From");
  await from.fill("2026-01-02T03:04");
  await deliver(server, alert({ alertname: "WhileTyping" }));
  await page.getByRole("link", { name: "WhileTyping" }).waitFor();
  assert.equal(await from.inputValue(), "2026-01-02T03:04");
  await page.getByRole("button", { name: "Apply" }).click();
  await page.waitForURL(/from=2026-01-0/);
});
