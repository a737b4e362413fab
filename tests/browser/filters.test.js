import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { alert, deliver } from "./support/alerts.js";
import { openPage, startBrowser, visit } from "./support/browser.js";
import { startServer } from "./support/server.js";

let server;
let browser;
before(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
  await deliver(
    server,
    alert({ alertname: "DiskFull", severity: "critical", team: "db", instance: "db-1", job: "node" }),
    alert({ alertname: "Slow", severity: "warning", team: "api", instance: "api-1", job: "web" }),
    alert(
      { alertname: "磁盘告警", severity: "page", team: "db", instance: "db-2", job: "node" },
      { annotations: { summary: "数据盘空间不足" } },
    ),
  );
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const names = (page) => page.locator("tbody a.row-link").allInnerTexts();

async function shows(page, ...expected) {
  await page.waitForFunction((expected) => {
    const shown = [...document.querySelectorAll("tbody a.row-link")].map((a) => a.textContent);
    return JSON.stringify(shown.sort()) === expected;
  }, JSON.stringify(expected.toSorted()));
}

test("a clicked value filters, and the URL keeps the filter across a reload", async (t) => {
  const page = await openPage(t, browser, server);
  await visit(page, "/incidents");
  await shows(page, "DiskFull", "Slow", "磁盘告警");
  const team = page.locator("td.col-team", { hasText: "db" }).first();
  await team.hover();
  await team.getByRole("button", { name: 'Filter by team="db"' }).click();
  await shows(page, "DiskFull", "磁盘告警");
  assert.equal(new URL(page.url()).search, "?team=db");
  await page.getByText('team="db"', { exact: true }).waitFor();
  await page.reload();
  await shows(page, "DiskFull", "磁盘告警");
  await page.getByRole("button", { name: 'Remove filter team="db"' }).click();
  await shows(page, "DiskFull", "Slow", "磁盘告警");
  assert.equal(new URL(page.url()).search, "");
  await page.goBack();
  await shows(page, "DiskFull", "磁盘告警");
});

test("Alt + click excludes a value", async (t) => {
  const page = await openPage(t, browser, server);
  await visit(page, "/log");
  const severity = page.locator("td.col-sev", { hasText: "warning" });
  await severity.hover();
  await severity.getByRole("button", { name: /^Filter by severity/ }).click({ modifiers: ["Alt"] });
  await shows(page, "DiskFull", "磁盘告警");
  assert.equal(new URL(page.url()).searchParams.get("label"), 'severity!="warning"');
});

test("typed text searches at once, and a matcher becomes a chip", async (t) => {
  const page = await openPage(t, browser, server);
  await visit(page, "/log");
  await page.getByRole("searchbox").waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("空间");
  await shows(page, "磁盘告警");
  assert.equal(new URL(page.url()).searchParams.get("q"), "空间");
  await page.getByRole("searchbox").fill('job=~"no.*"');
  await page.keyboard.press("Enter");
  await shows(page, "磁盘告警");
  await page.getByText('job=~"no.*"', { exact: true }).waitFor();
});

test("without a match, each filter can be removed", async (t) => {
  const page = await openPage(t, browser, server);
  await visit(page, "/incidents?severity=critical&team=api");
  await page.getByText("Nothing matches the filter.").waitFor();
  await page.locator(".none").getByRole("button", { name: 'Remove filter team="api"' }).click();
  await shows(page, "DiskFull");
});

test("the time range is relative or from–to", async (t) => {
  const page = await openPage(t, browser, server);
  await visit(page, "/incidents");
  await page.getByRole("button", { name: "Any time" }).click();
  await page.getByRole("button", { name: "Last hour" }).click();
  await page.waitForURL(/range=1h/);
  await shows(page, "DiskFull", "Slow", "磁盘告警");
  await visit(page, "/incidents?to=2020-01-01T00:00:00Z");
  await page.getByText("Nothing matches the filter.").waitFor();
});

test("incidents are sorted by the chosen field", async (t) => {
  const page = await openPage(t, browser, server);
  await visit(page, "/incidents");
  await page.getByRole("combobox", { name: "Sort by" }).selectOption("duration");
  await page.waitForURL(/sort=duration/);
  await page.getByRole("button", { name: "Descending" }).click();
  await page.waitForURL(/sort=duration&order=asc/);
  await page.getByRole("button", { name: "Ascending" }).waitFor();
  await shows(page, "DiskFull", "Slow", "磁盘告警");
});

test("a phone has cards and a sheet", async (t) => {
  const page = await openPage(t, browser, server, { width: 390, height: 844 });
  await visit(page, "/incidents");
  await shows(page, "DiskFull", "Slow", "磁盘告警");
  await page.getByRole("button", { name: "Filters" }).click();
  const sheet = page.getByRole("dialog", { name: "Filters" });
  await sheet.getByRole("button", { name: "Last 24 hours" }).click();
  await page.waitForURL(/range=24h/);
  await page.keyboard.press("Escape");
  await sheet.waitFor({ state: "detached" });
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 390, `the page is ${width} wide`);
});

test("the filtered list is exported with the keyboard", async (t) => {
  const page = await openPage(t, browser, server);
  await visit(page, "/log?team=db");
  await shows(page, "DiskFull", "磁盘告警");
  await page.getByRole("button", { name: "Export" }).focus();
  await page.keyboard.press("Enter");
  const links = page.getByRole("group", { name: "Export all rows that match the filter" }).getByRole("link");
  assert.deepEqual(await links.allInnerTexts(), ["CSV", "Excel (XLSX)", "JSON Lines"]);
  await links.last().focus();
  const [download] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("Enter")]);
  assert.match(download.suggestedFilename(), /^tocsin-alerts-.*\.jsonl$/);
  const lines = (await readFile(await download.path(), "utf8")).trim().split("\n");
  assert.deepEqual(lines.map((line) => JSON.parse(line).alertname).sort(), ["DiskFull", "磁盘告警"]);
  await links.first().waitFor({ state: "detached" });
});

test("a bar of the chart filters by its time range", async (t) => {
  const over = { alertname: "DiskFull", severity: "critical", team: "db", instance: "db-1", job: "node" };
  await deliver(server, alert(over, { resolved: true }));
  const page = await openPage(t, browser, server);
  await visit(page, "/incidents?state=open&team=db");
  await shows(page, "磁盘告警");
  await page.getByRole("button", { name: "As a table" }).click();
  const times = page.getByRole("region", { name: "Alerts over time" }).locator("tbody th");
  await times.first().getByRole("button").click();
  await page.waitForURL(/from=/);
  await shows(page, "DiskFull", "Slow", "磁盘告警");
});
