// Starts Chromium and opens pages that must not log errors.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";

// Set by `cargo xtask test`.
const CHROMIUM = process.env.TOCSIN_TEST_CHROMIUM;

/** A browser for a test file; `args` are additional Chromium arguments. */
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
 * A new profile with one page, signed in as the administrator or as `user`; with
 * `user: null`, not signed in. The test fails if the page logs an error to the
 * console or throws one, unless `allow` matches it.
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
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !allow?.test(message.text())) {
      errors.push(message.text());
    }
  });
  t.after(async () => {
    await context.close();
    assert.deepEqual(errors, [], "errors of the page");
  });
  return page;
}

/** Adds a session cookie to a profile, as the server would set it. */
export function carry(context, server, cookie) {
  const at = cookie.indexOf("=");
  const [name, value] = [cookie.slice(0, at), cookie.slice(at + 1)];
  return context.addCookies([{ name, value, url: server.url, httpOnly: true, sameSite: "Lax" }]);
}

/** Opens a URL and waits until the program has started. */
export async function visit(page, url) {
  await page.goto(url);
  await page.locator("html[data-boot=ready]").waitFor({ state: "attached" });
}
