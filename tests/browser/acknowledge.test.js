import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { alert, deliver } from "./support/alerts.js";
import { openPage, startBrowser, visit } from "./support/browser.js";
import { startServer } from "./support/server.js";
import { until } from "./support/until.js";

let server;
let browser;
before(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
  const names = ["One", "Two", "Three", "Four", "Five", "Six"];
  await deliver(
    server,
    ...names.map((alertname) => alert({ alertname, severity: "warning", team: "ops" })),
  );
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function incident(name) {
  const { items } = await server.api("GET", `incidents?alertname=${name}`);
  return items[0];
}

const row = (page, name) =>
  page.locator("tbody tr").filter({ has: page.getByRole("link", { name, exact: true }) });

test("one click acknowledges as the signed-in user, and can be undone", async (t) => {
  const page = await openPage(t, browser, server);
  await visit(page, "/incidents");
  await row(page, "One").getByRole("button", { name: "Acknowledge" }).click();
  await row(page, "One").getByText("Ana").waitFor();
  assert.equal((await incident("One")).knownBy, "Ana");

  await page.getByRole("button", { name: "Undo" }).click();
  await row(page, "One").getByRole("button", { name: "Acknowledge" }).waitFor();
  assert.equal((await incident("One")).known, false);
});

test("the panel stores a note, and the timeline shows its author", async (t) => {
  const user = await server.user("responder", "王小明", { email: "wang@example.com" });
  const page = await openPage(t, browser, server, { user: { ...user, email: "wang@example.com" } });
  await visit(page, "/incidents");
  await page.getByRole("link", { name: "Three" }).click();
  const panel = page.getByRole("complementary");
  await panel.getByLabel("Note").fill("磁盘扩容中");
  await panel.getByRole("button", { name: "Acknowledge", exact: true }).click();
  await panel.getByText("Acknowledged by 王小明").first().waitFor();
  await panel.locator(".history").getByText("磁盘扩容中").waitFor();
  const { knownBy, memo } = await incident("Three");
  assert.deepEqual({ knownBy, memo }, { knownBy: "王小明", memo: "磁盘扩容中" });
  await panel.getByRole("button", { name: "Unacknowledge" }).click();
  await until("the incident to be unacknowledged", async () => !(await incident("Three")).known);
});

test("an incident is closed from its panel with a note, after confirmation", async (t) => {
  await deliver(server, alert({ alertname: "Ghost" }));
  const { id } = await incident("Ghost");
  const page = await openPage(t, browser, server);
  await visit(page, `/incidents/${id}`);
  const panel = page.getByRole("complementary");
  await panel.getByLabel("Note").fill("the host is gone");
  const close = async (answer) => {
    await panel.getByRole("button", { name: "Close incident" }).click();
    const dialog = page.getByRole("dialog", { name: /Ghost/ });
    await dialog.getByRole("button", { name: answer, exact: true }).click();
    await dialog.waitFor({ state: "detached" });
  };
  await close("Cancel");
  assert.equal((await incident("Ghost")).state, "open");
  await close("Close incident");
  await page.getByText("Closed Ghost").waitFor();
  await panel.locator(".history").getByText("Closed by Ana").waitFor();
  await panel.getByRole("button", { name: "Close incident" }).waitFor({ state: "detached" });
  const closed = await incident("Ghost");
  assert.deepEqual([closed.state, closed.endReason, closed.memo], ["closed", "person", "the host is gone"]);
});

test("several incidents are closed at once", async (t) => {
  await deliver(server, alert({ alertname: "Old1" }), alert({ alertname: "Old2" }));
  const page = await openPage(t, browser, server);
  await visit(page, "/incidents");
  for (const name of ["Old1", "Old2"]) {
    await page.getByRole("checkbox", { name: `Select ${name}`, exact: true }).check();
  }
  await page.getByRole("button", { name: "Close incidents" }).click();
  const dialog = page.getByRole("dialog", { name: /2 incidents/ });
  await dialog.getByRole("button", { name: /^Close incident/ }).click();
  await page.getByText("Closed 2 incidents").waitFor();
  assert.equal((await incident("Old2")).state, "closed");
});

test("several incidents are acknowledged at once, with a note", async (t) => {
  const page = await openPage(t, browser, server);
  await visit(page, "/incidents");
  for (const name of ["Four", "Five"]) {
    await page.getByRole("checkbox", { name: `Select ${name}`, exact: true }).check();
  }
  await page.getByText("2 incidents selected").waitFor();
  await page.getByLabel("Note").fill("known noise");
  await page.getByRole("button", { name: "Acknowledge", exact: true }).click();
  await page.getByText("Acknowledged 2 incidents").waitFor();
  await row(page, "Four").getByText("Ana").waitFor();
  assert.equal((await incident("Five")).memo, "known noise");
});

test("all incidents that match the filter are acknowledged", async (t) => {
  const page = await openPage(t, browser, server);
  await visit(page, "/incidents?team=ops&known=false");
  await page.locator("tbody").getByRole("checkbox").first().check();
  await page.getByRole("button", { name: "Select all that match the filter" }).click();
  await page.getByText(/^All \d+ matching unacknowledged incidents selected$/).waitFor();
  await page.getByRole("button", { name: "Acknowledge", exact: true }).click();
  await page.getByText("Nothing matches the filter.").waitFor();
  assert.equal((await server.api("GET", "incidents?known=false")).items.length, 0);
  await page.getByRole("button", { name: "Undo" }).click();
  await page.locator("tbody tr").first().waitFor();
});

test("keyboard shortcuts select, open, acknowledge and navigate", async (t) => {
  const page = await openPage(t, browser, server);
  await deliver(server, alert({ alertname: "Seven" }), alert({ alertname: "Eight" }));
  await visit(page, "/log");
  await row(page, "Seven").waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  const second = await page.locator("tbody tr").nth(1).locator("a.row-link").innerText();
  await page.waitForFunction((name) => document.activeElement?.textContent === name, second);
  await page.keyboard.press("x");
  await page.getByText("1 incident selected").waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("k");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/log\/\d+$/);
  await page.getByRole("complementary").getByRole("heading", { level: 2 }).waitFor();
  await page.keyboard.press("Escape");
  await page.waitForURL(/\/log$/);
  const first = await page.locator("tbody tr").first().locator("a.row-link").innerText();
  await page.keyboard.press("a");
  await until("the first row to be acknowledged", async () => (await incident(first)).knownBy === "Ana");
  await page.keyboard.press("g");
  await page.keyboard.press("r");
  await page.waitForURL(/\/recipients$/);
  // Loads the other program.
  await page.getByRole("link", { name: "Groups" }).waitFor();
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
});
