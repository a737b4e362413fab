// Set-up, sign-in, the end of a session, and sign-out.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { alert, deliver } from "./support/alerts.js";
import { carry, openPage, startBrowser, visit } from "./support/browser.js";
import { ADMIN, startServer } from "./support/server.js";
import { until } from "./support/until.js";

// The browser logs each rejected request to the console.
const REJECTED = /status of (400|401|403|404|409|422|429)/;

let server;
let browser;
before(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
  await deliver(server, alert({ alertname: "DiskFull", severity: "critical", team: "db" }));
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function signIn(page, { email, password }) {
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

test("the printed set-up link creates the first administrator, who sees the Alertmanager configuration", async (t) => {
  const fresh = await startServer({ admin: false });
  t.after(() => fresh.stop());
  const link = fresh.output().match(/http\S+\/set-up#\S+/)?.[0];
  assert.ok(link, fresh.output());
  const page = await openPage(t, browser, fresh, { allow: REJECTED, user: null });

  await visit(page, `${fresh.url}/`);
  await page.getByText("Not set up yet").first().waitFor();

  await visit(page, link.replace(/^http:\/\/[^/]+/, fresh.url));
  await page.getByLabel("Name").fill("Ana");
  await page.getByLabel("E-mail").fill(ADMIN.email);
  // The token is neither in the URL nor in the page.
  assert.equal(page.url(), `${fresh.url}/set-up`);
  assert.ok(!(await page.content()).includes("tocsin_setup_"));
  await page.getByLabel("Password", { exact: true }).fill("password12");
  await page.getByRole("button", { name: "Create account" }).click();
  await page.locator("#set-up-password-error").waitFor();
  assert.equal(await page.getByLabel("Name").inputValue(), "Ana");
  await page.getByLabel("Password", { exact: true }).fill(ADMIN.password);
  await page.getByRole("button", { name: "Show the password" }).click();
  assert.equal(await page.getByLabel("Password", { exact: true }).getAttribute("type"), "text");
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByText("No alerts yet").waitFor();
  assert.ok((await page.locator("pre").innerText()).includes("/api/v1/webhooks/alertmanager"));

  // The link is no longer valid; the account works.
  await page.context().clearCookies();
  await visit(page, link.replace(/^http:\/\/[^/]+/, fresh.url));
  await page.getByText("already set up").waitFor();
  await page.getByRole("link", { name: "Go to the sign-in page" }).click();
  await signIn(page, ADMIN);
  await page.getByText("No alerts yet").waitFor();
});

test("an invalid set-up link is reported", async (t) => {
  const fresh = await startServer({ admin: false });
  t.after(() => fresh.stop());
  const page = await openPage(t, browser, fresh, { allow: REJECTED, user: null });
  await visit(page, "/set-up");
  await page.getByText("The link is incomplete").waitFor();
  await visit(page, "/incidents");
  await visit(page, `/set-up#tocsin_setup_${"0".repeat(43)}`);
  await page.getByLabel("Name").fill("Eve");
  await page.getByLabel("E-mail").fill("eve@example.com");
  await page.getByLabel("Password", { exact: true }).fill(ADMIN.password);
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByText("This link is invalid").waitFor();
});

test("sign-in returns to the requested page, and scripts cannot read the session", async (t) => {
  const page = await openPage(t, browser, server, { allow: REJECTED, user: null });
  await visit(page, "/incidents?severity=critical");
  await page.waitForURL(/\/sign-in\?returnTo=/);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByText("Enter e-mail and password.").waitFor();
  for (const email of ["unknown@example.com", ADMIN.email]) {
    await signIn(page, { email, password: "wrong wrong wrong" });
    await page.getByText("E-mail or password is wrong.").waitFor();
    await page.waitForFunction(() => document.querySelector("#sign-in-password").value === "");
    assert.equal(await page.getByLabel("E-mail").inputValue(), email);
  }
  await signIn(page, ADMIN);
  await page.waitForURL(/\/incidents\?severity=critical$/);
  await page.getByRole("link", { name: "DiskFull" }).waitFor();

  const cookies = await page.context().cookies();
  assert.equal(cookies.length, 1);
  assert.deepEqual(
    [cookies[0].name, cookies[0].httpOnly, cookies[0].sameSite],
    ["tocsin", true, "Lax"],
  );
  const stored = await page.evaluate(() => [document.cookie, JSON.stringify({ ...localStorage, ...sessionStorage })]);
  assert.equal(stored[0], "");
  for (const secret of [cookies[0].value, ADMIN.password]) {
    assert.ok(!stored[1].includes(secret));
  }
});

test("returnTo does not lead to another site", async (t) => {
  const page = await openPage(t, browser, server, { allow: REJECTED, user: null });
  await visit(page, "/sign-in?returnTo=//evil.example/incidents");
  await signIn(page, ADMIN);
  await page.waitForURL(`${server.url}/incidents?state=open`);
});

test("too many sign-in attempts and single sign-on errors are reported", async (t) => {
  const page = await openPage(t, browser, server, { allow: REJECTED, user: null });
  await visit(page, "/sign-in?problem=oidc-not-allowed");
  await page.getByText("not allowed to use Tocsin").waitFor();
  const user = await server.user("viewer", "Clumsy");
  for (let n = 0; n < 5; n += 1) {
    await server.signIn({ ...user, password: "wrong" }).catch(() => {});
  }
  await signIn(page, user);
  await page.getByText(/Too many attempts\. Try again in \d+ s/).waitFor();
});

test("when a session ends, typed text is kept and the pending request is sent after sign-in", async (t) => {
  const user = await server.user("responder", "Bo");
  const page = await openPage(t, browser, server, { allow: REJECTED, user });
  await visit(page, "/incidents");
  await page.getByRole("link", { name: "DiskFull" }).click();
  const panel = page.getByRole("complementary");
  await panel.getByLabel("Note").fill("a long note, typed for minutes");
  // The administrator ends the session, which ends the event stream.
  await server.api("DELETE", `users/${user.id}/sessions`);
  const dialog = page.getByRole("dialog", { name: "Your session has ended" });
  await dialog.waitFor();
  // The dialog cannot be dismissed, not even with a second Escape.
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await dialog.waitFor();
  assert.equal(await dialog.getByLabel("E-mail").inputValue(), user.email);
  await signIn(dialog, user).catch(() => {});
  await dialog.waitFor({ state: "detached" });
  assert.equal(await panel.getByLabel("Note").inputValue(), "a long note, typed for minutes");
  await panel.getByRole("button", { name: "Acknowledge", exact: true }).click();
  await panel.getByText("Acknowledged by Bo").first().waitFor();
  await page.getByRole("button", { name: "Live", exact: true }).waitFor();

  // A request that gets a 401 waits and is sent after sign-in.
  await page.context().clearCookies();
  await panel.getByRole("button", { name: "Unacknowledge" }).click();
  await dialog.waitFor();
  await signIn(dialog, user);
  await dialog.waitFor({ state: "detached" });
  await until("the incident to be unacknowledged", async () => {
    const { items } = await server.api("GET", "incidents?alertname=DiskFull");
    return !items[0].known;
  });
});

test("sign-in in another window continues this one", async (t) => {
  const user = await server.user("viewer", "Twin");
  const page = await openPage(t, browser, server, { allow: REJECTED, user });
  await visit(page, "/incidents");
  await page.getByRole("link", { name: "DiskFull" }).waitFor();
  await server.api("DELETE", `users/${user.id}/sessions`);
  const dialog = page.getByRole("dialog", { name: "Your session has ended" });
  await dialog.waitFor();
  await carry(page.context(), server, await server.signIn(user));
  await page.evaluate(() => window.dispatchEvent(new Event("focus")));
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Live", exact: true }).waitFor();
});

test("sign-out ends the session and shows the sign-in page", async (t) => {
  const user = await server.user("viewer", "Vi");
  const page = await openPage(t, browser, server, { allow: REJECTED, user });
  await visit(page, "/incidents");
  await page.getByRole("button", { name: "Account of Vi" }).click();
  await page.getByText("Viewer", { exact: true }).waitFor();
  const [before] = await page.context().cookies();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(/\/sign-in$/);
  await page.getByLabel("Password", { exact: true }).waitFor();
  const answer = await fetch(`${server.url}/api/v1/me`, {
    headers: { cookie: `${before.name}=${before.value}` },
  });
  assert.equal(answer.status, 401);
});
