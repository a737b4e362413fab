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

// The browser logs each rejected request to the console.
const REJECTED = /status of (400|409|422)/;

test("a recipient, a group and a route are added, and an alert notifies them", async (t) => {
  const page = await openPage(t, browser, server, { allow: REJECTED });
  await visit(page, "/recipients");

  await page.getByRole("button", { name: "Add recipient" }).click();
  let form = page.getByRole("dialog", { name: "Add recipient" });
  await form.getByLabel("Name").fill("王小明");
  await form.getByLabel("E-mail").fill("no address");
  await form.getByRole("button", { name: "Save" }).click();
  await form.locator("#recipient-email-error").waitFor();
  // The input is kept.
  assert.equal(await form.getByLabel("Name").inputValue(), "王小明");
  await form.getByLabel("E-mail").fill("wang@example.org");
  await form.getByLabel("Notification language").selectOption("zh");
  await form.getByLabel("Time zone").fill("Asia/Shanghai");
  await form.getByRole("button", { name: "Save" }).click();
  await form.waitFor({ state: "detached" });
  await page.getByRole("cell", { name: "wang@example.org" }).waitFor();

  await page.getByRole("link", { name: "Groups" }).click();
  await page.getByRole("button", { name: "Add group" }).click();
  form = page.getByRole("dialog", { name: "Add group" });
  await form.getByLabel("Name").fill("dba");
  await form.getByRole("checkbox", { name: /王小明/ }).check();
  await form.getByRole("button", { name: "Save" }).click();
  await form.waitFor({ state: "detached" });
  await page.getByRole("rowheader", { name: "dba" }).waitFor();

  await page.getByRole("link", { name: "Routes" }).click();
  for (const [name, matcher] of [
    ["Databases", 'team="db"'],
    ["Rest", 'team!~"db|api"'],
  ]) {
    await page.getByRole("button", { name: "Add route" }).click();
    form = page.getByRole("dialog", { name: "Add route" });
    await form.getByLabel("Name").fill(name);
    await form.getByLabel("Matcher 1").fill("nonsense");
    await form.getByRole("button", { name: "Save" }).click();
    await form.locator("#matcher-0-error").waitFor();
    await form.getByLabel("Matcher 1").fill(matcher);
    await form.getByRole("checkbox", { name: "dba" }).check();
    await form.getByRole("button", { name: "Save" }).click();
    await form.waitFor({ state: "detached" });
    await page.getByText(matcher).waitFor();
  }
  await page.getByRole("button", { name: "Move Rest up" }).click();
  await page.waitForFunction(
    () => document.querySelector("tbody th")?.textContent === "Rest",
  );
  const { items } = await server.api("GET", "routes");
  assert.deepEqual(items.map((route) => route.name), ["Rest", "Databases"]);

  await deliver(server, alert({ alertname: "DiskFull", team: "db", severity: "critical" }));
  await page.getByRole("link", { name: "Notification log" }).click();
  const notification = page.locator("li.mail").first();
  await notification.getByText("wang@example.org").waitFor();
  await notification.getByText("route Databases, group dba").waitFor();
  await notification.getByText("Not sent: no mail server").waitFor();
  await notification.getByRole("button", { name: "Send again to 王小明" }).click();
  await page.getByText(/resend of notification #\d+/).waitFor();
});

test("deleting a group in use shows the routes that use it", async (t) => {
  const page = await openPage(t, browser, server, { allow: REJECTED });
  await visit(page, "/recipients?show=groups");
  await page.getByRole("button", { name: "Delete dba" }).click();
  const dialog = page.getByRole("dialog", { name: "Delete dba" });
  await dialog.getByRole("button", { name: "Delete", exact: true }).click();
  await dialog.getByRole("alert").waitFor();
  assert.match(await dialog.getByRole("alert").innerText(), /Databases|Rest/);
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("rowheader", { name: "dba" }).waitFor();
});

test("a route is edited and deleted", async (t) => {
  const page = await openPage(t, browser, server);
  await visit(page, "/recipients?show=routes");
  await page.getByRole("button", { name: "Edit Rest" }).click();
  const form = page.getByRole("dialog", { name: "Edit Rest" });
  await form.getByLabel("Name").fill("Others");
  await form.getByRole("button", { name: "Save" }).click();
  await form.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Delete Others" }).click();
  const dialog = page.getByRole("dialog", { name: "Delete Others" });
  await dialog.getByRole("button", { name: "Delete", exact: true }).click();
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("rowheader", { name: "Others" }).waitFor({ state: "detached" });
});

test("matching every alert and not notifying need confirmation", async (t) => {
  const page = await openPage(t, browser, server);
  await visit(page, "/recipients?show=routes");
  await page.getByRole("button", { name: "Add route" }).click();
  const form = page.getByRole("dialog", { name: "Add route" });
  await form.getByLabel("Name").fill("Drop");
  await form.getByRole("button", { name: "Save" }).click();
  await form.getByText("Add a matcher, or select “Match every alert”.").waitFor();
  await form.getByText("Select a group, or select “Do not notify”.").waitFor();
  await form.getByRole("checkbox", { name: "Match every alert" }).check();
  await form.getByRole("checkbox", { name: "Do not notify" }).check();
  await form.getByRole("button", { name: "Save" }).click();
  await form.waitFor({ state: "detached" });
  await page.getByRole("rowheader", { name: "Drop" }).waitFor();
  await page.getByRole("button", { name: "Delete Drop" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("rowheader", { name: "Drop" }).waitFor({ state: "detached" });
});

test("routing by team is the last route, and can be disabled", async (t) => {
  const page = await openPage(t, browser, server);
  await visit(page, "/recipients?show=routes");
  const last = page.locator("tbody tr").last();
  await last.getByRole("rowheader", { name: "By team" }).waitFor();
  const saved = () => page.waitForResponse((answer) => answer.request().method() === "PUT");
  for (const enabled of [false, true]) {
    const [answer] = await Promise.all([saved(), last.getByRole("checkbox").setChecked(enabled)]);
    assert.equal(answer.status(), 200);
    assert.deepEqual(await server.api("GET", "routes/team"), { enabled });
  }
});

test("a test alert is sent to one recipient", async (t) => {
  const page = await openPage(t, browser, server);
  await visit(page, "/recipients");
  await page.getByRole("button", { name: "Send a test alert to 王小明" }).click();
  await page.getByText("Test alert queued for 王小明").waitFor();
  const { items } = await server.api("GET", "notifications?limit=1");
  assert.deepEqual(items[0].reasons, [{ route: null, group: "test alert" }]);
});

test("the focus returns to the button that opened a dialog", async (t) => {
  const page = await openPage(t, browser, server);
  await visit(page, "/recipients");
  const button = page.getByRole("button", { name: "Add recipient" });
  await button.press("Enter");
  await page.getByRole("dialog", { name: "Add recipient" }).waitFor();
  await page.keyboard.press("Escape");
  await page.waitForFunction(
    () => document.activeElement?.textContent?.trim() === "Add recipient",
  );
});
