// The account page: preferences, password, sessions.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { alert, deliver } from "./support/alerts.js";
import { openPage, startBrowser, visit } from "./support/browser.js";
import { startServer } from "./support/server.js";

const REJECTED = /status of (400|401|422)/;

let server;
let browser;
before(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
  await deliver(server, alert({ alertname: "DiskFull" }));
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("name, language, zone and theme are stored with the account", async (t) => {
  const user = await server.user("responder", "Wang");
  const page = await openPage(t, browser, server, { user, allow: REJECTED });
  await visit(page, "/account");
  await page.getByLabel("Name").fill("");
  await page.getByRole("button", { name: "Save" }).click();
  await page.locator("#account-name-error").waitFor();
  await page.getByLabel("Name").fill("王小明");
  await page.getByLabel("Time zone").selectOption("America/New_York");
  await page.getByLabel("Theme").selectOption("dark");
  await page.getByLabel("Language").selectOption("zh");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("已保存").waitFor();
  await page.waitForFunction(() => document.documentElement.dataset.theme === "dark");

  const other = await openPage(t, browser, server, { user });
  await visit(other, "/log");
  const time = other.locator("tbody time").first();
  await time.waitFor();
  assert.match(await time.getAttribute("title"), /America\/New_York/);
  assert.deepEqual(
    await other.evaluate(() => [document.documentElement.lang, document.documentElement.dataset.theme]),
    ["zh-CN", "dark"],
  );
  await other.getByRole("button", { name: "王小明 的账户" }).waitFor();

  // Back to the browser defaults.
  await visit(page, "/account");
  await page.getByLabel("语言").selectOption("");
  await page.getByLabel("主题").selectOption("");
  await page.getByRole("button", { name: "保存" }).click();
  await page.getByText("Saved").waitFor();
  await other.reload();
  await other.getByRole("link", { name: "Incidents" }).waitFor();
  await other.waitForFunction(() => document.documentElement.dataset.theme === "light");
});

test("changing the password ends other sessions, and a single session can be ended", async (t) => {
  const user = await server.user("viewer", "Mia");
  const next = "copper lighthouse mango 9";
  const page = await openPage(t, browser, server, { user, allow: REJECTED });
  const others = [await server.signIn(user), await server.signIn(user)];
  await visit(page, "/account");
  await page.locator("li.session").nth(2).waitFor();
  assert.equal(await page.getByText("this browser").count(), 1);
  await page.getByRole("button", { name: /^Sign out (?!all)/ }).first().click();
  await page.waitForFunction(() => document.querySelectorAll("li.session").length === 2);

  await page.getByLabel("Current password").fill("not mine at all");
  await page.getByLabel("New password").fill(next);
  await page.getByRole("button", { name: "Change password" }).click();
  await page.locator("#password-current-error").waitFor();
  await page.getByLabel("Current password").fill(user.password);
  await page.getByRole("button", { name: "Change password" }).click();
  await page.getByText("Password changed").waitFor();
  for (const cookie of others) {
    const answer = await fetch(`${server.url}/api/v1/me`, { headers: { cookie } });
    assert.equal(answer.status, 401);
  }
  await server.signIn({ ...user, password: next });
  await page.reload();
  await page.locator("li.session").nth(1).waitFor();
  await page.getByRole("button", { name: "Sign out all others" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Sign out all others" }).click();
  await page.getByText("All other sessions have ended.").waitFor();
  await page.waitForFunction(() => document.querySelectorAll("li.session").length === 1);
});
