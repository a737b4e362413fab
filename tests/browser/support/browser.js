// Debian's Chromium, and pages that must not complain.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";

// `cargo xtask test` looks for one that is new enough.
const CHROMIUM = process.env.TOCSIN_TEST_CHROMIUM;

/** One browser for a test file; `args` are further ones for Chromium. */
export function startBrowser({ args = [] } = {}) {
  assert.ok(CHROMIUM, "run by `cargo xtask test --only browser`, or set TOCSIN_TEST_CHROMIUM");
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...args,
    ],
  });
}

/**
 * A fresh profile with one page, signed in as the administrator or as `user`;
 * with `user: null`, nobody is. When the test ends, it fails if the page wrote an
 * error into the console or threw one.
 */
export async function openPage(t, browser, server, options = {}) {
  const { width = 1360, height = 850, theme = "light", locale = "en-US", prefs, allow, user } = options;
  const context = await browser.newContext({
    baseURL: server.url,
    viewport: { width, height },
    isMobile: width < 640,
    hasTouch: width < 640,
    colorScheme: theme,
    locale,
    timezoneId: "Asia/Shanghai",
    reducedMotion: "reduce",
  });
  context.setDefaultTimeout(20_000);
  if (prefs) {
    const text = JSON.stringify(prefs);
    await context.addInitScript((text) => {
      if (localStorage.getItem("tocsin.prefs") === null) {
        localStorage.setItem("tocsin.prefs", text);
      }
    }, text);
  }
  const cookie = user === undefined ? server.cookie : user && (await server.signIn(user));
  if (cookie) {
    await carry(context, server, cookie);
  }
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !allow?.test(message.text())) {
      complaints.push(message.text());
    }
  });
  t.after(async () => {
    await context.close();
    assert.deepEqual(complaints, [], "the page complained");
  });
  return page;
}

/** Gives a profile a session's cookie, as the server would set it. */
export function carry(context, server, cookie) {
  const at = cookie.indexOf("=");
  const [name, value] = [cookie.slice(0, at), cookie.slice(at + 1)];
  return context.addCookies([{ name, value, url: server.url, httpOnly: true, sameSite: "Lax" }]);
}

/** Goes to an address and waits for the program to have started. */
export async function visit(page, address) {
  await page.goto(address);
  await page.locator("html[data-boot=ready]").waitFor({ state: "attached" });
}
