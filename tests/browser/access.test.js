// No violation that axe-core knows of, in every view, theme, language and width.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { alert, deliver } from "./support/alerts.js";
import { openPage, startBrowser, visit } from "./support/browser.js";
import { startServer } from "./support/server.js";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

let server;
let empty;
let browser;
let axe;
let ids;
before(async () => {
  axe = await readFile(new URL(import.meta.resolve("axe-core/axe.min.js")), "utf8");
  [server, empty, browser] = await Promise.all([startServer(), startServer(), startBrowser()]);
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
  await server.api("PATCH", `incidents/${open.id}`, { known: true, by: "Ana", memo: "扩容中" });
  const entry = (await server.api("GET", "alerts")).items[0];
  await fetch(`${server.url}/api/v1/webhooks/alertmanager`, { method: "POST", body: "{" });
  ids = { incident: open.id, entry: entry.id };
});
after(async () => {
  await browser?.close();
  await Promise.all([server?.stop(), empty?.stop()]);
});

/** Each view: its address, what shows that it is there, and what is done first. */
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
  ["/log", ".refused-line", refused],
  ["/recipients", "tbody th"],
  ["/recipients", "tbody th", form],
  ["/recipients?show=groups", "tbody th"],
  ["/recipients?show=routes", "tbody th"],
  ["/recipients?show=routes", "tbody th", form],
  ["/recipients?show=mails", "li.mail"],
  ["/nowhere", ".none a"],
  [`${empty.url}/incidents`, ".empty pre"],
];

async function settings(page) {
  await page.locator(".top-bar .popover-root > button").click();
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
async function refused(page) {
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
        const page = await openPage(t, browser, server, {
          width,
          theme,
          locale,
          allow: /status of (400|422)/,
        });
        const found = [];
        for (const [address, there, act] of views()) {
          await visit(page, address);
          await page.locator(there).first().waitFor();
          await act?.(page);
          await page.evaluate(axe);
          const { violations } = await page.evaluate(
            (rules) => globalThis.axe.run({ runOnly: rules }),
            RULES,
          );
          for (const { id, nodes } of violations) {
            found.push(`${address} ${act?.name ?? ""} ${id}: ${nodes[0].html}`);
          }
          const lang = await page.evaluate(() => document.documentElement.lang);
          assert.equal(lang, locale === "zh-CN" ? "zh-CN" : "en");
        }
        assert.deepEqual(found, []);
      });
    }
  }
}
