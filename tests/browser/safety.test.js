import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { alert, deliver } from "./support/alerts.js";
import { openPage, startBrowser, visit } from "./support/browser.js";
import { startServer } from "./support/server.js";

const EVIL = '<img src=x onerror="document.title=1"><script>document.title=2</script>';

let server;
let browser;
before(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
  await deliver(
    server,
    alert(
      { alertname: EVIL, severity: EVIL, team: EVIL, instance: EVIL, "weird": '"quoted" \\ and\nnewline' },
      {
        annotations: { summary: EVIL, runbook: "javascript:document.title=3", doc: "https://wiki.example/x" },
        generatorURL: "javascript:document.title=4",
      },
    ),
  );
  await fetch(`${server.url}/api/v1/webhooks/alertmanager`, { method: "POST", body: EVIL });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("HTML in labels is shown as text, and only HTTP URLs are links", async (t) => {
  const page = await openPage(t, browser, server);
  for (const address of ["/incidents", "/log"]) {
    await visit(page, address);
    await page.locator("tbody a.row-link").first().click();
    const panel = page.getByRole("complementary");
    await panel.getByText("javascript:document.title=3").waitFor();
    const links = await page.locator("a").evaluateAll((all) => all.map((a) => a.href));
    assert.ok(links.includes("https://wiki.example/x"));
    assert.ok(links.every((link) => /^https?:/.test(link)), links.join("\n"));
    assert.equal(await page.locator("main img, main script, aside script").count(), 0);
    assert.match(await page.title(), /Tocsin$/);
  }
});

test("values with special characters can be filtered by, and the URL still works", async (t) => {
  const page = await openPage(t, browser, server);
  const { items } = await server.api("GET", "incidents");
  await visit(page, `/incidents/${items[0].id}`);
  await page.getByRole("complementary").getByRole("button", { name: /quoted/ }).click();
  await page.waitForURL(/label=/);
  await page.reload();
  await page.locator(".chip").getByText("weird=").waitFor();
  await page.locator("tbody a.row-link").first().waitFor();
});

test("a rejected request is reported", async (t) => {
  const page = await openPage(t, browser, server);
  await visit(page, "/log");
  await page.getByRole("button", { name: "1 request was rejected" }).click();
  const dialog = page.getByRole("dialog", { name: "Rejected requests" });
  await dialog.locator("li").first().waitFor();
  assert.notEqual((await dialog.locator("li p").first().innerText()).trim(), "");
});
