// axe-core finds no violation in any view, theme, language and width.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { alert, deliver } from "./support/alerts.js";
import { violations } from "./support/axe.js";
import { carry, openPage, startBrowser, visit } from "./support/browser.js";
import { startServer } from "./support/server.js";

let server;
let empty;
let browser;
let fresh;
let ids;
before(async () => {
  [server, empty, fresh, browser] = await Promise.all([
    startServer(),
    startServer(),
    startServer({ admin: false }),
    startBrowser(),
  ]);
  const group = await server.api("POST", "groups", { name: "db", isDefault: true });
  await server.api("POST", "recipients", {
    name: "王小明",
    email: "wang@example.org",
    groupIds: [group.id],
  });
  for (const name of ["Databases", "其余"]) {
    await server.api("POST", "routes", { name, matchers: ['team="db"'], groupIds: [group.id] });
  }
  await deliver(
    server,
    ...["critical", "warning", "info", "page", ""].map((severity, n) =>
      alert(
        { alertname: `Alert${n}`, severity, team: "db", instance: `host-${n}:9100` },
        { annotations: { summary: "磁盘 /data 已使用 97%", runbook: "https://wiki.example/x" }, minutes: n * 40 },
      ),
    ),
  );
  await deliver(server, alert({ alertname: "Over", severity: "critical", team: "db" }, { resolved: true }));
  const incidents = (await server.api("GET", "incidents")).items;
  const open = incidents.find((incident) => incident.alertname === "Alert1");
  await server.api("PATCH", `incidents/${open.id}`, { known: true, memo: "扩容中" });
  const entry = (await server.api("GET", "alerts")).items[0];
  await fetch(`${server.url}/api/v1/webhooks/alertmanager`, { method: "POST", body: "{" });
  const viewer = await server.user("viewer", "Vi");
  const bound = await server.user("responder", "Dima", { matchers: ['team=~"db|infra"'] });
  await server.user("viewer", "Gone", { enabled: false });
  await server.api("PUT", `users/${viewer.id}`, { name: "Vi", email: viewer.email, role: "viewer", matchers: ['team="db"'] });
  const token = { name: "Grafana", scopes: ["read"], matchers: ['team="db"'] };
  await server.api("POST", "tokens", token);
  const { token: old } = await server.api("POST", "tokens", { ...token, name: "Old" });
  await server.api("DELETE", `tokens/${old.id}`);
  const audit = (await server.api("GET", "audit?action=user.update")).items[0];
  ids = { incident: open.id, entry: entry.id, audit: audit.id, viewer, bound };
});
after(async () => {
  await browser?.close();
  await Promise.all([server?.stop(), empty?.stop(), fresh?.stop()]);
});

/** Views: path, a selector to wait for, and an optional action before the check. */
const views = () => [
  ["/incidents", "tbody a.row-link"],
  [`/incidents/${ids.incident}`, ".history li"],
  ["/incidents?severity=critical", "tbody a.row-link", settings],
  ["/incidents", "tbody a.row-link", select],
  ["/incidents", "tbody a.row-link", help],
  ["/incidents?severity=none&q=zzz", ".none button"],
  ["/log", "tbody a.row-link"],
  [`/log/${ids.entry}`, ".ack-box"],
  ["/log", "tbody a.row-link", exporting],
  ["/log", ".refused-line", rejected],
  ["/recipients", "tbody th"],
  ["/recipients", "tbody th", form],
  ["/recipients", "tbody th", deleting],
  [`/incidents/${ids.incident}`, ".history li", closing],
  ["/recipients?show=groups", "tbody th"],
  ["/recipients?show=routes", "tbody th"],
  ["/recipients?show=routes", "tbody th", form],
  ["/recipients?show=mails", "li.mail"],
  ["/nowhere", ".none a"],
  [`${empty.url}/incidents`, ".empty pre"],
  ["/recipients", "tbody th", menu],
  ["/account", ".session"],
  ["/users", "tbody th"],
  ["/users", "tbody th", userForm],
  ["/users", "tbody th", conflict],
  ["/tokens", "tbody th", withRevoked],
  ["/tokens?new=ingest", "dialog form"],
  ["/audit", "tbody th"],
  [`/audit/${ids.audit}`, ".diff"],
];

/** Views of other users than the administrator. */
const others = () => [
  [undefined, "/incidents?severity=critical", ".entry form", wrong],
  [undefined, "/sign-in?problem=oidc-not-allowed", ".notice"],
  [undefined, `${fresh.url}/set-up#token`, ".entry form", weak],
  [undefined, `${fresh.url}/`, ".entry pre"],
  [ids.bound, "/incidents", "tbody a.row-link"],
  [ids.viewer, `/incidents/${ids.incident}`, ".ack-box"],
  [ids.viewer, "/recipients", "tbody th"],
  [ids.viewer, "/users", ".none"],
  [ids.bound, `/incidents/${ids.incident}`, ".ack-box", ended],
];

async function deleting(page) {
  await page.locator(".card-actions button").last().click();
  await page.locator("dialog .btn-error").waitFor();
}
async function closing(page) {
  await page.locator(".ack-box button").last().click();
  await page.locator("dialog .btn-primary").waitFor();
}
async function menu(page) {
  await page.locator(".top-bar .popover-root > button").last().click();
  await page.locator(".account-menu").waitFor();
}
async function userForm(page) {
  await page.locator(".part-bar .btn-primary").click();
  await page.locator("dialog fieldset .link-btn").click();
  await page.locator("dialog button[type=submit]").click();
  await page.locator("dialog .field-error").first().waitFor();
}
async function conflict(page) {
  await page.locator("tr", { hasText: "gone@example.com" }).getByRole("button").first().click();
  await page.locator("#user-name").waitFor();
  const name = `Gone ${Date.now()}`;
  const { id } = (await server.api("GET", "users")).items.find(({ email }) => email === "gone@example.com");
  await server.api("PUT", `users/${id}`, { name, email: "gone@example.com", role: "viewer" });
  await page.fill("#user-name", "Mine");
  await page.locator("dialog button[type=submit]").click();
  await page.locator(".conflict").waitFor();
}
async function withRevoked(page) {
  await page.locator("section > p > .link-btn").click();
  await page.locator("tr.is-over").waitFor();
}
async function wrong(page) {
  await page.locator("button[type=submit]").click();
  await page.locator(".notice").waitFor();
}
async function weak(page) {
  await page.fill("#set-up-name", "Ana");
  await page.fill("#set-up-password", "short");
  await page.locator("button[type=submit]").click();
  await page.locator(".field-error, .notice").first().waitFor();
}
async function ended(page) {
  await page.context().clearCookies();
  await page.reload({ waitUntil: "commit" }).catch(() => {});
  await page.locator(".entry form").waitFor();
}

async function settings(page) {
  await page.locator(".top-bar .popover-root > button").first().click();
  await page.locator(".settings").waitFor();
}
async function select(page) {
  await page.locator("tbody input[type=checkbox]").first().check();
  await page.locator(".bulk").waitFor();
}
async function help(page) {
  await page.keyboard.press("?");
  await page.locator("dialog kbd").first().waitFor();
}
async function exporting(page) {
  const sheet = page.locator(".filter-line button.only-phone");
  const menu = page.locator(".filter-line .popover-root > button").last();
  await ((await sheet.isVisible()) ? sheet : menu).click();
  await page.locator("a.menu-item").first().waitFor();
}
async function rejected(page) {
  await page.locator(".refused-line").click();
  await page.locator("dialog li").first().waitFor();
}
async function form(page) {
  await page.locator(".part-bar .btn-primary").click();
  await page.locator("dialog button[type=submit]").click();
  await page.locator("dialog .field-error").first().waitFor();
}

for (const width of [1360, 390]) {
  for (const theme of ["light", "dark"]) {
    for (const locale of ["en-US", "zh-CN"]) {
      test(`${width} px, ${theme}, ${locale}`, async (t) => {
        const allow = /status of (400|401|403|412|422)/;
        const page = await openPage(t, browser, server, { width, theme, locale, allow, user: null });
        const context = page.context();
        const found = [];
        const check = async ([path, selector, act]) => {
          await visit(page, path);
          await page.locator(selector).first().waitFor();
          await act?.(page);
          for (const line of await violations(page)) {
            found.push(`${path} ${act?.name ?? ""} ${line}`);
          }
          const lang = await page.evaluate(() => document.documentElement.lang);
          assert.equal(lang, locale === "zh-CN" ? "zh-CN" : "en");
          const wide = await page.evaluate(() => document.documentElement.scrollWidth);
          assert.ok(wide <= width, `${path} ${act?.name ?? ""} is ${wide} wide`);
        };
        for (const [user, ...view] of others()) {
          await context.clearCookies();
          if (user) {
            await carry(context, server, await server.signIn(user));
          }
          await check(view);
        }
        await context.clearCookies();
        for (const view of views()) {
          // Cookies ignore the port: each server needs its own.
          const at = view[0].startsWith("http") ? empty : server;
          await carry(context, at, at.cookie);
          await check(view);
        }
        assert.deepEqual(found, []);
      });
    }
  }
}
