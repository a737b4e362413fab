import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { alert, deliver } from "./support/alerts.js";
import { openPage, startBrowser, visit } from "./support/browser.js";
import { startServer } from "./support/server.js";

let server;
let browser;
before(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
  await deliver(server, alert({ alertname: "DiskFull", severity: "critical", instance: "db-1" }));
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const root = (page, name) => page.evaluate((name) => document.documentElement.getAttribute(name), name);

test("language and theme follow the browser until chosen, then the account", async (t) => {
  const user = await server.user("viewer", "Chooser");
  const page = await openPage(t, browser, server, { theme: "dark", locale: "zh-CN", user });
  await visit(page, "/incidents");
  await page.getByRole("link", { name: "告警日志" }).waitFor();
  assert.deepEqual([await root(page, "lang"), await root(page, "data-theme")], ["zh-CN", "dark"]);
  await page.locator("tbody").getByText("严重").waitFor();
  await page.locator("tbody").getByText("告警中").waitFor();

  await page.getByRole("button", { name: "设置" }).click();
  await page.getByRole("button", { name: "浅色" }).click();
  await page.getByRole("button", { name: "English" }).click();
  await page.getByRole("link", { name: "Log" }).waitFor();
  assert.deepEqual([await root(page, "lang"), await root(page, "data-theme")], ["en", "light"]);
  await page.reload();
  await page.getByRole("link", { name: "Log" }).waitFor();
  assert.deepEqual([await root(page, "lang"), await root(page, "data-theme")], ["en", "light"]);

  // Also in a browser with other defaults.
  const other = await openPage(t, browser, server, { theme: "dark", locale: "zh-CN", user });
  await visit(other, "/incidents");
  await other.getByRole("link", { name: "Log" }).waitFor();
  await other.waitForFunction(() => document.documentElement.dataset.theme === "light");
});

test("the theme is set before the program starts", async (t) => {
  const page = await openPage(t, browser, server, { prefs: { theme: "dark" } });
  // The program does not load, so only the page itself is painted.
  await page.route(/\.wasm$/, () => {});
  await page.goto("/incidents", { waitUntil: "domcontentloaded" });
  assert.equal(await root(page, "data-theme"), "dark");
  const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.notEqual(ground, "rgb(255, 255, 255)");
});

test("the theme follows a change of the system theme", async (t) => {
  const page = await openPage(t, browser, server);
  await visit(page, "/log");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.waitForFunction(() => document.documentElement.dataset.theme === "dark");
});

test("times are in the browser's zone, with UTC in the tooltip", async (t) => {
  const page = await openPage(t, browser, server);
  await visit(page, "/log");
  const time = page.locator("tbody time").first();
  assert.match(await time.innerText(), /just now|min ago/);
  const [local, utc] = (await time.getAttribute("title")).split("\n");
  assert.match(local, /Asia\/Shanghai$/);
  assert.match(utc, /UTC$/);
  const hours = (text) => Number(text.slice(11, 13));
  assert.equal((hours(utc) + 8) % 24, hours(local));

  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByRole("button", { name: "Exact" }).click();
  await page.waitForFunction(() => /^\d\d-\d\d /.test(document.querySelector("tbody time").textContent));
});

test("the URL of an incident opens its panel next to the list", async (t) => {
  const page = await openPage(t, browser, server);
  const { items } = await server.api("GET", "incidents");
  await visit(page, `/incidents/${items[0].id}?severity=critical`);
  const panel = page.getByRole("complementary");
  await panel.getByRole("heading", { name: "DiskFull" }).waitFor();
  await panel.getByRole("link", { name: "Graph in Prometheus" }).waitFor();
  await panel.locator(".history").getByText("Fired").waitFor();
  assert.equal(await page.locator("tbody tr").count(), 1);
  await panel.getByRole("button", { name: "Close", exact: true }).click();
  await page.waitForURL(/\/incidents\?severity=critical$/);
});

test("an error is shown with a retry that recovers", async (t) => {
  const page = await openPage(t, browser, server, { allow: /Failed to load resource/ });
  let broken = true;
  // Live events would reload the list.
  await page.route(/\/api\/v1\/events/, (route) => route.abort());
  await page.route(/\/api\/v1\/alerts\?/, (route) =>
    broken
      ? route.fulfill({
          status: 503,
          contentType: "application/problem+json",
          body: JSON.stringify({
            type: "urn:tocsin:problem:busy",
            title: "Busy",
            status: 503,
            detail: "The database is busy. Try again in a few seconds.",
          }),
        })
      : route.continue(),
  );
  await visit(page, "/log");
  await page.getByText("The database is busy. Try again in a few seconds.").waitFor();
  broken = false;
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("link", { name: "DiskFull" }).waitFor();
});
