// Users do not see controls that they may not use.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { alert, deliver } from "./support/alerts.js";
import { openPage, startBrowser, visit } from "./support/browser.js";
import { startServer } from "./support/server.js";

let server;
let browser;
before(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
  const group = await server.api("POST", "groups", { name: "db", isDefault: true });
  await server.api("POST", "recipients", { name: "Ria", email: "ria@example.com", groupIds: [group.id] });
  await server.api("POST", "routes", { name: "Rest", matchers: [], groupIds: [group.id] });
  await deliver(
    server,
    alert({ alertname: "DiskFull", severity: "critical", team: "db" }),
    alert({ alertname: "Slow", severity: "warning", team: "web" }),
  );
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const parts = ["recipients", "groups", "routes"];

test("a viewer can read all pages and change nothing", async (t) => {
  const user = await server.user("viewer", "Vi");
  const page = await openPage(t, browser, server, { user });
  const writes = [];
  page.on("request", (request) => {
    if (request.method() !== "GET") {
      writes.push(`${request.method()} ${request.url()}`);
    }
  });
  for (const address of ["/incidents", "/log"]) {
    await visit(page, address);
    await page.getByRole("link", { name: "DiskFull" }).waitFor();
    assert.equal(await page.getByRole("button", { name: /Acknowledge/ }).count(), 0);
    assert.equal(await page.locator("tbody input[type=checkbox]").count(), 0);
    await page.keyboard.press("j");
    await page.keyboard.press("a");
    await page.keyboard.press("x");
    await page.keyboard.press("Enter");
    await page.getByRole("complementary").getByText("Not acknowledged.").waitFor();
    assert.equal(await page.getByLabel("Note").count(), 0);
  }
  for (const part of parts) {
    await visit(page, `/recipients?show=${part}`);
    await page.locator("tbody th").first().waitFor();
    assert.equal(await page.getByRole("button", { name: /^(Add|Edit|Delete|Move) / }).count(), 0, part);
  }
  await visit(page, "/recipients?show=mails");
  await page.locator("li.mail").first().waitFor();
  assert.equal(await page.getByRole("button", { name: /Send again/ }).count(), 0);
  assert.equal(await page.getByRole("link", { name: "Administration" }).count(), 0);
  for (const address of ["/users", "/tokens", "/audit", "/audit/1"]) {
    await visit(page, address);
    await page.getByText("Only administrators can view this page.").waitFor();
  }
  assert.deepEqual(writes, []);
});

test("a responder can acknowledge and resend, but not edit", async (t) => {
  const user = await server.user("responder", "Bo");
  const page = await openPage(t, browser, server, { user });
  await visit(page, "/incidents");
  await page.getByRole("button", { name: "Acknowledge DiskFull" }).click();
  await page.locator("tbody .ack-mark").getByText("Bo").waitFor();
  for (const part of parts) {
    await visit(page, `/recipients?show=${part}`);
    await page.locator("tbody th").first().waitFor();
    assert.equal(await page.getByRole("button", { name: /^(Add|Edit|Delete|Move) / }).count(), 0, part);
  }
  await visit(page, "/recipients?show=mails");
  await page.getByRole("button", { name: /Send again/ }).first().waitFor();
});

test("a user with restricted visibility sees the restriction, and no other alerts", async (t) => {
  const user = await server.user("responder", "Dima", { matchers: ['team="web"'] });
  const page = await openPage(t, browser, server, { user, allow: /status of 404/ });
  await visit(page, "/incidents");
  await page.getByRole("link", { name: "Slow" }).waitFor();
  await page.locator(".scope").getByText('team="web"').waitFor();
  assert.equal(await page.getByRole("link", { name: "DiskFull" }).count(), 0);
  const { items } = await server.api("GET", "incidents?alertname=DiskFull");
  await visit(page, `/incidents/${items[0].id}`);
  await page.getByText("Not found").waitFor();
  await visit(page, "/log");
  await page.getByRole("link", { name: "Slow" }).click();
  await page.getByRole("complementary").getByRole("heading", { name: "Slow" }).waitFor();
});
