// Users, tokens, the audit log, and edit conflicts.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { alert } from "./support/alerts.js";
import { openPage, startBrowser, visit } from "./support/browser.js";
import { startServer } from "./support/server.js";

const REJECTED = /status of (400|401|403|404|409|412|422)/;

let server;
let browser;
before(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("a user is added, edited, signed out and deleted", async (t) => {
  const page = await openPage(t, browser, server, { allow: REJECTED });
  await visit(page, "/users");
  await page.getByRole("button", { name: "Add user" }).click();
  let form = page.getByRole("dialog", { name: "Add user" });
  await form.getByLabel("Name", { exact: true }).fill("Bo");
  await form.getByLabel("E-mail").fill("bo@example.com");
  await form.getByRole("radio", { name: /Responder/ }).check();
  await form.getByRole("button", { name: "Add matcher" }).click();
  await form.getByLabel("Matcher 1").fill("nonsense");
  await form.getByLabel("Password (optional)").fill("short");
  await form.getByRole("button", { name: "Save" }).click();
  await form.locator("#matcher-0-error").waitFor();
  await form.getByLabel("Matcher 1").fill('team="db"');
  await form.getByLabel("Password (optional)").fill("amber kettle window 3");
  // A double click creates one user.
  await form.getByRole("button", { name: "Save" }).dblclick();
  await form.waitFor({ state: "detached" });
  const row = page.locator("tr", { hasText: "bo@example.com" });
  await row.getByText('team="db"').waitFor();
  assert.equal(await row.count(), 1);
  const bo = { email: "bo@example.com", password: "amber kettle window 3" };
  const cookie = await server.signIn(bo);

  await row.getByRole("button", { name: "Sign out Bo everywhere" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Sign out everywhere" }).click();
  await page.getByText("Bo is signed out everywhere.").waitFor();
  const answer = await fetch(`${server.url}/api/v1/me`, { headers: { cookie } });
  assert.equal(answer.status, 401);

  await row.getByRole("button", { name: "Edit Bo" }).click();
  form = page.getByRole("dialog", { name: "Edit Bo" });
  await form.getByRole("checkbox", { name: /Can sign in/ }).uncheck();
  await form.getByRole("button", { name: "Save" }).click();
  await form.waitFor({ state: "detached" });
  await row.getByText("Disabled").waitFor();
  await assert.rejects(server.signIn(bo), /401/);

  await row.getByRole("button", { name: "Delete Bo" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
  await row.waitFor({ state: "detached" });

  // The last administrator cannot be deleted.
  await page.getByRole("button", { name: "Delete Ana" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("dialog").getByRole("alert").waitFor();
});

test("an edit conflict is not overwritten without confirmation", async (t) => {
  const { id } = await server.user("viewer", "Carl");
  const page = await openPage(t, browser, server, { allow: REJECTED });
  const write = (name) => server.api("PUT", `users/${id}`, { name, email: "carl@example.com", role: "viewer" });
  const stored = async () => (await server.api("GET", `users/${id}`)).name;
  const edit = async () => {
    await visit(page, "/users");
    const row = page.locator("tr", { hasText: "carl@example.com" });
    await row.getByRole("button", { name: /^Edit/ }).click();
    const form = page.getByRole("dialog", { name: /^Edit/ });
    await form.getByLabel("Name", { exact: true }).fill("Mine");
    return form;
  };
  let form = await edit();
  await write("Theirs");
  await form.getByRole("button", { name: "Save" }).click();
  const conflict = form.locator(".conflict");
  await conflict.getByRole("cell", { name: "Theirs" }).waitFor();
  await conflict.getByRole("cell", { name: "Mine" }).waitFor();
  assert.equal(await stored(), "Theirs");
  await conflict.getByRole("button", { name: "Reload their version" }).click();
  assert.equal(await form.getByLabel("Name", { exact: true }).inputValue(), "Theirs");
  await form.getByLabel("Name", { exact: true }).fill("Both");
  await form.getByRole("button", { name: "Save" }).click();
  await form.waitFor({ state: "detached" });
  assert.equal(await stored(), "Both");

  form = await edit();
  await write("Theirs again");
  await form.getByRole("button", { name: "Save" }).click();
  await form.getByRole("button", { name: "Overwrite" }).click();
  await form.waitFor({ state: "detached" });
  assert.equal(await stored(), "Mine");
});

test("edit conflicts of a recipient, a group and a route", async (t) => {
  const group = await server.api("POST", "groups", { name: "db" });
  const recipient = await server.api("POST", "recipients", { name: "Ria", email: "ria@example.com" });
  const route = await server.api("POST", "routes", { name: "Web", matchers: ['team="web"'], groupIds: [group.id] });
  const page = await openPage(t, browser, server, { allow: REJECTED });
  for (const [show, name, path, body, theirs] of [
    ["recipients", "Ria", `recipients/${recipient.id}`, { name: "Ria", email: "ria@example.org" }, "ria@example.org"],
    ["groups", "db", `groups/${group.id}`, { name: "db", recipientIds: [recipient.id] }, /Ria/],
    ["routes", "Web", `routes/${route.id}`, { name: "Web", matchers: ['team="www"'], groupIds: [group.id] }, 'team="www"'],
  ]) {
    await visit(page, `/recipients?show=${show}`);
    await page.getByRole("button", { name: `Edit ${name}` }).click();
    const form = page.getByRole("dialog", { name: `Edit ${name}` });
    await form.getByLabel("Name", { exact: true }).fill(`${name} 2`);
    await server.api("PUT", path, body);
    await form.getByRole("button", { name: "Save" }).click();
    await form.locator(".conflict").getByRole("cell", { name: theirs }).waitFor();
    await form.getByRole("button", { name: "Overwrite" }).click();
    await form.waitFor({ state: "detached" });
    await page.getByRole("rowheader", { name: `${name} 2` }).waitFor();
  }
});

test("a token's secret is shown once with the Alertmanager configuration, and authenticates", async (t) => {
  const page = await openPage(t, browser, server, { allow: REJECTED });
  await visit(page, "/tokens");
  await page.getByRole("button", { name: "Create token" }).click();
  const form = page.getByRole("dialog", { name: "Create token" });
  await form.getByRole("button", { name: "Save" }).click();
  await form.locator("#token-name-error").waitFor();
  await form.getByLabel("Name", { exact: true }).fill("Berlin");
  await form.getByLabel("Source (optional)").fill("berlin");
  await form.getByLabel("Expires").selectOption("90");
  await form.getByRole("button", { name: "Save" }).dblclick();
  const created = page.getByRole("dialog", { name: "Token created" });
  const secret = (await created.locator("pre").first().innerText()).trim();
  assert.match(secret, /^tocsin_[0-9A-Za-z]{49}$/);
  const yaml = await created.locator("pre").last().innerText();
  assert.ok(yaml.includes(`credentials: ${secret}`) && yaml.includes("/webhooks/alertmanager"), yaml);
  await created.getByRole("button", { name: "Done" }).click();
  const row = page.locator("tr", { hasText: "Berlin" });
  await row.getByText("source berlin").waitFor();
  assert.equal(await row.count(), 1);
  assert.ok(!(await page.content()).includes(secret));

  const deliver = () =>
    fetch(`${server.url}/api/v1/webhooks/alertmanager`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${secret}` },
      body: JSON.stringify({
        version: "4",
        groupKey: "{}:{}",
        status: "firing",
        receiver: "tocsin",
        externalURL: "http://alertmanager.example:9093",
        alerts: [alert({ alertname: "ByToken" })],
      }),
    });
  assert.equal((await deliver()).status, 200);
  assert.equal((await server.api("GET", "incidents?alertname=ByToken")).items[0].source, "berlin");
  await row.getByRole("button", { name: "Revoke Berlin" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke", exact: true }).click();
  await page.getByRole("button", { name: /Show revoked and expired/ }).click();
  await row.getByText("revoked").waitFor();
  assert.equal((await deliver()).status, 401);
});

test("the audit log is filtered, shows changes, links to objects, and is exported", async (t) => {
  const { id } = await server.user("viewer", "Dora");
  await server.api("PUT", `users/${id}`, { name: "Dora", email: "dora@example.com", role: "responder" });
  const page = await openPage(t, browser, server, { allow: REJECTED });
  await visit(page, "/audit");
  await page.getByRole("combobox", { name: "Action" }).selectOption("user.update");
  await page.waitForURL(/action=user\.update/);
  await page.locator("tr", { hasText: "Dora" }).getByRole("link", { name: "Changed a user" }).click();
  await page.waitForURL(/\/audit\/\d+\?action=user\.update/);
  const panel = page.getByRole("complementary");
  const change = panel.locator(".diff > div", { hasText: "role" });
  await change.locator(".diff-before").getByText("viewer").waitFor();
  await change.locator(".diff-after").getByText("responder").waitFor();
  assert.equal(await panel.locator(".diff > div").count(), 1);

  await panel.getByRole("link", { name: "Object history" }).click();
  await page.waitForURL(/objectKind=user&objectId=\d+/);
  await page.getByRole("link", { name: "Added a user" }).waitFor();
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 2);

  await page.getByRole("button", { name: "Export" }).click();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "CSV" }).click(),
  ]);
  assert.match(download.suggestedFilename(), /\.csv$/);

  await page.goBack();
  await page.getByRole("complementary").getByRole("link", { name: "View object" }).click();
  await page.waitForURL(/\/users$/);
});

test("the audit log search finds actions on a user", async (t) => {
  await server.user("viewer", "Quentin");
  const page = await openPage(t, browser, server);
  await visit(page, "/audit");
  await page.getByRole("searchbox", { name: "Search the audit log" }).fill("Quentin");
  await page.keyboard.press("Enter");
  await page.waitForURL(/q=Quentin/);
  await page.locator("tr", { hasText: "Quentin" }).waitFor();
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 1);
});

test("text typed before the first entries load is kept", async (t) => {
  const page = await openPage(t, browser, server);
  let release;
  const typed = new Promise((resolve) => (release = resolve));
  await page.route(/\/api\/v1\/audit\?/, async (route) => {
    await typed;
    await route.continue();
  });
  await visit(page, "/audit");
  const search = page.getByRole("searchbox", { name: "Search the audit log" });
  await search.fill("early");
  release();
  await page.locator("tbody tr").first().waitFor();
  assert.equal(await search.inputValue(), "early");
});

test("typed text is kept when the page re-renders", async (t) => {
  const page = await openPage(t, browser, server);
  await visit(page, "/audit");
  const search = page.getByRole("searchbox", { name: "Search the audit log" });
  await search.fill("unfinished");
  const [answer] = await Promise.all([
    page.waitForResponse(/\/api\/v1\/audit/),
    page.getByRole("button", { name: "Refresh" }).click(),
  ]);
  await answer.finished();
  await page.getByRole("button", { name: "Any time" }).click();
  assert.equal(await search.inputValue(), "unfinished");
  await page.getByLabel("From").fill("2026-01-02T03:04");
  await page.getByLabel("To", { exact: true }).fill("2026-02-03T04:05");
  await page.getByRole("button", { name: "Apply" }).click();
  await page.waitForURL(/from=2026-01-0\d.*to=2026-02-0\d/);
  assert.equal(await search.inputValue(), "unfinished");
});
